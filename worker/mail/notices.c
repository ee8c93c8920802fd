/* The kind that gathers what a user is to be told into mails (model/mail/gather.h). Its subject is the user. */
#include "mail/kinds.h"
#include "model/mail/gather.h"

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

const struct job_kind notices_kind = {.name = NOTICES_JOB, .class = JOB_MAIL, .step = notices_step};
