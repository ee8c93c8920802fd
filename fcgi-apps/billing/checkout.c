/*
 * POST /api/v1/billing/checkout: where a plan is paid. Whoever has a subscription that is not over gets the portal instead. Under the
 * customer's lease: what Stripe has is looked at, then the checkout that was begun before, and only then another one begins; so two
 * tabs, two requests at once and a repeat all lead to one session (model/billing/checkout.h).
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/point.h"
#include "billing/ask.h"
#include "fcgi/input.h"
#include "model/billing/jobs.h"
#include "model/billing/checkout.h"
#include "metrics/metrics.h"
#include "model/user/user.h"
#include "model/privacy/published.h"

#define BODY_MAX_BYTES (16u << 10)
#define LOOKS_MAX 3 /* each but the first because somebody paid, or let a session expire, between two calls of ours */

enum checkout_kind { CHECKOUT_KIND_CHECKOUT, CHECKOUT_KIND_PORTAL };
static const char *const checkout_kind_names[] = {"checkout", "portal", NULL};

struct checkout_in {
    struct str plan;
    bool accepted_terms;
};

struct checkout_out {
    int kind;
    struct str url;
    int64_t expires_at_us;
};

struct buying {
    struct ask ask;
    const struct plan *plan;
    struct checkout_wish wish;
    struct checkout_buyer buyer;
    struct sync sync;
    struct fetch fetch;
    struct checkout before; /* what was begun last */
    struct checkout_out out;
};

static const struct json_field checkout_in_fields[], checkout_out_fields[];

static struct str checkout_price(const struct conf *conf, const struct plan *plan)
{
    return plan == NULL ? (struct str){0} : plan_price(plan, conf->stripe_livemode);
}

static bool checkout_is_theirs(const struct buying *b, const struct stripe_session *s)
{
    return s->livemode == b->ask.c->conf->stripe_livemode && str_eq(s->customer, b->sync.customer);
}

/* The call that makes the session of a checkout, or finds it again. */
static enum err checkout_make(struct buying *b, const struct checkout *checkout, struct str price,
                              struct stripe_session *ret)
{
    struct ctx *c = b->ask.c;
    const struct stripe_checkout wanted = {.customer = b->sync.customer,
                                           .price = price,
                                           .user_id = c->caller.user_id,
                                           .expires_at_us = checkout_expires_us(checkout),
                                           .ask_consent = c->conf->stripe_ask_consent};
    struct net_result result;
    struct net_call call;

    stripe_checkout_create(&b->ask.stripe, c->arena, &wanted,
                           stripe_idempotency_key(c->arena, "checkout", &checkout->id), &call);
    enum err e = ask_call(&b->ask, &call, &result);
    if (e == OK)
        e = stripe_read_session(&result, c->arena, ret, &b->ask.error);
    if (e == OK && !checkout_is_theirs(b, ret))
        e = ERR_STRIPE_REFUSED;
    return e;
}

/* ERR_NOT_FOUND: Stripe has no such session of this customer. */
static enum err checkout_see(struct buying *b, struct str id, struct stripe_session *ret)
{
    struct ctx *c = b->ask.c;
    struct net_result result;
    struct net_call call;

    stripe_checkout_get(&b->ask.stripe, c->arena, id, &call);
    enum err e = ask_call(&b->ask, &call, &result);
    if (e == OK)
        e = stripe_read_session(&result, c->arena, ret, &b->ask.error);
    if (e == OK)
        return checkout_is_theirs(b, ret) ? OK : ERR_NOT_FOUND;
    return e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&b->ask.error) ? ERR_NOT_FOUND : e;
}

/*
 * The session of the checkout that was begun before, as it is now. ERR_NOT_FOUND: there is none, or none that could be open, or
 * Stripe does not know any more: then the list of those that are open tells.
 */
static enum err checkout_see_before(struct buying *b, struct stripe_session *ret)
{
    const struct conf *conf = b->ask.c->conf;
    const struct checkout *before = &b->before;

