#include "base/window.h"

#include <endian.h>
#include <string.h>

#define AHEAD_MAX_US (INT64_C(86400) * 1000000) /* a slot further away is a clock that was wrong */

static int64_t window_raw_at(const uint8_t *log, size_t i)
{
    uint64_t v;

    memcpy(&v, log + i * sizeof v, sizeof v);
    v = be64toh(v);
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t window_time_at(const uint8_t *log, size_t i, int64_t now_us)
{
    return MIN(window_raw_at(log, i), now_us);
}

static void window_set_time(uint8_t *log, size_t i, int64_t at_us)
{
    uint64_t v = htobe64((uint64_t)at_us);

    memcpy(log + i * sizeof v, &v, sizeof v);
}

bool window_take(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us, int64_t *ret_free_at_us)
{
    size_t used = MIN(*n / sizeof(int64_t), limit), first = 0;

    ASSERT(limit > 0 && now_us >= 0);
    while (first < used && now_us - window_time_at(log, first, now_us) >= period_us)
        first++;
    if (used - first == limit) {
        *ret_free_at_us = window_time_at(log, first, now_us) + period_us;
        return false;
    }
    for (size_t i = first; i < used; i++)
        window_set_time(log, i - first, window_time_at(log, i, now_us));
    window_set_time(log, used - first, now_us);
    *n = WINDOW_BYTES(used - first + 1);
    return true;
}

int64_t window_reserve(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us)
{
    size_t used = MIN(*n / sizeof(int64_t), limit), kept = 0;
    int64_t slot_us = now_us;

    ASSERT(limit > 0 && now_us >= 0);
    for (size_t i = 0; i < used; i++) {
        int64_t at_us = window_raw_at(log, i);
        if (at_us > now_us + AHEAD_MAX_US)
            at_us = now_us;
        if (now_us - at_us < period_us)
            window_set_time(log, kept++, at_us);
    }
    if (kept == limit) {
        slot_us = MAX(window_raw_at(log, 0) + period_us, now_us);
        memmove(log, log + sizeof(int64_t), WINDOW_BYTES(limit - 1));
        kept--;
    }
    window_set_time(log, kept, slot_us);
    *n = WINDOW_BYTES(kept + 1);
    return slot_us;
}
