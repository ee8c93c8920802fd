#include "image/keep.h"
#include "image/webp.h"

#define CHUNK_HEAD_BYTES 8
_Static_assert(WEBP_HEAD_BYTES + CHUNK_HEAD_BYTES + 1 <= IMAGE_KEEP_MORE, "heads and padding may be added");

static void image_keep_le32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

/* The one chunk that has the pixels; else there is more than one picture, or none. */
static bool image_keep_webp_pixels(struct image_view v, const uint8_t **ret_type, struct image_view *ret)
{
    struct image_view chunks = webp_chunks(v), data;
    const uint8_t *type;
    size_t found = 0;

    while (webp_chunk(&chunks, &type, &data)) {
        if (memcmp(type, "VP8 ", 4) != 0 && memcmp(type, "VP8L", 4) != 0)
            continue;
        found++;
        *ret_type = type;
        *ret = data;
    }
    return found == 1 && webp_le32(*ret_type + 4) == ret->n;
}

size_t image_keep_webp(const uint8_t *p, size_t n, uint8_t *to)
{
    struct image_view v = {p, n}, pixels;
    const uint8_t *type;

    if (!webp_is(v) || !image_keep_webp_pixels(v, &type, &pixels))
        return 0;
    size_t padded = pixels.n + pixels.n % 2;
    memcpy(to, "RIFF", 4);
    image_keep_le32(to + 4, (uint32_t)(4 + CHUNK_HEAD_BYTES + padded));
    memcpy(to + 8, "WEBP", 4);
    memcpy(to + WEBP_HEAD_BYTES, type, 4);
    image_keep_le32(to + WEBP_HEAD_BYTES + 4, (uint32_t)pixels.n);
    memcpy(to + WEBP_HEAD_BYTES + CHUNK_HEAD_BYTES, pixels.p, pixels.n);
    to[WEBP_HEAD_BYTES + CHUNK_HEAD_BYTES + pixels.n] = 0;
    return WEBP_HEAD_BYTES + CHUNK_HEAD_BYTES + padded;
}
