/*
 * The look at an image's first bytes. Invariants: only sizes and needs within the limits pass; the type is that of the
 * first bytes; the answer to a head of the file that passes is the answer to the whole, which needs no more, unless that moves.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "image/image.h"

static void check_header(const uint8_t *p, size_t n, const struct image_header *h)
{
    ASSERT(n > 8);
    if (h->type == IMAGE_AVIF || h->type == IMAGE_HEIC)
        ASSERT(memcmp(p + 4, "ftyp", 4) == 0);
    else
        ASSERT(h->type == (p[0] == 0xff ? IMAGE_JPEG : p[0] == 'R' ? IMAGE_WEBP : IMAGE_PNG));
    ASSERT(h->width > 0 && h->width <= IMAGE_SIDE_MAX);
    ASSERT(h->height > 0 && h->height <= IMAGE_SIDE_MAX);
    ASSERT((uint64_t)h->width * h->height <= IMAGE_PIXELS_MAX);
    ASSERT(h->need_bytes > 0 && h->need_bytes <= IMAGE_NEED_MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_header whole = {0}, head = {0};
    enum err e = image_sniff(data, size, &whole);

    if (e == OK)
        check_header(data, size, &whole);
    else
        ASSERT(whole.width == 0 && whole.height == 0);
    ASSERT((e == ERR_IMAGE_EMPTY) == (size == 0));
    if (size < 2)
        return 0;

    /* A head of it, in memory of its own, so that a look past its end is seen. */
    size_t n = 1 + (data[size - 1] * size / 256) % (size - 1);
    uint8_t *copy = malloc(n);
    ASSERT(copy != NULL);
    memcpy(copy, data, n);
    enum err of_head = image_sniff(copy, n, &head);
    free(copy);
    /* What comes later in a file of boxes may be a second description, or a film. */
    if (of_head == OK && e != ERR_IMAGE_ANIMATED && head.type < IMAGE_AVIF)
        ASSERT(e == OK && head.width == whole.width && head.height == whole.height && head.type == whole.type &&
               head.need_bytes >= whole.need_bytes);
    if (of_head == ERR_IMAGE_TOO_MANY_PIXELS && (n < 8 || memcmp(data + 4, "ftyp", 4) != 0))
        ASSERT(e == ERR_IMAGE_TOO_MANY_PIXELS || e == ERR_IMAGE_ANIMATED);
    return 0;
}
