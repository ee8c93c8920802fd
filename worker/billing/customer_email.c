/*
 * A changed address reaches Stripe, which sends its receipts there. Whoever changes it once more meanwhile makes the job run again. One
 * that Stripe does not take is told once, to the admin and in the user's activity, and the job ends: trying again would not help, and
 * another address makes another job.
 */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/jobs.h"
#include "model/billing/sync.h"
#include "model/user/activity.h"
#include "model/user/user.h"
#include "stripe/calls.h"
#include "stripe/read.h"

#define MISSING_US (3600 * US_PER_SEC)

static enum job_step customer_email_begin(struct job_run *run)
{
    struct billing_contact contact = {.email = {0}};
    enum job_step step;

    if (!calls_may_begin(run, &step))
        return step;
    enum err e = billing_contact(run->db, run->arena, &run->job.subject_id, &contact);
    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    /* A key of this run alone: with that of another one, whose address was another, Stripe would refuse. */
    stripe_customer_update(&run->worker->stripe, run->arena, contact.customer, contact.email,
                           stripe_idempotency_key(run->arena, "email", &run->job.lease_token), &run->call);
    return JOB_CALL;
}

static enum err customer_email_taken_tx(struct db *db, void *arg)
{
    const struct job_run *run = arg;
    enum err e = sync_attend_over(db, &run->job.subject_id, SYNC_EMAIL_REFUSED);

    return e == OK ? job_finish(db, JOB_BILLING, &run->job) : e;
}

static enum err customer_email_refused_tx(struct db *db, void *arg)
{
    const struct job_run *run = arg;
    const struct uuid *user_id = &run->job.subject_id;

    enum err e = user_lock_any(db, user_id);
    if (e == OK)
        e = sync_attend(db, user_id, SYNC_EMAIL_REFUSED);
    if (e == OK)
        e = activity_add(db, &(struct activity_new){.user_id = *user_id,
                                                    .what = ACTIVITY_STRIPE_EMAIL_REFUSED,
                                                    .by = ACTIVITY_BY_SERVICE});
    return e == OK ? job_finish(db, JOB_BILLING, &run->job) : e;
}

/* Whether the customer was deleted, or is of another account, is found by who fetches it; this waits for that. */
static enum job_step customer_email_missing(struct job_run *run)
{
    enum err e = billing_ask_sync(run->db, &run->job.subject_id, run->job.request_id);

    run->note = "Stripe does not have the customer";
    run->again_at_us = clock_now_us() + MISSING_US;
    return e == OK ? JOB_AGAIN : job_run_failed(run, e);
}

static enum job_step customer_email_step(struct job_run *run)
{
    struct stripe_customer customer;
    struct stripe_error error;

    if (run->result == NULL)
        return customer_email_begin(run);
    enum err e = stripe_read_customer(run->result, run->arena, &customer, &error);
    if (e == OK)
        return calls_ended(run, db_tx(run->db, customer_email_taken_tx, run));
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error))
        return customer_email_missing(run);
    if (stripe_next(&run->call, run->result) != STRIPE_REFUSED || stripe_error_is_about_us(&error) || run->fault)
        return calls_later(run, &error);
    run->note = "Stripe does not take the user's address";
    calls_alarm(run, run->note, &error);
    return calls_ended(run, db_tx(run->db, customer_email_refused_tx, run));
}

const struct job_kind customer_email_kind = {
    .name = BILLING_JOB_EMAIL, .class = JOB_BILLING, .share_percent = 25, .calls = true, .step = customer_email_step};
