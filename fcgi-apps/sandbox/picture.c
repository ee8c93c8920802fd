/* What TikTok checks about a photo: JPEG or WebP by its bytes, 20 MB, and 1080p, read as fitting into 1080 x 1920. */
#include <unistd.h>

#include "crypto/digest.h"
#include "image/image.h"
#include "sandbox/sandbox.h"

static uint32_t sandbox_picture_le24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

/* WebP container (RFC 9649): VP8, VP8L or VP8X after RIFF....WEBP */
static bool sandbox_picture_webp_size(const uint8_t *p, size_t n, struct picture *ret)
{
    const uint8_t *d = p + 20;

    if (n < 30 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WEBP", 4) != 0)
        return false;
    if (memcmp(p + 12, "VP8X", 4) == 0) {
        ret->width = 1 + sandbox_picture_le24(d + 4);
        ret->height = 1 + sandbox_picture_le24(d + 7);
        return true;
    }
    if (memcmp(p + 12, "VP8L", 4) == 0 && d[0] == 0x2f) {
        uint32_t bits = sandbox_picture_le24(d + 1) | (uint32_t)d[4] << 24;
        ret->width = 1 + (bits & 0x3fff);
        ret->height = 1 + (bits >> 14 & 0x3fff);
        return true;
    }
    if (memcmp(p + 12, "VP8 ", 4) == 0 && memcmp(d + 3, "\x9d\x01\x2a", 3) == 0) {
        ret->width = sandbox_picture_le24(d + 6) & 0x3fff;
        ret->height = sandbox_picture_le24(d + 8) & 0x3fff;
        return true;
    }
    return false;
}

const char *picture_check(int fd, uint8_t *head, struct arena *arena, struct picture *ret_picture)
{
    struct image_header jpeg;
    struct sha256 digest;
    uint64_t bytes;

    *ret_picture = (struct picture){0};
    if (!sha256_of_file(fd, &digest, &bytes))
        return "internal";
    ret_picture->size_bytes = (int64_t)bytes;
    ret_picture->sha256 = arena_str(arena, str_of(digest.b, sizeof digest.b));
    ssize_t n = pread(fd, head, PICTURE_HEAD_BYTES, 0);
    if (n < 0)
        return "internal";
    enum err e = image_sniff(head, (size_t)n, &jpeg);
    if (e == ERR_IMAGE_TOO_MANY_PIXELS)
        return "picture_size_check_failed";
    if (e == OK && jpeg.type == IMAGE_JPEG) {
        ret_picture->width = jpeg.width;
        ret_picture->height = jpeg.height;
    } else if (!sandbox_picture_webp_size(head, (size_t)n, ret_picture)) {
        return "file_format_check_failed";
    }
    if (ret_picture->size_bytes > IMAGE_MAX_BYTES || ret_picture->width > IMAGE_MAX_WIDTH ||
        ret_picture->height > IMAGE_MAX_HEIGHT)
        return "picture_size_check_failed";
    return "ok";
}
