/*
 * How long to wait before a repetition: a time that doubles with each try up to a maximum, half of it random, so that
 * jobs that failed together do not come back together.
 *
 *    static const struct backoff refresh_backoff = {.tries_max = 50, .base_us = 10 * US_PER_SEC, .max_us = ...};
 *    return job_run_later(run, 0, &refresh_backoff);
 */
#pragma once

#include "base/clock.h"
#include "base/rand.h"
#include "jobs/kind.h"

static inline int64_t backoff_us(int64_t n, int64_t base_us, int64_t max_us) /* before the n-th repetition */
{
    int64_t us = n < 0 ? base_us : n > 30 ? max_us : base_us << n;

    us = us > max_us ? max_us : us;
    return us / 2 + (int64_t)rand_below((uint64_t)(us / 2 + 1));
}

struct backoff {
    int64_t tries_max, base_us, max_us;
};

/* For step's return: again, at least min_us from now; done when that was the last try. */
static inline enum job_step job_run_later(struct job_run *run, int64_t min_us, const struct backoff *b)
{
    run->again_at_us = clock_now_us() + min_us + backoff_us(run->job.tries, b->base_us, b->max_us);
    return run->job.tries < b->tries_max ? JOB_AGAIN : JOB_DONE;
}
