/*
 * The body of a request as a stream. The source is the FastCGI standard input in a program, memory in tests.
 *
 * Errors of a read: ERR_BODY_TRUNCATED when the source breaks off or ends before content_length, ERR_BODY_TOO_LARGE
 * beyond max_bytes.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct body_digest;

struct body {
    size_t (*source)(void *arg, void *p, size_t n); /* up to n bytes; 0 at the end */
    bool (*broken)(void *arg);                      /* optional: whether a 0 of source was a failure and not the end */
    void *arg;
    int64_t content_length; /* -1: not known (chunked); rare, because nginx reads the whole body first */
    uint64_t read_bytes, max_bytes;
    bool ended;
    struct body_digest *digest; /* of what is read (body_digest.h); NULL: nobody wants it */
};

/* Consumes text, which must outlive it; without a limit. */
struct body body_of_memory(struct str *text);

/* Up to n bytes; *ret_n is 0 only at the end. */
MUST_CHECK enum err body_read(struct body *b, void *p, size_t n, size_t *ret_n);

/* All of it, at most max bytes, into the arena. */
MUST_CHECK enum err body_read_all(struct body *b, struct arena *arena, size_t max, struct str *ret_text);

/* Reads and drops the rest: on a kept connection it would be taken for the next request. */
void body_drain(struct body *b);
