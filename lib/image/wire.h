/*
 * What goes over the image service's socket: one struct image_request with the descriptors of the input and the output
 * file (SCM_RIGHTS, in this order), and one struct image_report back. Both ends run on one machine, so the structs are
 * sent as they are in memory, but for the error: that has a number of its own here, because an app and a service that
 * were not built together count the rows of err.def differently.
 *
 * An app of before sends version 2, which is the first IMAGE_WIRE_BEFORE_REQUEST_BYTES of the request, and gets the first
 * IMAGE_WIRE_BEFORE_BYTES of the report. It wants JPEG on white. That is understood for one release: while an upgrade goes on, an app of
 * before meets the service of after.
 */
#pragma once

#include <stddef.h>

#include "image/image.h"

#define IMAGE_WIRE_VERSION_BEFORE UINT32_C(0x4d495632) /* "MIV2" */
#define IMAGE_WIRE_VERSION UINT32_C(0x4d495633)        /* "MIV3" */
#define IMAGE_WIRE_FDS 2

#define IMAGE_WIRE_BEFORE_BYTES offsetof(struct image_report, provenance)
#define IMAGE_WIRE_BEFORE_ERRORS \
    14 /* it knows the numbers below that; of a newer one it is told that the image is corrupt */

struct image_request {
    uint32_t version;
    int32_t timeout_sec; /* of the repair itself */
    uint64_t need_bytes; /* image_header's */
    uint8_t user[16];    /* whose image it is: users take turns */
    int64_t queue_us;    /* how long it may wait for a process */
    uint32_t background; /* image_order's */
    uint32_t zero;
};

#define IMAGE_WIRE_BEFORE_REQUEST_BYTES offsetof(struct image_request, background)

/* The number of an error in a report; errors that are none of the service's are sent as internal. */
int32_t image_wire_number(enum err e);

/* And back. False: there is no such number. */
MUST_CHECK bool image_wire_error(int32_t number, enum err *ret);
