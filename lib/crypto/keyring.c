#include "crypto/keyring.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/rand.h"
#include "crypto/digest.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12 /* NIST SP 800-38D 8.2.2: random, so one key seals at most 2^32 values */
#define TAG_BYTES 16
#define KEYS_MAX 255
#define PLAIN_MAX_BYTES (1u << 20) /* tokens have a few hundred */

struct ring_key {
    uint8_t id;
    uint8_t key[KEY_BYTES];
};

struct keyring {
    size_t n;
    struct ring_key v[KEYS_MAX]; /* the current one first */
};

static const struct ring_key *keyring_find(const struct keyring *ring, int id)
{
    for (size_t i = 0; i < ring->n; i++)
        if (ring->v[i].id == id)
            return &ring->v[i];
    return NULL;
}

/* "ID HEX64" */
static bool keyring_parse_line(struct str line, struct keyring *ring)
{
    struct str id_text;
    int64_t id;
    struct ring_key *k = &ring->v[ring->n];

    if (ring->n == KEYS_MAX || !str_cut(&line, ' ', &id_text) || !str_to_i64(id_text, &id) || id < 1 || id > 255)
        return false;
    if (keyring_find(ring, (int)id) != NULL || !hex_decode(str_trim(line), k->key, KEY_BYTES))
        return false;
    k->id = (uint8_t)id;
    ring->n++;
    return true;
}

static struct str keyring_trim_line(struct str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return str_trim(line);
}

enum err keyring_parse(struct str text, struct keyring **ret_ring)
{
    _cleanup_(keyring_freep) struct keyring *ring = xcalloc(1, sizeof *ring);
    struct str line;

    while (str_next(&text, '\n', &line)) {
        line = keyring_trim_line(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (!keyring_parse_line(line, ring))
            return ERR_VALIDATION;
    }
    if (ring->n == 0)
        return ERR_VALIDATION;
    *ret_ring = TAKE_PTR(ring);
    return OK;
}

enum err keyring_read(const char *name, struct keyring **ret_ring, struct buf *why)
{
    _cleanup_(secret_done) struct secret text = {0};

    enum err e = credential_read(name, &text);
    if (e == OK)
        e = keyring_parse(secret_str(&text), ret_ring);
    if (e != OK)
        buf_printf(why, "the credential %s is missing or is not a key ring (lines of ID HEX64)", name);
    return e;
}

void keyring_free(struct keyring *ring)
{
    if (ring == NULL)
        return;
    explicit_bzero(ring, sizeof *ring);
    free(ring);
}

DEFINE_FREEP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

enum err keyring_seal(const struct keyring *ring, struct str plain, struct str aad, struct arena *arena,
                      struct str *ret_sealed)
{
    const struct ring_key *k = &ring->v[0];
    _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, tail = 0;

    ASSERT(c != NULL && plain.n <= PLAIN_MAX_BYTES && aad.n <= PLAIN_MAX_BYTES);
    uint8_t *out = arena_alloc(arena, plain.n + KEYRING_OVERHEAD);
    uint8_t *nonce = out + 1, *body = nonce + NONCE_BYTES;
    out[0] = k->id;
    rand_bytes(nonce, NONCE_BYTES);
    if (EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->key, nonce) != 1 ||
        EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) != 1 ||
        EVP_EncryptUpdate(c, body, &n, (const uint8_t *)plain.p, (int)plain.n) != 1 ||
        EVP_EncryptFinal_ex(c, body + n, &tail) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + plain.n) != 1)
        return ERR_INTERNAL;
    *ret_sealed = str_of(out, plain.n + KEYRING_OVERHEAD);
    return OK;
}

enum err keyring_open(const struct keyring *ring, struct str sealed, struct str aad, struct secret *ret_plain)
{
    const struct ring_key *k = keyring_find(ring, keyring_sealed_id(sealed));
    int n = 0, tail = 0;

    if (k == NULL || sealed.n - KEYRING_OVERHEAD > PLAIN_MAX_BYTES)
        return ERR_SEALED;
    size_t plain_n = sealed.n - KEYRING_OVERHEAD;
    const uint8_t *nonce = (const uint8_t *)sealed.p + 1, *body = nonce + NONCE_BYTES;
    uint8_t tag[TAG_BYTES];
    memcpy(tag, body + plain_n, TAG_BYTES);

    _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    _cleanup_(secret_done) struct secret plain = {.p = xcalloc(plain_n + 1, 1), .n = plain_n};
    ASSERT(c != NULL && aad.n <= PLAIN_MAX_BYTES);
    if (EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->key, nonce) != 1 ||
        EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) != 1 ||
        EVP_DecryptUpdate(c, (uint8_t *)plain.p, &n, body, (int)plain_n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) != 1 ||
        EVP_DecryptFinal_ex(c, (uint8_t *)plain.p + n, &tail) != 1)
        return ERR_SEALED;
    *ret_plain = plain;
    plain = (struct secret){0};
    return OK;
}

enum err keyring_seal_again(const struct keyring *ring, struct str sealed, struct str aad, struct arena *arena,
                            struct str *ret_sealed)
{
    _cleanup_(secret_done) struct secret plain = {0};

    if (keyring_sealed_id(sealed) == keyring_current_id(ring)) {
        *ret_sealed = sealed;
        return OK;
    }
    enum err e = keyring_open(ring, sealed, aad, &plain);
    return e == OK ? keyring_seal(ring, secret_str(&plain), aad, arena, ret_sealed) : e;
}

int keyring_sealed_id(struct str sealed)
{
    return sealed.n < KEYRING_OVERHEAD ? 0 : (uint8_t)sealed.p[0];
}

int keyring_current_id(const struct keyring *ring)
{
    return ring->v[0].id;
}

bool keyring_has(const struct keyring *ring, int id)
{
    return keyring_find(ring, id) != NULL;
}
