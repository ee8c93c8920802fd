#include "image/cbor.h"

/* RFC 8949 3.1 */
enum major { MAJOR_BYTES = 2, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };

#define HEAD_INDEFINITE 31

/* The first byte, and the number in it or after it. */
static bool image_cbor_head(struct image_view *v, unsigned *ret_major, unsigned *ret_short, uint64_t *ret_n)
{
    struct image_view b;

    if (!image_view_take(v, 1, &b))
        return false;
    *ret_major = b.p[0] >> 5;
    *ret_short = b.p[0] & 31u;
    *ret_n = *ret_short == HEAD_INDEFINITE ? CBOR_INDEFINITE : *ret_short;
    if (*ret_short < 24 || *ret_short == HEAD_INDEFINITE)
        return true;
    if (*ret_short > 27 || !image_view_take(v, (size_t)1 << (*ret_short - 24), &b))
        return false;
    *ret_n = 0;
    for (size_t i = 0; i < b.n; i++)
        *ret_n = *ret_n << 8 | b.p[i];
    return true;
}

bool image_cbor_next(struct image_view *v, struct image_cbor_item *ret)
{
    struct image_cbor_item item = {.kind = CBOR_OTHER};
    unsigned major, head;

    do
        if (!image_cbor_head(v, &major, &head, &item.n))
            return false;
    while (major == MAJOR_TAG);
    bool endless = head == HEAD_INDEFINITE;
    if (major == MAJOR_ARRAY || major == MAJOR_MAP)
        item.kind = major == MAJOR_MAP ? CBOR_MAP : CBOR_ARRAY;
    else if (major == MAJOR_SIMPLE && endless)
        item.kind = CBOR_BREAK;
    else if (endless)
        return false;
    if (major == MAJOR_TEXT)
        item.kind = CBOR_TEXT;
    if ((major == MAJOR_TEXT || major == MAJOR_BYTES) && (item.n > v->n || !image_view_take(v, item.n, &item.text)))
        return false;
    *ret = item;
    return true;
}
