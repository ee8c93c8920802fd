/*
 * A JPEG or a WebP as it is, without anything but what its pixels are made of: tables, frame and scans. Thumbnails, texts, places, profiles,
 * and what follows the end of the image (a motion photo has a video there) stay behind; the pixels are the same to the bit.
 *
 *    uint8_t *to = xmalloc(n + IMAGE_KEEP_MORE);
 *    size_t kept = image_keep_jpeg(p, n, to);
 *    if (kept == 0) ...                     // it is none of the plain kind: encode it anew
 *
 * Plain: 8 bits, Huffman-coded, sequential or progressive, YCbCr as JFIF has it, its colours at most halved in each direction. What
 * comes out says of itself that it is JFIF, so that its colours are read as such.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IMAGE_KEEP_MORE 32 /* what it may be longer than the file */

size_t image_keep_jpeg(const uint8_t *p, size_t n, uint8_t *to);

/*
 * The same of a WebP: the chunk of its pixels alone, in the simple file format (RFC 9649 2.5, 2.6). What says how transparent they are
 * is among what stays behind, so this is for images that are opaque throughout. 0 also when the file is cut.
 */
size_t image_keep_webp(const uint8_t *p, size_t n, uint8_t *to);
