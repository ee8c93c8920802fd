/* The erase kind: goes on with an erasure for as long as there is something to do at once, and comes again when what it waits for may
 * be there. */
#include "jobs/backoff.h"
#include "model/privacy/erasure.h"
#include "privacy/kinds.h"

#define RUN_US (20 * US_PER_SEC) /* then others have their turn */
#define QUICK_TRIES 30           /* what it waits for takes seconds, unless something is away */
#define WAIT_BASE_US (US_PER_SEC / 2)
#define WAIT_MAX_US (30 * US_PER_SEC)

static int64_t erase_wait_us(int64_t tries)
{
    return backoff_us(tries < QUICK_TRIES ? 0 : tries - QUICK_TRIES, WAIT_BASE_US, WAIT_MAX_US);
}

static enum job_step erase_step(struct job_run *run)
{
    const struct arena_mark mark = arena_mark(run->arena);
    int64_t until_us = clock_mono_us() + RUN_US;
    struct erasure_progress p;

    do {
        enum err e = erasure_advance(run->db, run->arena, run->worker->conf, &run->job.subject_id, &p);
        arena_back(run->arena, &mark);
        if (e != OK)
            return job_run_failed(run, e);
        if (p.is_over)
            return JOB_DONE;
    } while (p.goes_on && clock_mono_us() < until_us && !job_run_is_stopping(run));
    run->note = p.waits;
    run->again_at_us = p.goes_on            ? clock_now_us()
                       : p.again_at_us != 0 ? p.again_at_us
                                            : clock_now_us() + erase_wait_us(run->job.tries);
    return JOB_AGAIN;
}

const struct job_kind erase_kind = {.name = ERASE_JOB, .class = JOB_PRIVACY, .step = erase_step};
