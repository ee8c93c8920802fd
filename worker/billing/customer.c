/*
 * Fetches what Stripe has of a user, and stores it: the one thing that every event comes to. Events that wait are read first, and are
 * done when what Stripe answered afterwards is stored: so each of them is in that answer, whatever their order was. One that comes
 * meanwhile has asked for the job once more.
 *
 *    begin ──► events, lease ──► Stripe ──► state, mails, events done, the job's end: one transaction
 *      └─► no customer ──► does the one that an event names belong to the user? ──► bound, and again; or the event is ignored
 */
#include "billing/customer.h"

#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/jobs.h"

struct customer_end {
    struct job_run *run;
    struct customer *c;
};

/* The job comes last: of two workers the one that has lost it writes nothing. What did not fit into this run is the next one's. */
static enum err customer_end_job(struct db *db, const struct customer_end *end)
{
    const struct job *job = &end->run->job;

    return end->c->events_n == CUSTOMER_EVENTS_MAX ? job_restart(db, JOB_BILLING, job, clock_now_us())
                                                   : job_finish(db, JOB_BILLING, job);
}

static enum err customer_end_events(struct db *db, const struct customer *c)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < c->events_n; i++) {
        enum provider_event_why why = customer_why_ignored(c, &c->events[i]);
        e = why == PROVIDER_EVENT_HAS_NO_WHY ? provider_events_done(db, &c->events[i], 1)
                                             : provider_events_ignore(db, &c->events[i], 1, why);
    }
    return e;
}

static enum err customer_store_tx(struct db *db, void *arg)
{
    const struct customer_end *end = arg;
    struct customer *c = end->c;
    const struct job_run *run = end->run;

    enum err e = c->fetched == FETCH_GONE ? sync_forget(db, run->arena, run->worker->conf, &c->sync)
                                          : sync_store(db, run->arena, run->worker->conf, &c->sync, &c->fetch.state);
    if (e == OK && c->fetched == FETCH_DONE)
        e = sync_attend(db, &run->job.subject_id, sync_attention_of(&c->fetch.state));
    if (e == OK)
        e = customer_end_events(db, c);
    if (e == OK)
        e = customer_tell(db, run, c);
    return e == OK ? customer_end_job(db, end) : e;
}

static enum job_step customer_store(struct job_run *run, struct customer *c)
{
    struct customer_end end = {run, c};

    customer_raise_alarms(run, c);
    enum err e = db_tx(run->db, customer_store_tx, &end);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        calls_end_credentials(run);
    if (e == OK && c->fetched == FETCH_GONE)
        run->note = "the customer was deleted";
    if (e != OK) /* else it would keep others out until it ends */
        (void)!sync_release(run->db, &c->sync);
    return calls_ended(run, e);
}

static enum job_step customer_not_fetched(struct job_run *run, struct customer *c)
{
    const struct stripe_error *error = &c->fetch.error;
    bool is_unknown = c->fetch.next == STRIPE_REFUSED && !stripe_error_is_about_us(error) && !run->fault;
    /* Before it is noted that somebody was told: rather twice than never. */
    enum job_step step = is_unknown ? calls_attend(run, "Stripe does not know the customer: another account's?", error,
                                                   (c->sync.attention & SYNC_UNKNOWN_CUSTOMER) != 0)
                                    : calls_later(run, error);

    enum err e = sync_release(run->db, &c->sync);
    if (e == OK && is_unknown)
        e = sync_attend(run->db, &run->job.subject_id, SYNC_UNKNOWN_CUSTOMER);
    return e == OK ? step : job_run_failed(run, e);
}

static enum job_step customer_on_fetched(struct job_run *run, struct customer *c)
{
    c->fetched = fetch_take(&c->fetch, run->result);
    switch (c->fetched) {
    case FETCH_CALL:
        run->call = c->fetch.call;
        return JOB_CALL;
    case FETCH_DONE:
    case FETCH_GONE:
        return customer_store(run, c);
    case FETCH_FAILED:
        break;
    }
    return customer_not_fetched(run, c);
}

/* A user without a customer */

static enum err customer_ignore(struct db *db, const struct customer *c, enum provider_event_why why)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < c->events_n; i++)
        if (c->candidate.p == NULL || str_eq(c->events[i].customer_id, c->candidate))
            e = provider_events_ignore(db, &c->events[i], 1, why);
    return e;
}

static enum err customer_ignore_tx(struct db *db, void *arg)
{
    const struct customer_end *end = arg;
    enum err e = customer_ignore(db, end->c, PROVIDER_EVENT_UNKNOWN_CUSTOMER);

    return e == OK ? job_restart(db, JOB_BILLING, &end->run->job, clock_now_us()) : e;
}

static enum err customer_gone_tx(struct db *db, void *arg)
{
    const struct customer_end *end = arg;
    enum err e = customer_ignore(db, end->c, PROVIDER_EVENT_GONE);

    return e == OK ? job_restart(db, JOB_BILLING, &end->run->job, clock_now_us()) : e;
}

static enum err customer_bind_tx(struct db *db, void *arg)
{
    const struct customer_end *end = arg;
    const struct job *job = &end->run->job;
    enum err e = billing_bind(db, end->run->arena, &job->subject_id, end->c->candidate, job->request_id);

    return e == OK ? job_restart(db, JOB_BILLING, &end->run->job, clock_now_us()) : e;
}

static enum job_step customer_then(struct job_run *run, struct customer *c, enum err (*tx)(struct db *, void *))
{
    struct customer_end end = {run, c};

