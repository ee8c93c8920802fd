/* What TikTok checks about a photo: JPEG or WebP by its bytes, 20 MB, and 1080p, read as fitting into 1080 x 1920. */
#include <unistd.h>

#include "crypto/digest.h"
#include "image/image.h"
#include "sandbox/sandbox.h"

const char *picture_check(int fd, uint8_t *head, struct arena *arena, struct picture *ret_picture)
{
    struct image_header header;
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
    enum err e = image_sniff(head, (size_t)n, &header);
    if (e == ERR_IMAGE_TOO_MANY_PIXELS || e == ERR_IMAGE_WHOLE)
        return "picture_size_check_failed";
    if (e != OK || (header.type != IMAGE_JPEG && header.type != IMAGE_WEBP))
        return "file_format_check_failed";
    ret_picture->width = header.width;
    ret_picture->height = header.height;
    if (ret_picture->size_bytes > IMAGE_MAX_BYTES || ret_picture->width > IMAGE_MAX_WIDTH ||
        ret_picture->height > IMAGE_MAX_HEIGHT)
        return "picture_size_check_failed";
    return "ok";
}
