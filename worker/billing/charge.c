/* A dispute or a warning names a charge and no customer: the charge is asked for. Then the event is of that customer's user, whose job
 * does the rest. */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event.h"
#include "stripe/calls.h"
#include "stripe/read.h"

struct charge {
    struct job_run *run;
    struct provider_event event;
    struct str customer;
    enum provider_event_why why; /* of one that is ignored */
};

static enum err charge_ignore_tx(struct db *db, void *arg)
{
    const struct charge *c = arg;
    enum err e = provider_events_ignore(db, &c->event, 1, c->why);

    return e == OK ? job_finish(db, JOB_BILLING, &c->run->job) : e;
}

static enum err charge_is_of_tx(struct db *db, void *arg)
{
    const struct charge *c = arg;
    struct job_run *run = c->run;
    struct uuid user_id;

    enum err e = billing_user_of(db, run->arena, c->customer, &user_id);
    if (e == OK)
        e = provider_event_is_of(db, &c->event.id, &user_id, c->customer);
    if (e == OK)
        e = billing_ask_sync(db, &user_id, run->job.request_id);
    return e == OK ? job_finish(db, JOB_BILLING, &run->job) : e;
}

static enum job_step charge_ignore(struct charge *c, enum provider_event_why why)
{
    c->why = why;
    return calls_ended(c->run, db_tx(c->run->db, charge_ignore_tx, c));
}

static enum job_step charge_on_answer(struct charge *c)
{
    struct job_run *run = c->run;
    struct stripe_error error;

    enum err e = stripe_read_charge(run->result, run->arena, &c->customer, &error);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error))
        return charge_ignore(c, PROVIDER_EVENT_GONE);
    if (e != OK)
        return calls_later(run, &error);
    e = c->customer.p == NULL ? ERR_NOT_FOUND : db_tx(run->db, charge_is_of_tx, c);
    return e == ERR_NOT_FOUND ? charge_ignore(c, PROVIDER_EVENT_UNKNOWN_CUSTOMER) : calls_ended(run, e);
}

static enum job_step charge_begin(struct job_run *run)
{
    struct charge *c = run->data = arena_alloc(run->arena, sizeof *c);
    enum job_step step;

    c->run = run;
    enum err e = provider_event_read(run->db, run->arena, &run->job.subject_id, &c->event);
    if (e == ERR_NOT_FOUND || (e == OK && c->event.state != PROVIDER_EVENT_WAITING))
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    if (c->event.charge_id.p == NULL)
        return charge_ignore(c, PROVIDER_EVENT_UNKNOWN_CUSTOMER);
    if (!calls_may_begin(run, &step))
        return step;
    stripe_charge_get(&run->worker->stripe, run->arena, c->event.charge_id, &run->call);
    return JOB_CALL;
}

static enum job_step charge_step(struct job_run *run)
{
    return run->result == NULL ? charge_begin(run) : charge_on_answer(run->data);
}

const struct job_kind charge_kind = {
    .name = PROVIDER_EVENT_JOB_CHARGE, .class = JOB_BILLING, .share_percent = 25, .calls = true, .step = charge_step};