    enum err e = db_tx(run->db, tx, &end);
    if ((e == ERR_DB_DUPLICATE || e == ERR_ACCOUNT_DISABLED || e == ERR_NOT_FOUND) && tx == customer_bind_tx)
        return customer_then(run, c, customer_ignore_tx);
    if (e == OK)
        run->job_ended = true;
    return e == OK ? JOB_AGAIN : job_run_failed(run, e);
}

/* The one that an event names, which says that it is about this user, may become theirs: if it was made by us, for them, and a backup
 * or a death has lost it. The event alone proves nothing: whoever pays by a payment link writes what they like into the link's
 * client_reference_id, and would have a customer of theirs at somebody else's account here. */
static enum job_step customer_on_candidate(struct job_run *run, struct customer *c)
{
    struct stripe_customer found;
    struct stripe_error error;

    enum err e = stripe_read_customer(run->result, run->arena, &found, &error);
    enum stripe_next next = stripe_next(&run->call, run->result);
    if (e == ERR_STRIPE_REFUSED && next == STRIPE_REFUSED && stripe_error_is_missing(&error))
        return customer_then(run, c, customer_ignore_tx);
    if (e != OK)
        return calls_later(run, &error);
    if (found.deleted)
        return customer_then(run, c, customer_gone_tx);
    bool theirs = uuid_eq(&found.user_id, &run->job.subject_id);
    return customer_then(
        run, c, theirs && found.livemode == run->worker->conf->stripe_livemode ? customer_bind_tx : customer_ignore_tx);
}

static enum job_step customer_look_for(struct job_run *run, struct customer *c)
{
    if (c->events_n == 0)
        return JOB_DONE;
    for (size_t i = 0; i < c->events_n && c->candidate.p == NULL; i++)
        c->candidate = c->events[i].customer_id;
    if (c->candidate.p == NULL)
        return customer_then(run, c, customer_ignore_tx);
    stripe_customer_get(&run->worker->stripe, run->arena, c->candidate, &run->call);
    return JOB_CALL;
}

/* A customer of the other mode */

/* Test money has paid for nothing: the plan ends when the installation sells in earnest. The other way round somebody tries something
 * out on data of those who pay, or has put the wrong key there: nobody loses what they pay for. */
static enum err customer_other_mode_tx(struct db *db, void *arg)
{
    const struct customer_end *end = arg;
    const struct job_run *run = end->run;
    const struct conf *conf = run->worker->conf;

    enum err e =
        conf->stripe_livemode ? sync_void(db, run->arena, conf, &end->c->sync) : sync_release(db, &end->c->sync);
    if (e == OK)
        e = provider_events_ignore(db, end->c->events, end->c->events_n, PROVIDER_EVENT_OTHER_MODE);
    if (e == OK)
        e = sync_attend(db, &run->job.subject_id, SYNC_OTHER_MODE);
    return e == OK ? customer_end_job(db, end) : e;
}

static enum job_step customer_other_mode(struct job_run *run, struct customer *c)
{
    struct customer_end end = {run, c};

    run->note = sync_attention_words[1];
    if ((c->sync.attention & SYNC_OTHER_MODE) == 0)
        calls_alarm(run, run->note, NULL);
    enum err e = db_tx(run->db, customer_other_mode_tx, &end);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        calls_end_credentials(run);
    if (e != OK)
        (void)!sync_release(run->db, &c->sync);
    return calls_ended(run, e);
}

/* The beginning */

/* With an event that says that it was deleted, the customer is looked at first: lists of what it had may go on for a while. */
static enum fetch_from customer_fetch_from(const struct customer *c)
{
    for (size_t i = 0; i < c->events_n; i++)
        if (c->events[i].kind != NULL && c->events[i].kind->use == STRIPE_USE_CUSTOMER_GONE)
            return FETCH_CUSTOMER;
    return FETCH_SUBSCRIPTIONS;
}

static enum job_step customer_begin(struct job_run *run)
{
    struct customer *c = run->data = arena_alloc(run->arena, sizeof *c);
    const struct uuid *user_id = &run->job.subject_id;
    enum job_step step;

    if (!calls_may_begin(run, &step))
        return step;
    enum err e = provider_events_waiting(run->db, run->arena, user_id, CUSTOMER_EVENTS_MAX, &c->events, &c->events_n);
    if (e == OK)
        e = sync_claim(run->db, run->arena, user_id, job_run_lapsed_us(run), &c->sync);
    if (e == ERR_NOT_FOUND)
        return customer_look_for(run, c);
    if (e == ERR_AGAIN)
        return calls_taken(run);
    if (e != OK)
        return job_run_failed(run, e);
    run->also = (struct job_lease){.hold = sync_hold, .id = *user_id, .token = c->sync.token};
    if (sync_is_other_mode(&c->sync, run->worker->conf))
        return customer_other_mode(run, c);
    fetch_begin(&c->fetch, &run->worker->stripe, run->arena, c->sync.customer, customer_fetch_from(c));
    run->call = c->fetch.call;
    return JOB_CALL;
}

static enum job_step customer_step(struct job_run *run)
{
    struct customer *c = run->data;

    if (run->result == NULL)
        return customer_begin(run);
    return c->candidate.p != NULL ? customer_on_candidate(run, c) : customer_on_fetched(run, c);
}

const struct job_kind customer_kind = {
    .name = BILLING_JOB_CUSTOMER, .class = JOB_BILLING, .share_percent = 50, .calls = true, .step = customer_step};
