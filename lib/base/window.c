#include "base/window.h"

#include <endian.h>
#include <string.h>

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

/* Of a log of reserved places. */
static int64_t window_place_at(const uint8_t *log, size_t i, int64_t now_us)
{
    int64_t at_us = window_raw_at(log, i);

    return at_us > now_us + WINDOW_AHEAD_MAX_US ? now_us : at_us;
}

bool window_reserve(uint8_t *log, size_t *n, size_t limit, int64_t period_us, int64_t now_us, int64_t *ret_at_us)
{
    size_t used = MIN(*n / sizeof(int64_t), limit), kept = 0, first = used;
    int64_t slot_us = now_us;

    ASSERT(limit > 0 && now_us >= 0);
    for (size_t i = used; i-- > 0;)
        if (now_us - window_place_at(log, i, now_us) < period_us) {
            kept++;
            first = i;
        }
    if (kept == limit) { /* the oldest makes room */
        slot_us = MAX(window_place_at(log, first, now_us) + period_us, now_us);
        first++;
    }
    *ret_at_us = MIN(slot_us, now_us + WINDOW_AHEAD_MAX_US);
    if (slot_us > *ret_at_us)
        return false;
    kept = 0;
    for (size_t i = first; i < used; i++) {
        int64_t at_us = window_place_at(log, i, now_us);
        if (now_us - at_us < period_us)
            window_set_time(log, kept++, at_us);
    }
    window_set_time(log, kept, slot_us);
    *n = WINDOW_BYTES(kept + 1);
    return true;
}
