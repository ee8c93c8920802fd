#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CHUNK_BYTES (16u << 10) /* most requests fit into one */
#define ALIGN 16u

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char bytes[];
};

void *xmalloc(size_t n)
{
    void *p = malloc(n == 0 ? 1 : n);

    if (p == NULL)
        abort();
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);

    if (p == NULL)
        abort();
    return p;
}

static size_t arena_bytes_of(size_t n, size_t size)
{
    size_t bytes;

    ASSERT(!__builtin_mul_overflow(n, size, &bytes));
    return MAX(bytes, 1u);
}

void *xshared(size_t n, size_t size)
{
    void *p = mmap(NULL, arena_bytes_of(n, size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

void xshared_free(void *p, size_t n, size_t size)
{
    if (p != NULL)
        ASSERT(munmap(p, arena_bytes_of(n, size)) == 0);
}

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

static void arena_free_chunks(struct arena_chunk *c)
{
    while (c != NULL) {
        struct arena_chunk *next = c->next;
        explicit_bzero(c->bytes, c->used); /* requests carry passwords and tokens */
        free(c);
        c = next;
    }
}

void arena_clear(struct arena *a)
{
    struct arena_chunk *keep = a->chunk;

    a->used_bytes = 0;
    if (keep == NULL)
        return;
    arena_free_chunks(keep->next);
    keep->next = NULL;
    if (keep->size > CHUNK_BYTES) {
        arena_free_chunks(keep);
        a->chunk = NULL;
        return;
    }
    explicit_bzero(keep->bytes, keep->used);
    keep->used = 0;
}

void arena_done(struct arena *a)
{
    arena_free_chunks(a->chunk);
    a->chunk = NULL;
    a->used_bytes = 0;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){
        .chunk = a->chunk, .chunk_used = a->chunk == NULL ? 0 : a->chunk->used, .used_bytes = a->used_bytes};
}

void arena_back(struct arena *a, const struct arena_mark *mark)
{
    while (a->chunk != mark->chunk) {
        struct arena_chunk *c = a->chunk;
        ASSERT(c != NULL);
        a->chunk = c->next;
        c->next = NULL;
        arena_free_chunks(c);
    }
    if (a->chunk != NULL) {
        explicit_bzero(a->chunk->bytes + mark->chunk_used, a->chunk->used - mark->chunk_used);
        a->chunk->used = mark->chunk_used;
    }
    a->used_bytes = mark->used_bytes;
}

void *arena_alloc(struct arena *a, size_t n)
{
    ASSERT(n <= a->max_bytes);
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->chunk == NULL || a->chunk->size - a->chunk->used < n) {
        size_t size = MAX(n, CHUNK_BYTES);
        struct arena_chunk *c = xmalloc(sizeof *c + size);
        *c = (struct arena_chunk){.next = a->chunk, .size = size};
        a->chunk = c;
    }
    void *p = a->chunk->bytes + a->chunk->used;
    a->chunk->used += n;
    a->used_bytes += n;
    ASSERT(a->used_bytes <= a->max_bytes);
    memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;

    ASSERT(!__builtin_mul_overflow(n, size, &bytes));
    return arena_alloc(a, bytes);
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    return s.p == NULL ? s : str_of(arena_strdup(a, s), s.n);
}

struct str arena_lower(struct arena *a, struct str s)
{
    char *p = arena_strdup(a, s);

    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    return str_of(p, s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return str_of(p, (size_t)n);
}
