/*
 * An image file without what is thrown away anyway: texts, XMP, thumbnails of editors, comments. libpng, libjpeg and libvips
 * keep a copy each of all that, and inflate a PNG's texts, so a small file could take far more memory than its pixels do.
 *
 *    struct image_lean lean;
 *    image_lean_init(&lean, IMAGE_PNG, p, n);
 *    while ((got = image_lean_read(&lean, to, sizeof to)) > 0) ...
 *
 * What a decoder looks at stays as it is: the pixels and what tells their meaning, colour profile and orientation among it. So
 * does what this does not understand, so that the decoder finds the same fault in it. Of a PNG also IDAT stays only where it
 * belongs, in one row (W3C PNG 5.6). Of a JPEG all stays from the first scan on: there, a marker may also be damage.
 */
#pragma once

#include "image/image.h"

struct image_lean {
    const uint8_t *p;   /* the caller's, as long as this is read */
    size_t n, at, kept; /* the bytes from at to kept come next */
    enum image_type type;
    enum { LEAN_BEFORE, LEAN_PIXELS, LEAN_AFTER } phase;
};

void image_lean_init(struct image_lean *l, enum image_type type, const uint8_t *p, size_t n);

/* The next bytes, at most n of them. 0: that was all. */
size_t image_lean_read(struct image_lean *l, void *to, size_t n);
