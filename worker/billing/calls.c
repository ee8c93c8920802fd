#include "billing/calls.h"

#include "jobs/backoff.h"

#define UNCONFIGURED_US (600 * US_PER_SEC) /* the worker is restarted when a key is put there */
#define UNCONFIGURED_TOLD_TRIES 144        /* a day of them */
#define TAKEN_US (2 * US_PER_SEC)          /* how soon to look again whether somebody else still asks */
#define ATTEND_US (3600 * US_PER_SEC)
#define LATER_MIN_US US_PER_SEC
#define LATER_MAX_US (600 * US_PER_SEC)
#define TOLD_TRIES 10 /* after so many tries without an answer somebody is told, and again after as many */

bool calls_may_begin(struct job_run *run, enum job_step *ret_step)
{
    if (job_run_is_stopping(run)) {
        *ret_step = job_run_release(run);
        return false;
    }
    if (run->worker->stripe.keys != NULL)
        return true;
    run->note = "stripe is not configured";
    /* The standing job is there also where nothing was ever sold. All others are there because Stripe knows somebody. */
    if (!run->kind->standing && run->job.tries % UNCONFIGURED_TOLD_TRIES == 0)
        calls_alarm(run, "a job waits for " STRIPE_KEY_CREDENTIAL ", which is empty", NULL);
    run->again_at_us = clock_now_us() + UNCONFIGURED_US;
    *ret_step = run->kind->standing ? calls_anew(run) : JOB_AGAIN;
    return false;
}

static const char *calls_note(const struct job_run *run, const struct stripe_error *error)
{
    const char *word = error->code.n > 0   ? arena_strdup(run->arena, error->code)
                       : error->type.n > 0 ? arena_strdup(run->arena, error->type)
                                           : run->result->detail;

    if (error->http_status == 0)
        return word;
    if (error->http_status < 300)
        word = "an answer that cannot be read";
    return arena_printf(run->arena, "stripe %d %s %.*s", error->http_status, word == NULL ? "" : word,
                        STR_FMT(error->request_id))
        .p;
}

enum job_step calls_later(struct job_run *run, const struct stripe_error *error)
{
    run->note = calls_note(run, error);
    run->fault = run->fault || stripe_error_is_about_us(error);
    if (!run->fault && (run->job.tries + 1) % TOLD_TRIES == 0)
        alarm_raise(run->worker->metrics->set, ALARM_JOB_STUCK, LOG_STR("kind", run->job.kind),
                    LOG_CSTR("subject", uuid_text(&run->job.subject_id).s), LOG_CSTR("note", run->note), LOG_END);
    run->again_at_us = run->result != NULL && run->result->unasked
                           ? clock_now_us()
                           : clock_now_us() + backoff_us(run->job.tries, LATER_MIN_US, LATER_MAX_US);
    return JOB_AGAIN;
}

void calls_alarm(const struct job_run *run, const char *what, const struct stripe_error *error)
{
    alarm_raise(run->worker->metrics->set, ALARM_BILLING_ATTENTION, LOG_CSTR("what", what),
                LOG_STR("kind", run->job.kind), LOG_CSTR("subject", uuid_text(&run->job.subject_id).s),
                LOG_CSTR("note", error == NULL ? NULL : calls_note(run, error)), LOG_END);
}

enum job_step calls_attend(struct job_run *run, const char *what, const struct stripe_error *error, bool is_told)
{
    run->note = what;
    if (!is_told)
        calls_alarm(run, what, error);
    run->again_at_us = clock_now_us() + ATTEND_US;
    return JOB_AGAIN;
}

enum job_step calls_anew(struct job_run *run)
{
    enum err e = job_restart(run->db, JOB_BILLING, &run->job, run->again_at_us);

    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return JOB_AGAIN;
}

enum job_step calls_taken(struct job_run *run)
{
    run->note = "somebody else asks Stripe";
    run->again_at_us = clock_now_us() + TAKEN_US;
    return calls_anew(run);
}

void calls_end_credentials(const struct job_run *run)
{
    if (epoch_end(run->worker->credential_epoch) != OK)
        log_event(LOG_ERROR, "epoch_not_ended", LOG_CSTR("subject", uuid_text(&run->job.subject_id).s), LOG_END);
}

enum job_step calls_ended(struct job_run *run, enum err e)
{
    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return JOB_DONE;
}
