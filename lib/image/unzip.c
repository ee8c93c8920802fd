#include "image/unzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/defs.h"

size_t image_unzip(struct image_view zipped, uint8_t *to, size_t max)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)zipped.p, /* zlib only reads it, whatever its type says */
                  .avail_in = (uInt)MIN(zipped.n, (size_t)UINT_MAX),
                  .next_out = to,
                  .avail_out = (uInt)MIN(max, (size_t)UINT_MAX)};

    if (inflateInit(&z) != Z_OK)
        return 0;
    (void)inflate(&z, Z_SYNC_FLUSH);
    (void)inflateEnd(&z);
    return (size_t)z.total_out;
}
