/*
 * A JPEG or a WebP without what is not needed. Invariants: what comes out is kept as it is; it is no longer than it may be; it has no
 * metadata; and a look at it tells what a look at the file tells.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "image/image.h"
#include "image/keep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_header whole = {0}, kept = {0};

    if (image_sniff(data, size, &whole) != OK || (whole.type != IMAGE_JPEG && whole.type != IMAGE_WEBP))
        return 0;
    size_t (*keep)(const uint8_t *, size_t, uint8_t *) = whole.type == IMAGE_JPEG ? image_keep_jpeg : image_keep_webp;
    uint8_t *once = malloc(size + IMAGE_KEEP_MORE), *twice = malloc(size + 2 * IMAGE_KEEP_MORE);

    ASSERT(once != NULL && twice != NULL);
    size_t n = keep(data, size, once);
    ASSERT(n <= size + IMAGE_KEEP_MORE);
    if (n > 0) {
        ASSERT(keep(once, n, twice) == n && memcmp(once, twice, n) == 0);
        enum err e = image_sniff(once, n, &kept);
        /* A WebP's canvas may be another than its picture's; then no decoder takes it. */
        ASSERT(whole.type == IMAGE_WEBP || (e == OK && kept.width == whole.width && kept.height == whole.height));
        ASSERT(whole.type == IMAGE_WEBP || kept.need_bytes == whole.need_bytes);
        ASSERT(e != OK || (kept.type == whole.type && !kept.has_metadata));
    }
    free(once);
    free(twice);
    return 0;
}
