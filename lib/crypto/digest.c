#include "crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"

struct sha256_stream {
    EVP_MD_CTX *md;
};

static EVP_MD *digest_sha256;
static pthread_once_t digest_sha256_once = PTHREAD_ONCE_INIT;

static void digest_fetch_sha256(void)
{
    digest_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    ASSERT(digest_sha256 != NULL);
}

/* EVP_sha256() would be looked up anew with each digest: five times the work for an API key. Kept until the end. */
static const EVP_MD *digest_md(void)
{
    ASSERT(pthread_once(&digest_sha256_once, digest_fetch_sha256) == 0);
    return digest_sha256;
}

struct sha256 sha256_of(struct str s)
{
    struct sha256 h;

    ASSERT(EVP_Digest(s.p == NULL ? "" : s.p, s.n, h.b, NULL, digest_md(), NULL) == 1);
    return h;
}

struct sha1 sha1_of(struct str s)
{
    struct sha1 h;

    ASSERT(EVP_Digest(s.p == NULL ? "" : s.p, s.n, h.b, NULL, EVP_sha1(), NULL) == 1);
    return h;
}

struct sha256 hmac_sha256(struct str key, struct str message)
{
    struct sha256 h;
    unsigned n = sizeof h.b;

    ASSERT(key.n <= INT32_MAX);
    ASSERT(HMAC(digest_md(), key.p == NULL ? "" : key.p, (int)key.n, (const unsigned char *)message.p, message.n, h.b,
                &n) != NULL);
    return h;
}

struct sha256_stream *sha256_stream_new(void)
{
    struct sha256_stream *s = xcalloc(1, sizeof *s);

    s->md = EVP_MD_CTX_new();
    ASSERT(s->md != NULL && EVP_DigestInit_ex(s->md, digest_md(), NULL) == 1);
    return s;
}

void sha256_stream_add(struct sha256_stream *s, const void *p, size_t n)
{
    ASSERT(EVP_DigestUpdate(s->md, p, n) == 1);
}

struct sha256 sha256_stream_end(struct sha256_stream *s)
{
    struct sha256 h;

    ASSERT(EVP_DigestFinal_ex(s->md, h.b, NULL) == 1);
    EVP_MD_CTX_free(s->md);
    free(s);
    return h;
}

bool sha256_of_file(int fd, struct sha256 *ret_digest, uint64_t *ret_bytes)
{
    uint8_t chunk[64 << 10];
    struct sha256_stream *s = sha256_stream_new();
    uint64_t at = 0;
    ssize_t n;

    while ((n = pread(fd, chunk, sizeof chunk, (off_t)at)) > 0) {
        sha256_stream_add(s, chunk, (size_t)n);
        at += (uint64_t)n;
    }
    *ret_digest = sha256_stream_end(s);
    *ret_bytes = at;
    return n == 0;
}

struct str hex_encode(struct arena *arena, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = p;
    char *out = arena_array(arena, n, 2);

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    return str_of(out, 2 * n);
}

bool hex_decode(struct str text, void *ret, size_t n)
{
    uint8_t *out = ret;

    if (text.n / 2 != n || text.n % 2 != 0)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (str_hex_value(text.p[i]) < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(str_hex_value(text.p[2 * i]) << 4 | str_hex_value(text.p[2 * i + 1]));
    return true;
}

struct str token_new(struct arena *arena, size_t n_bytes)
{
    uint8_t *p = arena_alloc(arena, n_bytes);

    rand_bytes(p, n_bytes);
    struct str text = base62_encode(arena, p, n_bytes);
    explicit_bzero(p, n_bytes);
    return text;
}

/* log2 62 = 5.954196310386875, as a fraction that is exact enough for any n in use. */
static size_t digest_base62_chars(size_t n)
{
    uint64_t num = (uint64_t)n * 8 * UINT64_C(1000000000), den = UINT64_C(5954196310);

    return (size_t)((num + den - 1) / den);
}

struct str base62_encode(struct arena *arena, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t chars = digest_base62_chars(n);
    char *out = arena_alloc(arena, chars + 1);
    uint8_t *number = arena_alloc(arena, n);

    ASSERT(n <= 1024); /* quadratic; ids and tokens have 32 */
    if (n > 0)
        memcpy(number, p, n);
    for (size_t at = chars; at-- > 0;) { /* long division by 62, least digit first */
        unsigned rest = 0;
        for (size_t i = 0; i < n; i++) {
            unsigned v = rest << 8 | number[i];
            number[i] = (uint8_t)(v / 62);
            rest = v % 62;
        }
        out[at] = digits[rest];
    }
    return str_of(out, chars);
}
