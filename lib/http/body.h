/*
 * The body of a request as a stream. The source is the FastCGI standard input in a program, memory in tests.
 *
 * Reads give ERR_BODY_TRUNCATED when the source breaks off or ends before content_length, ERR_BODY_TOO_LARGE beyond
 * max_bytes.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct body {
    size_t (*source)(void *arg, void *p, size_t n); /* up to n bytes; 0 at the end */
    bool (*broken)(void *arg);                      /* optional: after a 0, that it was no end but a failure */
    void *arg;
    int64_t content_length; /* -1: not known (chunked; nginx buffers it, so this is rare) */
    uint64_t read_bytes, max_bytes;
    bool ended;
};

struct body body_of_memory(struct str *text); /* text must outlive it and is consumed; no limit */

/* Up to n bytes; *ret_n is 0 at the end only. */
MUST_CHECK enum err body_read(struct body *b, void *p, size_t n, size_t *ret_n);

/* All of it, at most max bytes, into the arena. */
MUST_CHECK enum err body_read_all(struct body *b, struct arena *arena, size_t max, struct str *ret_text);

/* Reads and forgets what is left. Always called before an answer on a kept connection. */
void body_drain(struct body *b);
