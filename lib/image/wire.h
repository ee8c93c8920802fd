/*
 * What goes over the image service's socket: one struct image_request with the descriptors of the input and the output
 * file (SCM_RIGHTS, in this order), and one struct image_report back. Both ends are built together and run on one
 * machine, so the structs are sent as they are in memory. The version refuses a service that an upgrade has not yet
 * restarted.
 */
#pragma once

#include <stdint.h>

#define IMAGE_WIRE_VERSION UINT32_C(0x4d495631) /* "MIV1" */
#define IMAGE_WIRE_FDS 2

struct image_request {
    uint32_t version;
    int32_t timeout_sec;
};
