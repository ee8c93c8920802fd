/* The standing job that deletes what is kept for a time only (model/mail/tidy.h), and mails that are files. */
#include "mail/kinds.h"

#include "mail/eml.h"
#include "model/mail/tidy.h"
#include "model/privacy/request.h"

#define TIDY_EVERY_US (600 * US_PER_SEC)
#define TIDY_RUN_US (30 * US_PER_SEC) /* of one run, which then comes again at once */

/* Here, because there is nobody else who looks by the clock at what people are owed. */
static enum err tidy_overdue(struct job_run *run)
{
    uint64_t n = 0;

    enum err e = request_tell_overdue(run->db, clock_now_us(), &n);
    if (e == OK && n > 0)
        alarm_raise(run->worker->metrics->set, ALARM_REQUEST_OVERDUE, LOG_INT("requests", (int64_t)n), LOG_END);
    return e;
}

static enum job_step tidy_step(struct job_run *run)
{
    int64_t until_us = clock_mono_us() + TIDY_RUN_US;
    bool more = true;

    enum err e = tidy_overdue(run); /* first: what cannot be deleted keeps no deadline quiet */
    if (e != OK)
        return job_run_failed(run, e);
    while (more && clock_mono_us() < until_us && !job_run_is_stopping(run)) {
        e = mail_tidy(run->db, clock_now_us(), &more);
        if (e != OK)
            return job_run_failed(run, e);
    }
    e = eml_purge(run->worker->conf->smtp_dir.p, clock_now_us() - EML_KEPT_US);
    if (e != OK)
        return job_run_failed(run, e);
    run->again_at_us = clock_now_us() + (more ? 0 : TIDY_EVERY_US);
    return JOB_AGAIN;
}

const struct job_kind tidy_kind = {.name = "tidy", .class = JOB_MAIL, .standing = true, .step = tidy_step};