    if (!checkout_may_be_open(before, clock_now_us()))
        return ERR_NOT_FOUND;
    if (before->session_id.p != NULL)
        return checkout_see(b, before->session_id, ret);
    struct str price = checkout_price(conf, plans_find(plans_of(conf), before->plan));
    if (price.n == 0)
        return ERR_NOT_FOUND;
    enum err e = checkout_make(b, before, price, ret);
    if (e == OK)
        return b->ask.was_replayed ? checkout_see(b, ret->id, ret) : OK; /* it says what was so then */
    if (e == ERR_NET_UNKNOWN || (e == ERR_STRIPE_REFUSED && !stripe_error_is_about_us(&b->ask.error)))
        return ERR_NOT_FOUND;
    return e;
}

/* ERR_AGAIN: it is not open any more, so it may be paid. */
static enum err checkout_expire(struct buying *b, struct str session)
{
    struct ctx *c = b->ask.c;
    struct uuid id = uuid_new();
    struct net_result result;
    struct net_call call;

    stripe_checkout_expire(&b->ask.stripe, c->arena, session, stripe_idempotency_key(c->arena, "expire", &id), &call);
    enum err e = ask_call(&b->ask, &call, &result);
    return e == ERR_STRIPE_REFUSED && !stripe_error_is_about_us(&b->ask.error) ? ERR_AGAIN : e;
}

/* Also those that no row of ours names. */
static enum err checkout_expire_all(struct buying *b)
{
    struct ctx *c = b->ask.c;
    struct stripe_sessions open;
    struct net_result result;
    struct net_call call;

    stripe_checkouts_list(&b->ask.stripe, c->arena, b->sync.customer, &call);
    enum err e = ask_call(&b->ask, &call, &result);
    if (e == OK)
        e = stripe_read_sessions(&result, c->arena, &open, &b->ask.error);
    for (size_t i = 0; e == OK && i < open.n; i++)
        if (open.v[i].status == STRIPE_SESSION_OPEN)
            e = checkout_expire(b, open.v[i].id);
    return e == OK && open.has_more ? ERR_AGAIN : e;
}

static enum err checkout_show(struct buying *b, const struct checkout *checkout, const struct stripe_session *session)
{
    struct ctx *c = b->ask.c;

    if (session->status != STRIPE_SESSION_OPEN)
        return ERR_AGAIN;
    enum err e = checkout_done(c->db, &b->sync, checkout, session->id);
    if (e == ERR_CONFLICT)
        return e;
    /* If it could not be written down, the next call finds the session by its key. */
    b->out = (struct checkout_out){
        .kind = CHECKOUT_KIND_CHECKOUT, .url = session->url, .expires_at_us = checkout_expires_us(checkout)};
    return OK;
}

static enum err checkout_begin_another(struct buying *b)
{
    struct ctx *c = b->ask.c;
    struct stripe_session session;
    struct checkout begun;

    enum err e = checkout_expire_all(b);
    if (e == OK)
        e = checkout_begin(c->db, c->arena, &b->sync, &b->wish, &begun);
    if (e != OK)
        return e;
    c->problems.left_something = true;
    point("billing.checkout_begun");
    e = checkout_make(b, &begun, checkout_price(c->conf, b->plan), &session);
    point("billing.checkout_made");
    return e == OK ? checkout_show(b, &begun, &session) : e;
}

/* Nothing that the user pays for is alive: to the one session. ERR_AGAIN: something has changed meanwhile, so look again. */
static enum err checkout_to_pay(struct buying *b)
{
    struct ctx *c = b->ask.c;
    struct stripe_session session;

