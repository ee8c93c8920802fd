/* The standing job that puts old days of usage together to months (model/usage/usage.h), and deletes old months and the keys that
 * ended before all that is kept of them. */
#include "media/kinds.h"

#include "model/key/key.h"
#include "model/usage/usage.h"

#define EVERY_US (3600 * US_PER_SEC)
#define BATCH 100 /* users and months of one run, or rows to delete: well within its lease */

struct usage_run {
    struct job_run *run;
    int64_t now_us;
};

/* One after the other, so that no key goes before its usage. n: of the first that is not done with, or the last. */
static enum err usage_tidy(struct db *db, const struct usage_run *u, size_t *ret_n)
{
    int64_t kept_us = usage_month_of(u->now_us, -USAGE_KEPT_MONTHS);

    enum err e = usage_roll_up(db, u->run->arena, usage_month_of(u->now_us, -USAGE_MONTHS), BATCH, ret_n);
    if (e == OK && *ret_n < BATCH)
        e = usage_purge(db, kept_us, BATCH, ret_n);
    if (e == OK && *ret_n < BATCH)
        e = key_purge(db, u->run->arena, kept_us, BATCH, ret_n);
    return e;
}

/* The job comes last: a worker that has lost it adds nothing a second time. */
static enum err usage_tidy_tx(struct db *db, void *arg)
{
    struct usage_run *u = arg;
    size_t n;

    enum err e = usage_tidy(db, u, &n);
    if (e != OK)
        return e;
    u->run->again_at_us = u->now_us + (n == BATCH ? 0 : EVERY_US);
    return job_again(db, JOB_MEDIA, &u->run->job, u->run->again_at_us);
}

static enum job_step usage_step(struct job_run *run)
{
    struct usage_run u = {.run = run, .now_us = clock_now_us()};
    enum err e = db_tx(run->db, usage_tidy_tx, &u);

    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return JOB_AGAIN;
}

const struct job_kind usage_kind = {.name = "usage", .class = JOB_MEDIA, .standing = true, .step = usage_step};
