/*
 * The standing job that asks for whoever has a plan although its period is over. An event would have said how it goes on; but none is made
 * when the endpoint at Stripe was switched off or is not subscribed to its type, and then reconciliation finds none either. So a plan that
 * is paid no more ends, one that goes on is seen to, and the admin is told that news do not come.
 */
#include "billing/kinds.h"
#include "model/billing/jobs.h"

#define LAPSED_EVERY_US (3600 * US_PER_SEC)

static enum job_step lapsed_step(struct job_run *run)
{
    uint64_t n = 0;

    enum err e = billing_ask_lapsed(run->db, run->arena, &n);
    if (e != OK)
        return job_run_failed(run, e);
    if (n > 0)
        alarm_raise(run->worker->metrics->set, ALARM_EVENTS_MISSED, LOG_INT("lapsed", (int64_t)n), LOG_END);
    run->again_at_us = clock_now_us() + LAPSED_EVERY_US;
    return JOB_AGAIN;
}

const struct job_kind lapsed_kind = {.name = "lapsed", .class = JOB_BILLING, .standing = true, .step = lapsed_step};
