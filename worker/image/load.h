/*
 * How libvips gets to read an image: by a loader that we name, without what is thrown away anyway (image/lean.h).
 *
 *    e = image_load(&(struct image_file){IMAGE_PNG, p, n}, 1, &im);
 *
 * libvips decodes when pixels are wanted, so the bytes must stay until im is gone.
 */
#pragma once

#include "image/image.h"

#include <vips/vips.h> /* after ours: glib undefines MIN and MAX before it defines the same */

struct image_file {
    enum image_type type;
    const uint8_t *p;
    size_t n;
};

/* shrink: 1, or 2, 4 or 8 of a JPEG. ERR_IMAGE_CORRUPT, with libvips' words in its error buffer. */
MUST_CHECK enum err image_load(const struct image_file *f, int shrink, VipsImage **ret_image);
