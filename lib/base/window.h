/*
 * A sliding window, kept as a log of times: 8 bytes each, big endian, oldest first, so that a database column can hold
 * it. No I/O: the caller reads the bytes, takes a place, and writes the bytes back if the column has not changed since.
 *
 *    uint8_t log[WINDOW_BYTES(6)];    // filled from the column, n bytes
 *    if (window_take(log, &n, 6, 60 * US_PER_SEC, now_us, &free_at_us))
 *        write(log, n);
 *
 * If the length is not a multiple of 8, the last bytes are dropped. Times in the future, from a machine whose clock is
 * ahead, count as now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

#define WINDOW_BYTES(limit) ((limit) * sizeof(int64_t))

/*
 * log has room for WINDOW_BYTES(limit); *n is how much of it is used. True: now_us was added, and times that are
 * period_us or more ago were dropped. False: the period already holds limit times; log is unchanged, and ret_free_at_us
 * is when the oldest of them leaves.
 */
MUST_CHECK bool window_take(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us,
                            int64_t *ret_free_at_us);

/*
 * The same for those who can wait: adds the time at which the next place is free, now_us or later, and gives it to the
 * caller, whose it is then. Nobody asks twice, and who came first goes first. Such a log holds times in the future, so
 * use either this or window_take for one. False: that time is more than WINDOW_AHEAD_MAX_US ahead, when it is worth asking
 * again (ret_at_us); log is unchanged. So times further ahead are from a clock that was set back since, and count as now.
 */
#define WINDOW_AHEAD_MAX_US (INT64_C(1800) * 1000000)
MUST_CHECK bool window_reserve(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us,
                               int64_t *ret_at_us);
