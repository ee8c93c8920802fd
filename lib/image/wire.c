#include "image/wire.h"

#include "base/defs.h"

/* A place is the number: rows are added at the end, and none is taken away. */
static const enum err wire_rows[] = {
    OK,
    ERR_INTERNAL,
    ERR_IMAGE_EMPTY,
    ERR_IMAGE_TYPE,
    ERR_IMAGE_TOO_LARGE,
    ERR_IMAGE_TOO_MANY_PIXELS,
    ERR_IMAGE_CORRUPT,
    ERR_IMAGE_TIMEOUT,
    ERR_IMAGE_SERVICE,
    ERR_STORE_FULL,
    ERR_STORE,
    ERR_BUSY,
    ERR_IMAGE_WHOLE,
    ERR_IMAGE_UNDECODABLE,
    ERR_IMAGE_ANIMATED,
};

#define WIRE_INTERNAL 1

int32_t image_wire_number(enum err e)
{
    int32_t at = WIRE_INTERNAL;

    for (size_t i = 0; i < ARRAY_LEN(wire_rows); i++)
        if (wire_rows[i] == e)
            at = (int32_t)i;
    return at;
}

int32_t image_wire_errors(void)
{
    return (int32_t)ARRAY_LEN(wire_rows);
}

bool image_wire_error(int32_t number, enum err *ret)
{
    if (number < 0 || (size_t)number >= ARRAY_LEN(wire_rows))
        return false;
    *ret = wire_rows[number];
    return true;
}
