#include "crypto/siphash.h"

#include <endian.h>
#include <string.h>

#include "base/defs.h"

struct siphash_state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t siphash_rotate(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static void siphash_round(struct siphash_state *s)
{
    s->v0 += s->v1;
    s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
    s->v0 = siphash_rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
    s->v2 = siphash_rotate(s->v2, 32);
}

static void siphash_take(struct siphash_state *s, uint64_t piece)
{
    s->v3 ^= piece;
    siphash_round(s);
    siphash_round(s);
    s->v0 ^= piece;
}

uint64_t siphash(const struct siphash_key *key, const void *p, size_t n)
{
    struct siphash_state s = {key->k[0] ^ UINT64_C(0x736f6d6570736575), key->k[1] ^ UINT64_C(0x646f72616e646f6d),
                              key->k[0] ^ UINT64_C(0x6c7967656e657261), key->k[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t piece;
    size_t i;

    for (i = 0; i + sizeof piece <= n; i += sizeof piece) {
        memcpy(&piece, (const char *)p + i, sizeof piece);
        siphash_take(&s, le64toh(piece));
    }
    piece = 0;
    memcpy(&piece, (const char *)p + i, n - i);
    siphash_take(&s, le64toh(piece) | (uint64_t)n << 56);
    s.v2 ^= 0xff;
    for (i = 0; i < 4; i++)
        siphash_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
