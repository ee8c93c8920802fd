/* A changed address reaches Stripe, which sends its receipts there. Whoever changes it once more meanwhile makes the job run again. */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/ask.h"
#include "stripe/calls.h"
#include "stripe/read.h"

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

static enum job_step customer_email_step(struct job_run *run)
{
    struct stripe_customer customer;
    struct stripe_error error;

    if (run->result == NULL)
        return customer_email_begin(run);
    enum err e = stripe_read_customer(run->result, run->arena, &customer, &error);
    if (e == OK)
        return JOB_DONE;
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error)) {
        run->note = "the customer is not there any more"; /* which is found by who fetches it */
        return JOB_DONE;
    }
    if (stripe_next(&run->call, run->result) == STRIPE_REFUSED && !stripe_error_is_about_us(&error) && !run->fault)
        return calls_attend(run, "Stripe does not take the user's address", &error);
    return calls_later(run, &error);
}

const struct job_kind customer_email_kind = {
    .name = BILLING_JOB_EMAIL, .class = JOB_BILLING, .share_percent = 25, .calls = true, .step = customer_email_step};
