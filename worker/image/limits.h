/*
 * What the image service may take of memory. Each process may have its own data, and what the image that it works on was
 * said to need; the kernel holds it to that (RLIMIT_DATA), so an image that needs more ends its process and nothing else.
 * What all may have together stays below MemoryMax= of systemd/image.service.in, so no image can make the kernel end the
 * service. tests/lint/memory compares the two.
 */
#pragma once

#include "image/image.h"

#define PROCESSES_MAX 16
#define PROCESS_DATA_BYTES (UINT64_C(48) << 20) /* of a process between two images; one that keeps more is replaced */
#define PROCESS_MAPPED_BYTES \
    (UINT64_C(512) << 20) /* beyond that: libraries, which it shares, and what is only reserved */
#define IMAGES_NEED_MAX_BYTES (UINT64_C(1536) << 20) /* of all images that are worked on at a time */
#define OTHERS_DATA_BYTES (UINT64_C(64) << 20)       /* the scheduler, and the process that shows the figures */

_Static_assert(IMAGES_NEED_MAX_BYTES >= 4 * IMAGE_NEED_MAX_BYTES, "four users with the largest images do not wait");
