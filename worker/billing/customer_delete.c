/*
 * For an erasure: what Stripe has of a user goes, and then what we have of Stripe's. Open checkouts are ended first, so that nobody
 * pays at one meanwhile; deleting the customer ends its subscriptions. Each step can be repeated: what is gone already is no error.
 *
 *    lease ──► open checkouts ──► each is ended ──► customer deleted ──► row, events, copies of the plan: one transaction
 *                                                   └─► not there ──► was it deleted? ──► yes: as above; no: an alarm, and again
 *
 * One that was made and never stored, because who had it made died, has no row, and the user may have got another one since. So where that may
 * be (checkout_ask_customer), those that were made since are looked through for the user's id, before all is forgotten:
 *
 *    row's customer deleted, or no row ──► customers made since ──► each of the user's is deleted ──► none is left
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
#include "stripe/id.h"
#include "stripe/read.h"

enum customer_delete_stage { DELETE_LISTS, DELETE_EXPIRES, DELETE_DELETES, DELETE_LOOKS, DELETE_FINDS, DELETE_FOUND };

struct customer_delete {
    struct job_run *run;
    struct sync sync;
    bool has_customer;
    enum customer_delete_stage stage;
    struct stripe_sessions open;
    size_t expired_n;
    int64_t
        asked_at_us; /* of customers made since then one may be the user's; 0: it is not so, or they were looked through */
    char after[STRIPE_ID_MAX_BYTES + 1]; /* of these: where the next page begins; "": with the newest */
    struct arena_mark mark;              /* there may be many pages: each is given back when it was looked through */
};

#define MADE_US (120 * US_PER_SEC)   /* a call that was begun before the erasure is over by then */
#define CLOCKS_US (600 * US_PER_SEC) /* how far Stripe's clock may be behind ours */

static enum err customer_delete_tx(struct db *db, void *arg)
{
    const struct customer_delete *d = arg;
    struct job_run *run = d->run;

    enum err e = d->has_customer ? sync_forget(db, run->arena, run->worker->conf, &d->sync) : OK;
    if (e == OK)
        e = provider_events_forget(db, &run->job.subject_id);
    if (e == OK)
        e = billing_customer_looked(db, &run->job.subject_id, d->asked_at_us);
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

/* What comes after the customer after that: absent: from the newest on. */
static enum job_step customer_delete_find(struct customer_delete *d, struct str after)
{
    struct job_run *run = d->run;
    enum job_step step;

    if (!calls_may_begin(run, &step)) {
        enum err e = d->has_customer ? sync_release(run->db, &d->sync) : OK;
        return e == OK ? step : job_run_failed(run, e);
    }
    memset(d->after, 0, sizeof d->after);
    if (after.n > 0)
        memcpy(d->after, after.p, after.n); /* an id (stripe_id_is) */
    if (d->stage == DELETE_FINDS || d->stage == DELETE_FOUND)
        arena_back(run->arena, &d->mark);
    else
        d->mark = arena_mark(run->arena);
    d->stage = DELETE_FINDS;
    stripe_customers_list(&run->worker->stripe, run->arena, d->asked_at_us - CLOCKS_US,
                          str_from(d->after[0] == '\0' ? NULL : d->after), &run->call);
    return JOB_CALL;
}

static enum job_step customer_delete_later(struct customer_delete *d, const struct stripe_error *error)
{
    enum err e = d->has_customer ? sync_release(d->run->db, &d->sync) : OK;

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

/* billing_disown has taken the job away, and what there is now is the next customer's. The runner sees that the job is gone. */
static enum job_step customer_delete_not(const struct customer_delete *d)
{
    enum err e = d->has_customer ? sync_release(d->run->db, &d->sync) : OK;

    return e == OK ? JOB_DONE : job_run_failed(d->run, e);
}

/* ERR_NOT_FOUND: no. What this answers holds until a customer is stored, and disowned: without one, nobody can take the job away. */
static enum err customer_delete_is_wanted(const struct customer_delete *d)
{
    return job_is_left(d->run->db, JOB_BILLING, &d->run->job.id, &d->run->job.lease_token);
}

static enum job_step customer_delete_begin(struct job_run *run)
{
    struct customer_delete *d = run->data = arena_alloc(run->arena, sizeof *d);
    enum job_step step;

    d->run = run;
    enum err e = billing_customer_asked(run->db, &run->job.subject_id, &d->asked_at_us);
    if (e != OK)
        return job_run_failed(run, e);
    if (d->asked_at_us != 0 && clock_now_us() < run->job.created_at_us + MADE_US) {
        run->note = "a customer may be being made";
        run->again_at_us = run->job.created_at_us + MADE_US;
        return JOB_AGAIN;
    }
    e = sync_claim(run->db, run->arena, &run->job.subject_id, job_run_lapsed_us(run), &d->sync);
    if (e == ERR_AGAIN)
        return calls_taken(run);
    if (e != OK && e != ERR_NOT_FOUND)
        return job_run_failed(run, e);
    d->has_customer = e == OK;
    e = customer_delete_is_wanted(d);
    if (e == ERR_NOT_FOUND)
        return customer_delete_not(d);
    if (e != OK)
        return job_run_failed(run, e);
    if (!d->has_customer)
        return d->asked_at_us == 0 ? customer_delete_end(d) : customer_delete_find(d, (struct str){0});
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
        return d->asked_at_us != 0 ? customer_delete_find(d, (struct str){0}) : customer_delete_end(d);
    if (d->stage == DELETE_LOOKS || e != ERR_STRIPE_REFUSED || !stripe_error_is_missing(&error))
        return customer_delete_later(d, &error);
    d->stage = DELETE_LOOKS;
    stripe_customer_get(&run->worker->stripe, run->arena, d->sync.customer, &run->call);
    return JOB_CALL;
}

static enum job_step customer_delete_on_found(struct customer_delete *d)
{
    struct job_run *run = d->run;
    struct stripe_customers page;
    struct stripe_error error;

    enum err e = stripe_read_customers(run->result, run->arena, &page, &error);
    if (e != OK)
        return customer_delete_later(d, &error);
    e = customer_delete_is_wanted(d);
    if (e == ERR_NOT_FOUND)
        return customer_delete_not(d);
    if (e != OK)
        return job_run_failed(run, e);
    for (size_t i = 0; i < page.n; i++)
        if (!page.v[i].deleted && uuid_eq(&page.v[i].user_id, &run->job.subject_id)) {
            d->stage = DELETE_FOUND;
            stripe_customer_delete(&run->worker->stripe, run->arena, page.v[i].id, &run->call);
            return JOB_CALL;
        }
    return page.has_more && page.n > 0 ? customer_delete_find(d, page.v[page.n - 1].id) : customer_delete_end(d);
}

/* One that is gone already is not listed any more. */
static enum job_step customer_delete_on_found_deleted(struct customer_delete *d)
{
    struct stripe_customer customer;
    struct stripe_error error;

    enum err e = stripe_read_customer(d->run->result, d->run->arena, &customer, &error);
    if ((e == OK && customer.deleted) || (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error)))
        return customer_delete_find(d, (struct str){0});
    return customer_delete_later(d, &error);
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
    case DELETE_FINDS:
        return customer_delete_on_found(d);
    case DELETE_FOUND:
        return customer_delete_on_found_deleted(d);
    case DELETE_DELETES:
    case DELETE_LOOKS:
        break;
    }
    return customer_delete_on_deleted(d);
}

const struct job_kind customer_delete_kind = {
    .name = BILLING_JOB_DELETE, .class = JOB_BILLING, .share_percent = 25, .calls = true, .step = customer_delete_step};
