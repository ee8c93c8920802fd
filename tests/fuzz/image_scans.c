/*
 * Whether all scans of a JPEG are there. Invariants: what is whole stays whole, whatever comes after its end; and a file whose
 * last marker is gone is no more whole than before.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/scans.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool all = image_scans_are_all_there(data, size);
    uint8_t *more = malloc(size + 2 + size);

    ASSERT(more != NULL);
    memcpy(more, data, size);
    memcpy(more + size, "\xff\xd9", 2);
    memcpy(more + size + 2, data, size);
    bool ended = image_scans_are_all_there(more, size + 2), repeated = image_scans_are_all_there(more, size + 2 + size);
    free(more);
    if (all)
        ASSERT(size > 8 && memchr(data, 0xff, size) != NULL);
    if (all && ended)
        ASSERT(repeated);
    return 0;
}
