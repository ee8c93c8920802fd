/*
 * How slowly somebody may read what is sent for a long time. Only the time counts in which they were waited for.
 *
 *    int64_t began_us = clock_mono_us();
 *    e = sink_put(sink, bytes);
 *    pace_note(&pace, bytes.n, clock_mono_us() - began_us);
 *    if (pace_is_too_slow(&pace, kb_sec)) ...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_FREE_SEC 60 /* nobody is too slow before */

struct pace {
    int64_t bytes, waited_us;
};

void pace_note(struct pace *p, size_t bytes, int64_t waited_us);
bool pace_is_too_slow(const struct pace *p, int64_t kb_sec);
