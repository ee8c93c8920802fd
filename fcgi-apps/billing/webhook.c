/*
 * Where Stripe sends its events. Each is stored, with the job that looks after it, before it is answered; all else is the
 * worker's. An answer other than 2xx is only for what Stripe shall send again (docs/stripe.md#events).
 */
#include "base/clock.h"
#include "base/log.h"
#include "billing/billing_app.h"
#include "billing/together.h"
#include "metrics/metrics.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event.h"

#define SIGNATURES_BAD_MAX 20 /* a replay and a stranger who tries some things out are no reason to look */

enum webhook_outcome {
    WEBHOOK_NEW,
    WEBHOOK_KNOWN,
    WEBHOOK_IGNORED,
    WEBHOOK_UNREADABLE,
    WEBHOOK_BAD_SIGNATURE,
    WEBHOOK_NOT_STORED,
    WEBHOOK__MAX
};

static const struct json_field webhook_fields[];

struct webhook_shape {
    bool received;
};

static enum err webhook_ends(struct ctx *c, enum webhook_outcome outcome, const char *why, enum err e)
{
    metric_add(app_metrics_of(c), METRIC_WEBHOOKS, outcome, 1);
    c->log_why = why;
    return e;
}

/* Of the right form, but not for us, or not of now: that is what a wrong secret or a wrong clock of ours looks like. */
static bool webhook_may_be_stripes(enum stripe_signature s)
{
    return s == STRIPE_SIGNATURE_WRONG || s == STRIPE_SIGNATURE_TOO_OLD || s == STRIPE_SIGNATURE_TOO_NEW;
}

static enum err webhook_ask_tx(struct db *db, void *arg)
{
    const struct ctx *c = arg;

    return billing_ask_reconcile(db, c->req.id);
}

/* Whether they were Stripe's, strangers must not say, who can send as many as they like: so that is no alarm. Stripe is asked, and what it
 * could not deliver is one. Not again until one was good. */
static void webhook_note_bad(struct ctx *c, enum stripe_signature s)
{
    if (!webhook_may_be_stripes(s) || atomic_fetch_add(&app_state(c)->signatures_bad, 1) != SIGNATURES_BAD_MAX - 1)
        return;
    enum err e = db_tx(c->db, webhook_ask_tx, c);
    log_event(LOG_WARNING, "signatures_bad", LOG_CSTR("last", stripe_signature_word(s)),
              LOG_CSTR("error", e == OK ? NULL : err_slug(e)), LOG_END);
}

static void webhook_note_good(struct ctx *c)
{
    atomic_int *bad = &app_state(c)->signatures_bad;

    if (atomic_load_explicit(bad, memory_order_relaxed) > 0 && atomic_exchange(bad, 0) >= SIGNATURES_BAD_MAX)
        log_event(LOG_WARNING, "signatures_good", LOG_END);
}

/* Two headers: Stripe sends one, and who reads the first of them is told another thing than who reads the last. */
static enum err webhook_check(struct ctx *c, struct str body)
{
    const struct request *r = &c->req;
    enum stripe_signature s =
        r->stripe_signature_times > 1
            ? STRIPE_SIGNATURE_MALFORMED
            : stripe_signature_check(r->stripe_signature, body, &app_state(c)->secrets, clock_now_us());

    if (s == STRIPE_SIGNATURE_GOOD) {
        webhook_note_good(c);
        return OK;
    }
    webhook_note_bad(c, s);
    enum err e = rate_unsigned(c);
    return webhook_ends(c, WEBHOOK_BAD_SIGNATURE, stripe_signature_word(s), e == OK ? ERR_SIGNATURE : e);
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
 * While the database is away: 500, and not the 503 of other routes, which says that nothing was changed. Here that is not always known,
 * and need not be: whatever is not 2xx Stripe sends again, for three days, and what is there already is not stored again.
 *
 * InnoDB shows a row to others as soon as its transaction has ended in memory, which is before its log is on the disk; only the commit itself
 * waits for that. So a repeat that comes within those milliseconds finds the event and is answered 200, and if the power goes just then the
 * event is lost, with nobody to send it again. That is accepted: the customer's next event, or a look at Stripe by hand, brings the same
 * state, for an event says who, and not what.
 */
static enum err webhook_store(struct ctx *c, const struct stripe_event *event)
{
    struct event_seen seen;
    struct webhook_shape shape = {.received = true};

    c->log_about = event->id;
    enum err e = webhook_add(c, event, &seen);
    if (e != OK)
        return webhook_ends(c, WEBHOOK_NOT_STORED, NULL, db_is_away(e) ? ERR_OUTCOME_UNKNOWN : e);
    bool ignored = seen.state == PROVIDER_EVENT_IGNORED;
    enum webhook_outcome outcome = !seen.is_new ? WEBHOOK_KNOWN : ignored ? WEBHOOK_IGNORED : WEBHOOK_NEW;
    e = reply_data(&c->rep, 200, webhook_fields, &shape);
    return webhook_ends(c, outcome, ignored ? provider_event_why_names[seen.why] : NULL, e);
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

const char *const webhook_names[] = {
    [WEBHOOK_NEW] = "new",
    [WEBHOOK_KNOWN] = "known",
    [WEBHOOK_IGNORED] = "ignored",
    [WEBHOOK_UNREADABLE] = "unreadable",
    [WEBHOOK_BAD_SIGNATURE] = "bad_signature",
    [WEBHOOK_NOT_STORED] = "not_stored",
    [WEBHOOK__MAX] = NULL,
};

static const struct json_field webhook_fields[] = {
    {.name = "received", JSON_BOOL(struct webhook_shape, received), .help = "True: it is stored"}, JSON_END};

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