    enum err e = checkout_read(c->db, c->arena, &b->sync, &b->before);
    if (e == OK)
        e = checkout_see_before(b, &session);
    if (e == ERR_NOT_FOUND)
        return checkout_begin_another(b);
    if (e != OK)
        return e;
    bool is_counted = session.subscription.p != NULL && (fetch_find(&b->fetch, session.subscription) != NULL ||
                                                         fetch_is_foreign(&b->fetch, session.subscription));
    switch (checkout_judge(&b->before, &session, &b->wish, is_counted, clock_now_us())) {
    case CHECKOUT_SHOW:
        return checkout_show(b, &b->before, &session);
    case CHECKOUT_PAID:
        return ERR_AGAIN;
    case CHECKOUT_EXPIRE:
        e = checkout_expire(b, session.id);
        if (e != OK)
            return e;
        break;
    case CHECKOUT_OVER:
        break;
    }
    return checkout_begin_another(b);
}

/* The worker finds that Stripe does not know the customer, too, and tells the admin: once, however often it is asked. */
static enum err checkout_unknown(struct buying *b)
{
    struct ctx *c = b->ask.c;
    enum err e = billing_ask_sync(c->db, &c->caller.user_id, c->req.id);

    return e == OK ? ERR_STRIPE_REJECTED : e;
}

/*
 * The key is of the other mode by now, and cannot see the customer. Where one has tried things out, and sells in earnest now, another
 * customer is made: what the old one has paid was no money. It stays at Stripe, in test mode, which is told. The other way round the
 * row is all that we know of somebody who pays: it is kept, and nothing is sold.
 */
static enum err checkout_other_mode(struct buying *b)
{
    struct ctx *c = b->ask.c;
    struct str before = b->sync.customer;

    if (!c->conf->stripe_livemode)
        return checkout_unknown(b);
    enum err e = customer_replace(&b->ask, b->buyer.email, &b->sync);
    if (e == OK)
        alarm_raise(app_metrics_of(c), ALARM_BILLING_ATTENTION,
                    LOG_CSTR("what", "a customer of Stripe's test mode was left there"),
                    LOG_CSTR("user", uuid_text(&c->caller.user_id).s), LOG_STR("object", before), LOG_END);
    return e;
}

/* What there is at Stripe, of a customer that is there. */
static enum err checkout_look(struct buying *b)
{
    bool gone = false;

    enum err e = sync_is_other_mode(&b->sync, b->ask.c->conf) ? checkout_other_mode(b) : OK;
    if (e == OK)
        e = ask_fetch(&b->ask, b->sync.customer, FETCH_CUSTOMER, &b->fetch, &gone);
    if (e == ERR_STRIPE_REJECTED && stripe_error_is_missing(&b->ask.error))
        return checkout_unknown(b);
    if (e != OK || !gone)
        return e;
    e = customer_replace(&b->ask, b->buyer.email, &b->sync);
    if (e == OK)
        e = ask_fetch(&b->ask, b->sync.customer, FETCH_CUSTOMER, &b->fetch, &gone);
    return e == OK && gone ? ERR_STRIPE_REJECTED : e;
}

/* Of whatever price: one that a plan had, and has not any more, goes on being paid. */
static bool checkout_has_subscription(const struct buying *b)
{
    const struct fetch *f = &b->fetch;

    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].livemode == f->rules.livemode && !stripe_status_is_over(f->v[i].status))
            return true;
    return false;
}

static enum err checkout_portal_instead(struct buying *b)
{
    enum err e = ask_store(&b->ask, &b->sync, &b->fetch.state);

    b->out = (struct checkout_out){.kind = CHECKOUT_KIND_PORTAL};
    return e == OK ? ask_portal(&b->ask, b->sync.customer, &b->out.url) : e;
}

static enum err checkout_leased(struct buying *b)
{
    enum err e = ERR_AGAIN;

    for (int looks = 0; e == ERR_AGAIN && looks < LOOKS_MAX; looks++) {
        e = checkout_look(b);
        if (e == OK)
            e = checkout_has_subscription(b) ? checkout_portal_instead(b) : checkout_to_pay(b);
    }
    return e == ERR_AGAIN ? ERR_BILLING_IN_PROGRESS : e;
}

