/* SHA-256, HMAC-SHA-256, SHA-1 where somebody else asks for it (OpenSSL EVP), hex and base62. None of these can fail: if OpenSSL is broken, the process
 * ends. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define SHA256_BYTES 32

struct sha256 {
    uint8_t b[SHA256_BYTES];
};

#define SHA1_BYTES 20
struct sha1 {
    uint8_t b[SHA1_BYTES];
};

struct sha1 sha1_of(struct str s);
struct sha256 sha256_of(struct str s);
struct sha256 hmac_sha256(struct str key, struct str message);

/* For data that arrives in pieces. */
struct sha256_stream;
struct sha256_stream *sha256_stream_new(void);
void sha256_stream_add(struct sha256_stream *s, const void *p, size_t n);
struct sha256 sha256_stream_end(struct sha256_stream *s); /* frees s */

/* Of a whole file, whatever its offset, which does not change. False with errno set if it cannot be read. */
MUST_CHECK bool sha256_of_file(int fd, struct sha256 *ret_digest, uint64_t *ret_bytes);

struct str hex_encode(struct arena *arena, const void *p, size_t n); /* lower case */
MUST_CHECK bool hex_decode(struct str text, void *ret, size_t n);    /* exactly 2n digits */

/* n random bytes as base62 text of fixed length (43 characters for 32 bytes), in the arena. */
struct str token_new(struct arena *arena, size_t n_bytes);

/* p as one big-endian number in base62 (0-9A-Za-z). The length depends on n only: ceil(n * 8 / log2 62). */
struct str base62_encode(struct arena *arena, const uint8_t *p, size_t n);
