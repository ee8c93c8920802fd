/* How a WebP is put together: RIFF and its chunks (RFC 9649 2), for the files of this folder. */
#pragma once

#include "image/view.h"

#define WEBP_HEAD_BYTES 12 /* "RIFF", the size of what follows, "WEBP" */

enum webp_flag { WEBP_ANIMATION = 0x02, WEBP_XMP = 0x04, WEBP_EXIF = 0x08, WEBP_PROFILE = 0x20 }; /* of VP8X */

static inline uint32_t webp_le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t webp_le24(const uint8_t *p)
{
    return webp_le16(p) | (uint32_t)p[2] << 16;
}

static inline uint32_t webp_le32(const uint8_t *p)
{
    return webp_le24(p) | (uint32_t)p[3] << 24;
}

static inline bool webp_is(struct image_view v)
{
    return v.n >= WEBP_HEAD_BYTES && memcmp(v.p, "RIFF", 4) == 0 && memcmp(v.p + 8, "WEBP", 4) == 0;
}

/* What RIFF counts; what comes after it is no part of the image. */
static inline struct image_view webp_chunks(struct image_view v)
{
    uint32_t n = webp_le32(v.p + 4) < 4 ? 4 : webp_le32(v.p + 4);

    v = (struct image_view){v.p + WEBP_HEAD_BYTES, v.n - WEBP_HEAD_BYTES};
    v.n = v.n < n - 4 ? v.n : n - 4;
    return v;
}

/* The next one; its content is cut where the file is. */
static inline bool webp_chunk(struct image_view *v, const uint8_t **ret_type, struct image_view *ret)
{
    struct image_view head, padding;

    if (!image_view_take(v, 8, &head))
        return false;
    uint32_t n = webp_le32(head.p + 4);
    *ret_type = head.p;
    if (!image_view_take(v, n < v->n ? n : v->n, ret))
        return false;
    if (n % 2 == 1)
        (void)image_view_take(v, v->n > 0, &padding);
    return true;
}
