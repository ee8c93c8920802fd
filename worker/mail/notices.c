/*
 * Two kinds about what users can switch off (model/mail/notice.h): "notices" gathers what a user is to be told into mails, and
 * "expiring", which stands, finds keys that are about to expire.
 */
#include "base/clock.h"
#include "mail/kinds.h"
#include "model/key/key_expiring.h"
#include "model/mail/gather.h"

#define EXPIRING_EVERY_US (3600 * US_PER_SEC)
#define EXPIRING_SOON_US (10 * US_PER_SEC) /* when there are more: then others' jobs have their turn */
#define EXPIRING_BATCHES 20

/* The job comes last: of two workers, the one that has lost it has gathered nothing. What comes while this runs makes the job
 * run again. */
static enum err notices_tx(struct db *db, void *arg)
{
    struct job_run *run = arg;

    enum err e = notices_gather(db, run->arena, &run->job.subject_id, run->job.request_id, &run->again_at_us);
    if (e != OK)
        return e;
    return run->again_at_us == 0 ? job_finish(db, JOB_MAIL, &run->job)
                                 : job_restart(db, JOB_MAIL, &run->job, run->again_at_us);
}

static enum job_step notices_step(struct job_run *run)
{
    enum err e = db_tx(run->db, notices_tx, run);

    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return run->again_at_us == 0 ? JOB_DONE : JOB_AGAIN;
}

static enum job_step expiring_step(struct job_run *run)
{
    size_t n = KEY_TELL_BATCH;
    enum err e = OK;

    for (int i = 0; i < EXPIRING_BATCHES && n == KEY_TELL_BATCH && e == OK && !job_run_is_stopping(run); i++)
        e = key_tell_expiring(run->db, run->arena, &n);
    if (e != OK)
        return job_run_failed(run, e);
    run->again_at_us = clock_now_us() + (n == KEY_TELL_BATCH ? EXPIRING_SOON_US : EXPIRING_EVERY_US);
    return JOB_AGAIN;
}

const struct job_kind notices_kind = {.name = NOTICES_JOB, .class = JOB_MAIL, .step = notices_step};
const struct job_kind expiring_kind = {
    .name = "expiring", .class = JOB_MAIL, .standing = true, .step = expiring_step};
