/*
 * The image service, as its clients see it. A client sends a struct image_request over a SOCK_SEQPACKET Unix socket,
 * with the descriptors of an input and an output file, and gets a struct image_report back. The service has a user of
 * its own, no network and no database. It alone links libvips.
 *
 *    e = image_sniff_file(in_fd, &header);
 *    e = image_repair(socket_path, &(struct image_order){.in_fd = in_fd, .out_fd = out_fd, .user_id = user_id,
 *        .need_bytes = header.need_bytes, .timeout_sec = 30, .queue_us = 10 * US_PER_SEC}, &report);
 *
 * It recognises JPEG, PNG, WebP, AVIF and, where it was built for that, HEIC by their bytes, applies the orientation, converts to sRGB, puts transparent images on
 * a background, scales larger ones down to fit 1080 x 1920 (exact to the pixel, keeping the aspect ratio), writes JPEG and
 * removes all metadata. A JPEG or a WebP that needs none of that keeps its pixels to the bit (image/keep.h). Rules and their sources: docs/tiktok.md#images (20 MB, JPEG or WebP, 1080p read as fit 1080 x
 * 1920).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"

#define IMAGE_MAX_WIDTH 1080
#define IMAGE_MAX_HEIGHT 1920
#define IMAGE_MAX_BYTES (20u << 20) /* as sent, and as kept */
#define IMAGE_SIDE_MAX 16384        /* pixels; an image with a longer side is not decoded */
#define IMAGE_PIXELS_MAX 100000000  /* in all: a bomb of 50000 x 50000 is refused by its header */

/*
 * What decoding may take of memory: more than any image that is decoded line by line. One that is interlaced or
 * progressive must be decoded whole, and is refused when that takes more.
 */
#define IMAGE_NEED_MAX_BYTES (UINT64_C(384) << 20) /* for the 48 megapixels of a phone (lib/image/sniff.c) */

enum image_type { IMAGE_JPEG = 1, IMAGE_PNG, IMAGE_WEBP, IMAGE_AVIF, IMAGE_HEIC };

/* meson's option heic. Its codec is HEVC, for which whoever decodes it may owe somebody a fee. */
#ifdef WITH_HEIC
#define IMAGE_TAKES_HEIC true
#else
#define IMAGE_TAKES_HEIC false
#endif

enum image_change {
    IMAGE_ORIENTED = 1 << 0,
    IMAGE_RESIZED = 1 << 1,
    IMAGE_REENCODED = 1 << 2,
    IMAGE_METADATA_REMOVED = 1 << 3,
    IMAGE_FLATTENED = 1 << 4,
    IMAGE_COLOUR_CONVERTED = 1 << 5,
};

/* What the file says of a model that made or changed it (image/provenance.h); the greater says more. An image service of before does
 * not look (image/wire.h). */
enum image_provenance { IMAGE_NOT_LOOKED = -1, IMAGE_NONE_FOUND, IMAGE_AI_EDITED, IMAGE_AI_GENERATED };

/* What the first bytes tell, and of AVIF and HEIC the boxes. No pixel is decoded. */
struct image_header {
    enum image_type type;
    uint32_t width, height;                 /* as stored, before orientation */
    uint32_t decoded_width, decoded_height; /* that of AVIF and HEIC is applied by their decoder; else the same */
    uint64_t need_bytes;                    /* what decoding takes of memory, at most */
    bool has_metadata;                      /* EXIF, XMP, IPTC, a colour profile or a comment comes before the pixels */
    bool is_turned;                         /* the decoder applies an orientation */
    bool is_p3;                             /* its colours are those of Display P3, which no profile says */
};

/* ERR_IMAGE_EMPTY, ERR_IMAGE_TYPE, ERR_IMAGE_ANIMATED, ERR_IMAGE_CORRUPT, ERR_IMAGE_TOO_MANY_PIXELS, ERR_IMAGE_WHOLE. p has the file, or the
 * first n bytes of it. A JPEG's frame and first scan must be among them, and there is no telling how much metadata comes
 * before these: what a camera or an editor writes may be megabytes. */
MUST_CHECK enum err image_sniff(const uint8_t *p, size_t n, struct image_header *ret_header);

/* The same for a regular file, from its start. Also ERR_IMAGE_TOO_LARGE beyond IMAGE_MAX_BYTES, and ERR_STORE if it
 * cannot be read. */
MUST_CHECK enum err image_sniff_file(int fd, struct image_header *ret_header);

struct image_report {
    int32_t err; /* on the way (image/wire.h); 0 once image_repair has it */
    enum image_type type;
    uint32_t original_width, original_height, width, height;
    uint32_t changes; /* of enum image_change */
    uint64_t size_bytes;
    int64_t waited_us;                /* for a process */
    enum image_provenance provenance; /* as the original has it */
    enum image_type kept;             /* IMAGE_JPEG or IMAGE_WEBP: what lies in the output file */
};

struct image_order {
    int in_fd, out_fd;   /* regular files; the caller's, before and after */
    struct uuid user_id; /* whose image it is: users take turns, and none has more than a share of the processes */
    uint64_t need_bytes; /* image_header's */
    int timeout_sec;     /* of the repair, 1 to IMAGE_TIMEOUT_SEC_MAX */
    int64_t queue_us;    /* how long it may wait for a process, at most IMAGE_QUEUE_US_MAX */
    uint32_t background; /* 0xRRGGBB: what transparent images are put on */
};

#define IMAGE_BACKGROUND_WHITE UINT32_C(0xffffff)
#define IMAGE_TIMEOUT_SEC_MAX 120
#define IMAGE_QUEUE_US_MAX (INT64_C(120) * 1000000)

/* The errors above, and ERR_BUSY if no process was free for it in time, ERR_IMAGE_TIMEOUT, ERR_IMAGE_UNDECODABLE if a process
 * died of it, ERR_IMAGE_SERVICE if the service does not answer or was killed, ERR_STORE_FULL if the disk of out_fd is full. */
MUST_CHECK enum err image_repair(const char *socket_path, const struct image_order *order, struct image_report *ret);
