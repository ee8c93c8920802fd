/*
 * A JPEG without what is not needed. Invariants: what comes out is kept as it is; it is no longer than it may be; it has no
 * metadata; and a look at it tells what a look at the file tells.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "image/image.h"
#include "image/keep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_header whole = {0}, kept = {0};

    if (image_sniff(data, size, &whole) != OK || whole.type != IMAGE_JPEG)
        return 0;
    uint8_t *once = malloc(size + IMAGE_KEEP_MORE), *twice = malloc(size + 2 * IMAGE_KEEP_MORE);

    ASSERT(once != NULL && twice != NULL);
    size_t n = image_keep_jpeg(data, size, once);
    ASSERT(n <= size + IMAGE_KEEP_MORE);
    if (n > 0) {
        ASSERT(image_keep_jpeg(once, n, twice) == n && memcmp(once, twice, n) == 0);
        ASSERT(image_sniff(once, n, &kept) == OK);
        ASSERT(kept.width == whole.width && kept.height == whole.height && kept.need_bytes == whole.need_bytes);
        ASSERT(!kept.has_metadata);
    }
    free(once);
    free(twice);
    return 0;
}
