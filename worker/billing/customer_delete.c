/*
 * For an erasure: what Stripe has of a user goes, and then what we have of Stripe's. Open checkouts are ended first, so that nobody
 * pays at one meanwhile; deleting the customer ends its subscriptions. Each step can be repeated: what is gone already is no error.
 *
 *    lease ──► open checkouts ──► each is ended ──► customer deleted ──► row, events, copies of the plan: one transaction
 *                                                   └─► not there ──► was it deleted? ──► yes: as above; no: an alarm, and again
 *
 * That Stripe does not have a customer is no proof that it is gone: so it answers a key of another account, too. One that was deleted it
 * goes on showing as such, and only that counts; else somebody's address would stay there, and they would be told that it does not.
 */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event.h"
#include "model/billing/sync.h"
#include "stripe/calls.h"
#include "stripe/read.h"

enum customer_delete_stage { DELETE_LISTS, DELETE_EXPIRES, DELETE_DELETES, DELETE_LOOKS };

struct customer_delete {
    struct job_run *run;
    struct sync sync;
    bool has_customer;
    enum customer_delete_stage stage;
    struct stripe_sessions open;
    size_t expired_n;
};

static enum err customer_delete_tx(struct db *db, void *arg)
{
    const struct customer_delete *d = arg;
    struct job_run *run = d->run;

    enum err e = d->has_customer ? sync_forget(db, run->arena, run->worker->conf, &d->sync) : OK;
    if (e == OK)
        e = provider_events_forget(db, &run->job.subject_id);
    return e == OK ? job_finish(db, JOB_BILLING, &run->job) : e;
}

static enum job_step customer_delete_end(struct customer_delete *d)
{
    enum err e = db_tx(d->run->db, customer_delete_tx, d);

    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        calls_end_credentials(d->run);
    if (e != OK && d->has_customer)
        (void)!sync_release(d->run->db, &d->sync);
    return calls_ended(d->run, e);
}

static enum job_step customer_delete_later(struct customer_delete *d, const struct stripe_error *error)
{
    enum err e = sync_release(d->run->db, &d->sync);

    if (e != OK)
        return job_run_failed(d->run, e);
    if (stripe_next(&d->run->call, d->run->result) == STRIPE_REFUSED && !stripe_error_is_about_us(error) &&
        !d->run->fault)
        return calls_attend(d->run,
                            stripe_error_is_missing(error)
                                ? "Stripe does not know a customer that is to be deleted: another account's?"
                                : "Stripe does not delete a customer",
                            error, false);
    return calls_later(d->run, error);
}

/* The next session that is still open, else the customer itself. */
static enum job_step customer_delete_next(struct customer_delete *d)
{
    struct job_run *run = d->run;
    const struct stripe *stripe = &run->worker->stripe;
    struct uuid once = uuid_new();

    if (d->expired_n < d->open.n) {
        d->stage = DELETE_EXPIRES;
        stripe_checkout_expire(stripe, run->arena, d->open.v[d->expired_n].id,
                               stripe_idempotency_key(run->arena, "expire", &once), &run->call);
        return JOB_CALL;
    }
    d->stage = DELETE_DELETES;
    stripe_customer_delete(stripe, run->arena, d->sync.customer, &run->call);
    return JOB_CALL;
}

static enum job_step customer_delete_begin(struct job_run *run)
{
    struct customer_delete *d = run->data = arena_alloc(run->arena, sizeof *d);
    enum job_step step;

    d->run = run;
    enum err e = sync_claim(run->db, run->arena, &run->job.subject_id, job_run_lapsed_us(run), &d->sync);
    if (e == ERR_NOT_FOUND)
        return customer_delete_end(d);
    if (e == ERR_AGAIN)
        return calls_taken(run);
    if (e != OK)
        return job_run_failed(run, e);
    d->has_customer = true;
    run->also = (struct job_lease){.hold = sync_hold, .id = run->job.subject_id, .token = d->sync.token};
    bool is_other_mode = sync_is_other_mode(&d->sync, run->worker->conf);
    if (is_other_mode)
        step = calls_attend(run, "a customer that is to be deleted is of Stripe's other mode", NULL, false);
    if (is_other_mode || !calls_may_begin(run, &step)) {
        e = sync_release(run->db, &d->sync);
        return e == OK ? step : job_run_failed(run, e);
    }
    stripe_checkouts_list(&run->worker->stripe, run->arena, d->sync.customer, &run->call);
    return JOB_CALL;
}

static enum job_step customer_delete_on_list(struct customer_delete *d)
{
    struct job_run *run = d->run;
    struct stripe_error error;

    enum err e = stripe_read_sessions(run->result, run->arena, &d->open, &error);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error))
        d->open.n = 0;
    else if (e != OK)
        return customer_delete_later(d, &error);
    return customer_delete_next(d);
}

/* One that is not open any more is refused, and cannot be paid. */
static enum job_step customer_delete_on_expired(struct customer_delete *d)
{
    struct job_run *run = d->run;
    struct stripe_error error;

    enum err e = stripe_read_answer(run->result, run->arena, &error);
    if (e != OK && (e != ERR_STRIPE_REFUSED || stripe_error_is_about_us(&error) ||
                    stripe_next(&run->call, run->result) == STRIPE_AGAIN))
        return customer_delete_later(d, &error);
    d->expired_n++;
    return customer_delete_next(d);
}

static enum job_step customer_delete_on_deleted(struct customer_delete *d)
{
    struct job_run *run = d->run;
    struct stripe_customer customer;
    struct stripe_error error;

    enum err e = stripe_read_customer(run->result, run->arena, &customer, &error);
    if (e == OK && customer.deleted)
        return customer_delete_end(d);
    if (d->stage == DELETE_LOOKS || e != ERR_STRIPE_REFUSED || !stripe_error_is_missing(&error))
        return customer_delete_later(d, &error);
    d->stage = DELETE_LOOKS;
    stripe_customer_get(&run->worker->stripe, run->arena, d->sync.customer, &run->call);
    return JOB_CALL;
}

static enum job_step customer_delete_step(struct job_run *run)
{
    struct customer_delete *d = run->data;

    if (run->result == NULL)
        return customer_delete_begin(run);
    switch (d->stage) {
    case DELETE_LISTS:
        return customer_delete_on_list(d);
    case DELETE_EXPIRES:
        return customer_delete_on_expired(d);
    case DELETE_DELETES:
    case DELETE_LOOKS:
        break;
    }
    return customer_delete_on_deleted(d);
}

const struct job_kind customer_delete_kind = {
    .name = BILLING_JOB_DELETE, .class = JOB_BILLING, .share_percent = 25, .calls = true, .step = customer_delete_step};
