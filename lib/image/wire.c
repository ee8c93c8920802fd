#include "image/wire.h"

#include "base/defs.h"

/* A row's place is its number in version 2: rows are added at the end, and none is taken away. */
static const struct {
    enum err e;
    int32_t v1; /* its place in err.def when only version 1 was spoken; of a newer one, what comes nearest */
} wire_rows[] = {
    {OK, 0},
    {ERR_INTERNAL, 82},
    {ERR_IMAGE_EMPTY, 48},
    {ERR_IMAGE_TYPE, 49},
    {ERR_IMAGE_TOO_LARGE, 50},
    {ERR_IMAGE_TOO_MANY_PIXELS, 51},
    {ERR_IMAGE_CORRUPT, 52},
    {ERR_IMAGE_TIMEOUT, 53},
    {ERR_IMAGE_SERVICE, 54},
    {ERR_STORE_FULL, 57},
    {ERR_STORE, 58},
    {ERR_BUSY, 76},
    {ERR_IMAGE_WHOLE, 51},
    {ERR_IMAGE_UNDECODABLE, 52},
};

#define WIRE_INTERNAL 1

int32_t image_wire_number(enum err e, uint32_t version)
{
    int32_t at = WIRE_INTERNAL;

    for (size_t i = 0; i < ARRAY_LEN(wire_rows); i++)
        if (wire_rows[i].e == e)
            at = (int32_t)i;
    return version == IMAGE_WIRE_VERSION_1 ? wire_rows[at].v1 : at;
}

bool image_wire_error(int32_t number, enum err *ret)
{
    if (number < 0 || (size_t)number >= ARRAY_LEN(wire_rows))
        return false;
    *ret = wire_rows[number].e;
    return true;
}
