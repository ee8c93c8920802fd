/* The standing job of receipts: those whose time is over go, and an erasure that does not come to its end is told. */
#include "base/log.h"
#include "metrics/metrics.h"
#include "model/privacy/erasure.h"
#include "privacy/kinds.h"

#define TIDY_EVERY_US (3600 * US_PER_SEC)

static enum job_step erasures_tidy_step(struct job_run *run)
{
    int64_t now = clock_now_us(), late = 0;

    enum err e = erasure_purge(run->db, now);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        e = erasure_count_late(run->db, now - US_PER_DAY, &late);
    if (e != OK)
        return job_run_failed(run, e);
    if (late > 0)
        alarm_raise(run->worker->metrics->set, ALARM_ERASURE_LATE, LOG_INT("erasures", late), LOG_END);
    run->again_at_us = now + TIDY_EVERY_US;
    return JOB_AGAIN;
}

const struct job_kind erasures_tidy_kind = {
    .name = "erasures_tidy", .class = JOB_PRIVACY, .standing = true, .step = erasures_tidy_step};
