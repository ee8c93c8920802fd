/* The refresh kind: a fresh pair of tokens for an account, whether the old one is near its end or not. */
#include "jobs/backoff.h"
#include "publish/access.h"
#include "publish/kinds.h"

/* After the last try the next housekeeping asks again. */
static const struct backoff refresh_backoff = {
    .tries_max = 50, .base_us = 10 * US_PER_SEC, .max_us = 1800 * US_PER_SEC};

static enum job_step refresh_done(struct job_run *run)
{
    (void)run;
    return JOB_DONE;
}

static enum job_step refresh_later(struct job_run *run)
{
    return job_run_later(run, 0, &refresh_backoff);
}

static const struct access_ways refresh_ways = {
    .ready = refresh_done, .unreachable = refresh_later, .lost = refresh_done};

static enum job_step refresh_step(struct job_run *run)
{
    struct access *a = run->data;

    if (a == NULL) {
        a = run->data = arena_alloc(run->arena, sizeof(*a));
        *a = (struct access){.account_id = run->job.subject_id, .force = true};
    }
    return a->is_refreshing ? access_go_on(run, a, &refresh_ways) : access_begin(run, a, &refresh_ways);
}

static bool refresh_keep(const struct job_run *run, struct buf *memo)
{
    return access_keep(run, run->data, memo);
}

/* The tokens are all that it is for. */
static enum err refresh_take_up(struct job_run *run, struct str memo)
{
    struct access *a = run->data = arena_alloc(run->arena, sizeof *a);

    enum err e = access_take_up(run, a, memo);
    a->begins_again = false;
    return e;
}

const struct job_kind refresh_kind = {.name = "refresh",
                                      .class = JOB_PUBLISH,
                                      .calls = true,
                                      .step = refresh_step,
                                      .keep = refresh_keep,
                                      .take_up = refresh_take_up};
