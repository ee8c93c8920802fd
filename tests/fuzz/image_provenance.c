/* What a file says of AI. Invariants: it is one of the three words, and the same each time. */
#include "fuzz.h"

#include "image/provenance.h"

static void check_type(enum image_type type, const uint8_t *data, size_t size)
{
    enum image_provenance found = image_provenance(type, data, size);

    ASSERT(found >= IMAGE_NONE_FOUND && found <= IMAGE_AI_GENERATED);
    ASSERT(image_provenance(type, data, size) == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_type(IMAGE_PNG, data, size);
    check_type(IMAGE_JPEG, data, size);
    check_type(IMAGE_WEBP, data, size);
    check_type(IMAGE_AVIF, data, size);
    return 0;
}
