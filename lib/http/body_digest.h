/*
 * A digest of what a body says, made while it is read: two requests with the same one ask for the same thing.
 *
 *    struct body_digest digest;
 *    body_digest_init(&digest, arena);
 *    body->digest = &digest;
 *    ... the body is read to its end, as it is or by http/multipart.h
 *    digest = body_digest_end(&digest);
 *    body_digest_done(&digest);
 *
 * Of a form it has the parts: name and content of each. The boundary, which clients make anew each time, does not count;
 * nor do file names and types, nor the order of parts with different names, because some clients keep their fields in no
 * order. That of parts with the same name does, or of one list, as "images[0]" and "images[]": images are a carousel. Any other
 * body is taken byte by byte.
 */
#pragma once

#include "base/arena.h"
#include "crypto/digest.h"

struct body_digest_part {
    struct str name;
    struct sha256 content;
};

struct body_digest {
    struct arena *arena;
    struct sha256_stream *stream; /* of the body, or of the part that is being read; NULL: there is none */
    struct body_digest_part *parts;
    size_t parts_n;
    bool by_parts;
};

void body_digest_init(struct body_digest *d, struct arena *arena);
void body_digest_done(
    struct body_digest *d); /* also after an error in the middle, and when it was not begun (zeroed) */

/* For body.c and multipart.c. The name must live as long as the digest. */
void body_digest_add(struct body_digest *d, const void *p, size_t n);
void body_digest_by_parts(struct body_digest *d);
void body_digest_begin_part(struct body_digest *d, struct str name);
void body_digest_add_to_part(struct body_digest *d, const void *p, size_t n);

/* Of all that was read. Once. */
struct sha256 body_digest_end(struct body_digest *d);
