/* The standing job that deletes events when their time is over. */
#include "base/clock.h"
#include "billing/kinds.h"
#include "model/billing/provider_event.h"

#define TIDY_EVERY_US (3600 * US_PER_SEC)
#define TIDY_RUN_US (30 * US_PER_SEC) /* of one run, which then comes again at once */
#define TIDY_BATCH 500                /* rows of one statement: some milliseconds */

static enum job_step events_tidy_step(struct job_run *run)
{
    int64_t until_us = clock_mono_us() + TIDY_RUN_US;
    uint64_t n = TIDY_BATCH;

    while (n == TIDY_BATCH && clock_mono_us() < until_us && !job_run_is_stopping(run)) {
        enum err e = provider_events_purge(run->db, clock_now_us(), TIDY_BATCH, &n);
        if (e != OK)
            return job_run_failed(run, e);
    }
    run->again_at_us = clock_now_us() + (n == TIDY_BATCH ? 0 : TIDY_EVERY_US);
    return JOB_AGAIN;
}

const struct job_kind events_tidy_kind = {
    .name = "events_tidy", .class = JOB_BILLING, .standing = true, .step = events_tidy_step};
