/*
 * What an AVIF or a HEIC says of its picture: boxes in boxes (ISO 14496-12, 23008-12), nothing decoded.
 *
 *    if (image_heif_is((struct image_view){p, n}))
 *        e = image_heif((struct image_view){p, n}, &heif);
 *
 * What counts is the kind of data that its items have, not the brand: HEVC under AVIF's brand is a HEIC. A file in which one box is
 * there twice, of those that are read, is corrupt, so that no decoder can read another one than this.
 */
#pragma once

#include "base/err.h"
#include "image/view.h"

struct image_heif {
    bool is_hevc;
    uint32_t width, height;                 /* of the picture, without what is cut off */
    uint32_t decoded_width, decoded_height; /* as the decoder gives it: upright */
    uint64_t coded_pixels;                  /* what is decoded, before it is cut */
    bool turned;                            /* it is turned or mirrored for that */
    bool deep;                              /* more than 8 bits */
    bool tiled;                             /* put together from others */
    uint8_t halves;                         /* of a byte that a pixel has undecoded in colour: 3, 4 or 6 at 8 bits */
    bool has_alpha;
    bool is_p3; /* by numbers (ISO 23091-2), not by a profile */
    bool has_c2pa;
};

/* It begins with the box of brands, and names one of still images or of moving ones that are made like them. */
bool image_heif_is(struct image_view v);

/* ERR_IMAGE_TYPE: neither AV1 nor HEVC. ERR_IMAGE_ANIMATED, ERR_IMAGE_CORRUPT. */
MUST_CHECK enum err image_heif(struct image_view v, struct image_heif *ret);

/* The C2PA manifests, if the file has some (C2PA 2.1 A.4): from the first byte of their store. */
bool image_heif_c2pa(struct image_view v, struct image_view *ret);
