/*
 * The image service, as its clients see it. An input and an output file go to it as descriptors over a SOCK_SEQPACKET
 * unix socket, together with a struct image_request; a struct image_report comes back. The service has its own user, no
 * network, no database; it alone links libvips.
 *
 *    e = image_repair(socket_path, in_fd, out_fd, timeout_sec, &report);
 *
 * What it does: recognises JPEG and PNG by their bytes, applies the orientation, converts to sRGB, puts transparency on
 * white, fits into 1080 x 1920 when larger (exact to the pixel, aspect kept), writes JPEG, removes all metadata.
 * Rules and their sources: docs/tiktok.md#images (20 MB, JPEG or WebP, 1080p read as fit 1080 x 1920).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define IMAGE_MAX_WIDTH 1080
#define IMAGE_MAX_HEIGHT 1920
#define IMAGE_MAX_BYTES (20u << 20) /* as sent, and as kept */
#define IMAGE_SIDE_MAX 16384        /* pixels a side that are decoded */
#define IMAGE_PIXELS_MAX 100000000  /* pixels in all: a bomb of 50000 x 50000 stops at its header */

enum image_type { IMAGE_JPEG = 1, IMAGE_PNG };

enum image_change {
    IMAGE_ORIENTED = 1 << 0,
    IMAGE_RESIZED = 1 << 1,
    IMAGE_REENCODED = 1 << 2,
    IMAGE_METADATA_REMOVED = 1 << 3,
    IMAGE_FLATTENED = 1 << 4,
    IMAGE_COLOUR_CONVERTED = 1 << 5,
};

/* What a look at the first bytes says; no pixel is decoded. */
struct image_header {
    enum image_type type;
    uint32_t width, height; /* as stored, before orientation */
    bool has_metadata;      /* EXIF, XMP, IPTC, a colour profile or a comment stands before the pixels */
};

/* ERR_IMAGE_EMPTY, ERR_IMAGE_TYPE, ERR_IMAGE_CORRUPT, ERR_IMAGE_TOO_MANY_PIXELS. p has the file's first n bytes (all of
 * a small file): a JPEG's frame header must be among them (64 KiB segments of EXIF and ICC: give 1 MiB). */
MUST_CHECK enum err image_sniff(const uint8_t *p, size_t n, struct image_header *ret_header);

/* The same of a regular file from its start; ERR_IMAGE_TOO_LARGE beyond IMAGE_MAX_BYTES, ERR_STORE when it cannot be
 * read. */
MUST_CHECK enum err image_sniff_file(int fd, struct image_header *ret_header);

struct image_report {
    int32_t err; /* enum err */
    enum image_type type;
    uint32_t original_width, original_height, width, height;
    uint32_t changes; /* of enum image_change */
    uint64_t size_bytes;
};

/* ERR_IMAGE_* as above, ERR_IMAGE_TIMEOUT, ERR_IMAGE_SERVICE when it does not answer or died, ERR_STORE_FULL when
 * out_fd is on a full disk. */
MUST_CHECK enum err image_repair(const char *socket_path, int in_fd, int out_fd, int timeout_sec,
                                 struct image_report *ret);
