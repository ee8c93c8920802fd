/*
 * An arena: memory of one request or one job, given back all at once.
 *
 *    struct arena a;
 *    arena_init(&a, 4 << 20);
 *    char *name = arena_strdup(&a, s);
 *    arena_clear(&a);    // everything from a is gone, a can be used again
 *    arena_done(&a);
 *
 * Nothing in an arena is freed on its own. Running out of memory, or asking for more than max_bytes in all, ends the
 * process: the caps on input keep users from reaching that. Not thread-safe: only one thread may use it at a time.
 */
#pragma once

#include "base/defs.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* newest first */
    size_t used_bytes, max_bytes;
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_clear(struct arena *a); /* keeps one chunk for the next round */
void arena_done(struct arena *a);

/* What comes after a mark can be given back by itself, for something that is tried again and again. */
struct arena_mark {
    const struct arena_chunk *chunk;
    size_t chunk_used, used_bytes;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_back(struct arena *a, const struct arena_mark *mark); /* to the mark; the arena was not cleared since */

void *arena_alloc(struct arena *a, size_t n);              /* zeroed, aligned for any type; n may be 0 */
void *arena_array(struct arena *a, size_t n, size_t size); /* checks n * size */
char *arena_strdup(struct arena *a, struct str s);         /* NUL-terminated copy */
struct str arena_str(struct arena *a, struct str s);       /* copy; absent stays absent */
struct str arena_lower(struct arena *a, struct str s);     /* ASCII letters in lower case; absent becomes empty */
PRINTF_LIKE(2, 3) struct str arena_printf(struct arena *a, const char *fmt, ...); /* also NUL-terminated */

/* For the rest of the tree: running out of memory ends the process. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);

/* Zeroed, and shared with processes that are forked later. xshared_free takes the same numbers; NULL is fine. */
void *xshared(size_t n, size_t size);
void xshared_free(void *p, size_t n, size_t size);
