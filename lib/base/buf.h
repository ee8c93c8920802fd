/*
 * struct buf: text being built. It is created with its maximum. Its error (growing beyond that) is sticky and is
 * checked once, at the end.
 *
 *    _cleanup_(buf_done) struct buf b = BUF_MAX(64 << 10);
 *    buf_puts(&b, "{\"id\":");
 *    buf_printf(&b, "%d}", id);
 *    if (b.overflow) return ERR_INTERNAL;
 *    use(buf_str(&b));
 *
 * p is NUL-terminated whenever it is not NULL. After an overflow further writes do nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/defs.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, size, max_bytes;
    bool overflow;
};

#define BUF_MAX(max) ((struct buf){.max_bytes = (max)})

void buf_done(struct buf *b);  /* wipes and frees */
void buf_clear(struct buf *b); /* empty again, memory kept, overflow forgotten */

void buf_put(struct buf *b, const void *p, size_t n);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *cstr);
void buf_putstr(struct buf *b, struct str s);
void buf_putescaped(struct buf *b, struct str s); /* for a URI: all but what RFC 3986 2.3 calls unreserved as %XX */
PRINTF_LIKE(2, 3) void buf_printf(struct buf *b, const char *fmt, ...);

static inline struct str buf_str(const struct buf *b)
{
    return b->p == NULL ? STR("") : str_of(b->p, b->n);
}
