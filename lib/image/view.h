/*
 * Looks at the bytes of an image that cannot go beyond them, for the files of this folder.
 *
 *    struct image_view v = {p, n}, head;
 *    if (image_view_take(&v, 8, &head))    // head: the first 8 bytes; v: the rest
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct image_view {
    const uint8_t *p;
    size_t n;
};

static inline bool image_view_take(struct image_view *v, size_t n, struct image_view *ret)
{
    if (v->n < n)
        return false;
    *ret = (struct image_view){v->p, n};
    v->p += n;
    v->n -= n;
    return true;
}

static inline bool image_view_starts(struct image_view v, const void *p, size_t n)
{
    return v.n >= n && memcmp(v.p, p, n) == 0;
}

static inline uint32_t image_view_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t image_view_be32(const uint8_t *p)
{
    return image_view_be16(p) << 16 | image_view_be16(p + 2);
}
