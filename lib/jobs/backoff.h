/* How long to wait before the n-th repetition: base doubled each time up to max, half of it random, so that jobs that
 * failed together do not come back together. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/rand.h"

static inline int64_t backoff_us(int64_t n, int64_t base_us, int64_t max_us)
{
    int64_t us = n < 0 ? base_us : n > 30 ? max_us : base_us << n;

    us = us > max_us ? max_us : us;
    return us / 2 + (int64_t)rand_below((uint64_t)(us / 2 + 1));
}
