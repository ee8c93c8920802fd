/*
 * A sliding window as a log of times, packed into bytes so that a database column can hold it: 8 bytes each, big
 * endian, oldest first. Pure: the caller reads the bytes, takes, and writes them back where they are still the same.
 *
 *    uint8_t log[WINDOW_BYTES(6)];    // filled from the column, n bytes
 *    if (window_take(log, &n, 6, US_PER_MIN, now_us, &free_at_us))
 *        write(log, n);
 *
 * Bytes that are no such log (a length that is no multiple of 8) lose their end; times in the future, from a machine
 * whose clock is ahead, count as now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

#define WINDOW_BYTES(limit) ((limit) * sizeof(int64_t))

/*
 * log has room for WINDOW_BYTES(limit); *n is what is used of it. True: now_us was added and times that are period_us
 * or more ago were dropped. False: limit are within the period already, log is as it was, and ret_free_at_us is when
 * the oldest of them leaves.
 */
MUST_CHECK bool window_take(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us,
                            int64_t *ret_free_at_us);
