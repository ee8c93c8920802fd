/*
 * Reads CBOR (RFC 8949) item by item, without keeping anything, for c2pa.c. libcbor would build a tree of what a stranger sent;
 * of that tree two strings are wanted.
 *
 *    struct image_cbor_item item;
 *    while (image_cbor_next(&v, &item)) ...      // false: the end, or nothing that can be read on
 *
 * An array and a map are followed by their items, and it is up to the caller to count these. A tag is passed over: what follows is
 * what it names. A string of indefinite length, which C2PA does not allow, is the end.
 */
#pragma once

#include "image/view.h"

enum image_cbor_kind { CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_BREAK, CBOR_OTHER };

#define CBOR_INDEFINITE UINT64_MAX

struct image_cbor_item {
    enum image_cbor_kind kind;
    uint64_t n;             /* of an array or a map: its items or pairs; CBOR_INDEFINITE: until a break */
    struct image_view text; /* of a text; it points into what is read */
};

bool image_cbor_next(struct image_view *v, struct image_cbor_item *ret);
