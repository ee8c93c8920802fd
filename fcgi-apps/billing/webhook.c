/*
 * Where Stripe sends its events. Each is stored, with the job that looks after it, before it is answered; all else is the
 * worker's. An answer other than 2xx is only for what Stripe shall send again (docs/stripe.md#events).
 */
#include "base/clock.h"
#include "billing/billing_app.h"
#include "billing/together.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event.h"

/* What could not be delivered is an alarm, and Stripe is asked for it. */
static enum err webhook_ask_tx(struct db *db, void *arg)
{
    const struct ctx *c = arg;

    return billing_ask_reconcile(db, c->req.id);
}

static enum err webhook_ask(struct ctx *c)
{
    return db_tx(c->db, webhook_ask_tx, c);
}

static enum err webhook_check(struct ctx *c, struct str body)
{
    const struct request *r = &c->req;

    return webhook_judge(c, r->stripe_signature_times,
                         stripe_signature_check(r->stripe_signature, body, &app_state(c)->secrets, clock_now_us()),
                         &app_state(c)->signatures_bad, webhook_ask);
}

enum err webhook_add_all(void *leader, void *const *v, size_t n)
{
    struct event_new *news[DB_MANY_MAX];
    struct ctx *c = leader;

    for (size_t i = 0; i < n; i++)
        news[i] = v[i];
    enum err e = provider_events_add(c->db, c->arena, c->conf, news, n);
    return e == OK || db_is_away(e) || n == 1 ? e : ERR_AGAIN;
}

/* With those that come at the same moment; alone, if one of them is in the way of all. */
static enum err webhook_add(struct ctx *c, const struct stripe_event *event, struct event_seen *ret_seen)
{
    struct event_new new = {.event = event, .via = PROVIDER_EVENT_BY_WEBHOOK, .request_id = c->req.id};

    enum err e = together_do(app_state(c)->together, c, &new);
    if (e == OK)
        *ret_seen = new.seen;
    bool is_in_the_way = e == ERR_AGAIN || e == ERR_DB_DUPLICATE;
    return is_in_the_way
               ? provider_event_add(c->db, c->arena, c->conf, event, PROVIDER_EVENT_BY_WEBHOOK, c->req.id, ret_seen)
               : e;
}

/*
 * InnoDB shows a row to others as soon as its transaction has ended in memory, which is before its log is on the disk; only the commit itself
 * waits for that. So a repeat that comes within those milliseconds finds the event and is answered 200, and if the power goes just then the
 * event is lost, with nobody to send it again. That is accepted: the customer's next event, or a look at Stripe by hand, brings the same
 * state, for an event says who, and not what.
 */
static enum err webhook_store(struct ctx *c, const struct stripe_event *event)
{
    struct event_seen seen;

    c->log_about = event->id;
    enum err e = webhook_add(c, event, &seen);
    if (e != OK)
        return webhook_not_stored(c, e);
    bool ignored = seen.state == PROVIDER_EVENT_IGNORED;
    enum webhook_outcome outcome = !seen.is_new ? WEBHOOK_KNOWN : ignored ? WEBHOOK_IGNORED : WEBHOOK_NEW;
    return webhook_taken(c, outcome, ignored ? provider_event_why_names[seen.why] : NULL);
}

static enum err webhook_stripe(struct ctx *c)
{
    struct stripe_event event;
    const char *why = NULL;
    struct str body;

    if (app_state(c)->secrets.n == 0)
        return ERR_BILLING_NOT_CONFIGURED;
    enum err e = body_read_all(&c->req.body, c->arena, STRIPE_EVENT_MAX_BYTES, &body);
    if (e == OK)
        e = webhook_check(c, body);
    if (e != OK)
        return e;
    e = stripe_read_event(c->arena, body, &event, &why);
    if (e != OK)
        return webhook_ends(c, WEBHOOK_UNREADABLE, why, ERR_EVENT_UNREADABLE);
    return webhook_store(c, &event);
}

const struct route webhook_routes[] = {
    {.method = "POST",
     .pattern = "/webhooks/stripe",
     .handler = webhook_stripe,
     .auth = AUTH_FOREIGN,
     .rate = RATE_SIGNED,
     .body_max_bytes = STRIPE_EVENT_MAX_BYTES,
     .body_in_memory = true,
     .summary = "Takes an event of Stripe's"},
    ROUTE_END,
};
