#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

#define MIN_BYTES 1024 /* most log lines, headers and answers fit without growing */

void buf_done(struct buf *b)
{
    if (b->p != NULL)
        explicit_bzero(b->p, b->size);
    free(b->p);
    *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
    if (b->p != NULL)
        b->p[0] = '\0';
}

/* Room for n more bytes and the NUL. The old memory is wiped: buffers carry secrets too. */
static bool buf_reserve(struct buf *b, size_t n)
{
    if (b->overflow || n > b->max_bytes - b->n) {
        b->overflow = true;
        return false;
    }
    if (b->size - b->n > n)
        return true;
    size_t size = MAX(b->size * 2, b->n + n + 1);
    size = MAX(size, (size_t)MIN_BYTES);
    char *p = xmalloc(size);
    if (b->p != NULL) {
        memcpy(p, b->p, b->n);
        explicit_bzero(b->p, b->size);
        free(b->p);
    }
    b->p = p;
    b->size = size;
    return true;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (!buf_reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_puts(struct buf *b, const char *cstr)
{
    buf_put(b, cstr, strlen(cstr));
}

void buf_putstr(struct buf *b, struct str s)
{
    buf_put(b, s.p, s.n);
}

void buf_putescaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (char_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            buf_putc(b, c);
        else
            buf_printf(b, "%%%02X", (unsigned char)c);
    }
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    if (!buf_reserve(b, 0))
        return;
    size_t room = b->size - b->n;
    va_start(ap, fmt);
    int n = vsnprintf(b->p + b->n, room, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    if ((size_t)n >= room || (size_t)n > b->max_bytes - b->n) {
        b->p[b->n] = '\0';
        if (!buf_reserve(b, (size_t)n))
            return;
        va_start(ap, fmt);
        (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
}