static enum err checkout_buy(struct buying *b)
{
    struct ctx *c = b->ask.c;
    struct str customer;

    enum err e = checkout_buyer_of(c->db, c->arena, &c->caller.user_id, &b->buyer);
    if (e == ERR_NOT_FOUND)
        return ERR_SESSION_EXPIRED;
    if (e == OK && b->buyer.state != USER_ACTIVE)
        e = ERR_ACCOUNT_DISABLED;
    if (e == OK && checkout_paid_plan(&b->buyer, plans_of(c->conf), clock_now_us()) == b->plan)
        e = ERR_PLAN_CURRENT;
    if (e == OK && b->buyer.customer.p == NULL)
        e = customer_make(&b->ask, b->buyer.email, &customer);
    if (e == OK)
        e = ask_claim(&b->ask, &b->sync);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_BILLING_IN_PROGRESS : e; /* the customer was forgotten just now */
    e = checkout_leased(b);
    if (e != OK) {
        enum err released = sync_release(c->db, &b->sync); /* else it ends by itself */
        (void)released;
    }
    return ask_told(e);
}

static void checkout_check(struct ctx *c, const struct checkout_in *in, const struct plan *plan)
{
    if (plan == NULL || plan->is_free || checkout_price(c->conf, plan).n == 0)
        problem_add(&c->problems, ERR_PLAN_UNKNOWN, c->arena, "plan");
    if (!in->accepted_terms)
        problem_add_text(
            &c->problems, ERR_TERMS, STR("accepted_terms"),
            STR("Buying a plan needs your consent to the terms. Read them, then send accepted_terms: true."));
}

static enum err checkout_post(struct ctx *c)
{
    struct checkout_in in = {.accepted_terms = false};
    struct published_accepted accepted;
    struct buying b = {.plan = NULL};

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = input_json(c, checkout_in_fields, &in);
    if (e != OK)
        return e;
    b.plan = plans_find(plans_of(c->conf), in.plan);
    checkout_check(c, &in, b.plan);
    if (c->problems.n > 0)
        return ERR_VALIDATION;
    if (!app_sells(c))
        return ERR_BILLING_NOT_CONFIGURED;
    e = published_accepted(c->db, c->arena, c->conf, &accepted);
    if (e != OK)
        return e;
    b.wish = (struct checkout_wish){.plan = str_from(b.plan->name),
                                    .terms_version = accepted.terms.n > 0 ? accepted.terms : (struct str){0},
                                    .asks_again = c->conf->stripe_ask_consent};
    ask_begin(&b.ask, c);
    e = checkout_buy(&b);
    return e == OK ? reply_data(&c->rep, 200, checkout_out_fields, &b.out) : e;
}

static const struct json_field checkout_in_fields[] = {{.name = "plan",
                                                        JSON_STR(struct checkout_in, plan),
                                                        .required = true,
                                                        .min = 1,
                                                        .max = PLAN_NAME_MAX_BYTES,
                                                        .help = "The plan to buy"},
                                                       {.name = "accepted_terms",
                                                        JSON_BOOL(struct checkout_in, accepted_terms),
                                                        .required = true,
                                                        .help = "Consent to the terms: true"},
                                                       JSON_END};

static const struct json_field checkout_out_fields[] = {
    {.name = "kind",
     JSON_ENUM(struct checkout_out, kind, checkout_kind_names),
     .help =
         "checkout: the page where the plan is paid; portal: there is a subscription already, which is changed there"},
    {.name = "url", JSON_STR(struct checkout_out, url), .help = "The page at Stripe: send the browser there now"},
    {.name = "expires_at",
     JSON_TIME(struct checkout_out, expires_at_us),
     .help = "Until when the checkout can be paid; null: of the portal"},
    JSON_END};

const struct route checkout_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/billing/checkout",
     .handler = checkout_post,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .summary = "Begin to buy a plan"},
    ROUTE_END,
};
