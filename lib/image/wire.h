/*
 * What goes over the image service's socket: one struct image_request with the descriptors of the input and the output
 * file (SCM_RIGHTS, in this order), and one struct image_report back. Both ends run on one machine, so the structs are
 * sent as they are in memory, but for the error: that has a number of its own here, because an app and a service that
 * were not built together count the rows of err.def differently.
 *
 * While an update goes on, each may meet the other of the release before. So both structs grow at their ends alone. A
 * service of before takes as much of a request as it knows, because what is left of a message is dropped, and answers with
 * the report that it knows; a service of after answers with as much as the request says that its sender knows. What was in
 * neither in the release before is at the end here, with the sizes without it: they are taken for one release.
 */
#pragma once

#include <stddef.h>

#include "image/image.h"

#define IMAGE_WIRE_VERSION UINT32_C(0x4d495632) /* "MIV2" */
#define IMAGE_WIRE_FDS 2

#define IMAGE_WIRE_BEFORE_REQUEST_BYTES offsetof(struct image_request, report_bytes)
#define IMAGE_WIRE_BEFORE_REPORT_BYTES offsetof(struct image_report, provenance)
#define IMAGE_WIRE_BEFORE_ERRORS 14

struct image_request {
    uint32_t version;
    int32_t timeout_sec; /* of the repair itself */
    uint64_t need_bytes; /* image_header's */
    uint8_t user[16];    /* whose image it is: users take turns */
    int64_t queue_us;    /* how long it may wait for a process */

    /* What the sender knows: */
    uint32_t report_bytes; /* so much of the report */
    int32_t errors;        /* numbers below that; of another one it is told that the image is corrupt */

    uint32_t background; /* image_order's; a sender of before means white */
    uint32_t zero;
};

/* How many numbers there are. */
int32_t image_wire_errors(void);

/* The number of an error in a report; errors that are none of the service's are sent as internal. */
int32_t image_wire_number(enum err e);

/* And back. False: there is no such number. */
MUST_CHECK bool image_wire_error(int32_t number, enum err *ret);
