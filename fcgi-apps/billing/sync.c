/*
 * POST /api/v1/billing/sync: who comes back from a checkout need not wait for Stripe's event. The session proves nothing; it only
 * says who asks about whom. What holds is what Stripe has of the customer, fetched and stored as worker@billing does it.
 */
#include "billing/ask.h"
#include "fcgi/input.h"
#include "model/billing/checkout.h"
#include "stripe/id.h"

#define BODY_MAX_BYTES (16u << 10)

struct sync_in {
    struct str session_id;
};

static const struct json_field sync_in_fields[] = {
    {.name = "session_id",
     JSON_STR(struct sync_in, session_id),
     .required = true,
     .min = 1,
     .max = STRIPE_ID_MAX_BYTES,
     .help = "That of the checkout, from the address that it led back to"},
    JSON_END};

/* ERR_NOT_FOUND: there is none, or it is somebody else's, or of the other mode. */
static enum err sync_see_session(struct ask *a, struct str id, const struct checkout_buyer *buyer)
{
    struct ctx *c = a->c;
    struct stripe_session session;
    struct net_result result;
    struct net_call call;

    stripe_checkout_get(&a->stripe, c->arena, id, &call);
    enum err e = ask_call(a, &call, &result);
    if (e == OK)
        e = stripe_read_session(&result, c->arena, &session, &a->error);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&a->error))
        return ERR_NOT_FOUND;
    if (e != OK)
        return ask_told(e);
    bool is_theirs = uuid_eq(&session.user_id, &c->caller.user_id) && str_eq(session.customer, buyer->customer) &&
                     session.livemode == c->conf->stripe_livemode;
    return is_theirs ? OK : ERR_NOT_FOUND;
}

static enum err sync_customer(struct ask *a)
{
    struct ctx *c = a->c;
    struct fetch fetch;
    struct sync sync;
    bool gone = false;

    enum err e = ask_claim(a, &sync);
    if (e != OK)
        return e;
    e = ask_fetch(a, sync.customer, FETCH_SUBSCRIPTIONS, &fetch, &gone);
    if (e == OK && !gone)
        return ask_store(a, &sync, &fetch.state);
    enum err released =
        sync_release(c->db, &sync); /* else it ends by itself; a customer that is gone is the worker's */
    (void)released;
    return e;
}

static enum err sync_post(struct ctx *c)
{
    struct checkout_buyer buyer = {.state = 0};
    struct sync_in in = {.session_id = {0}};
    struct ask ask;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = input_json(c, sync_in_fields, &in);
    if (e != OK)
        return e;
    if (!app_has_key(c))
        return ERR_BILLING_NOT_CONFIGURED;
    e = checkout_buyer_of(c->db, c->arena, &c->caller.user_id, &buyer);
    if (e != OK)
        return e;
    if (buyer.customer.p == NULL || !stripe_id_is(in.session_id, STRIPE_ID_SESSION))
        return ERR_NOT_FOUND;
    ask_begin(&ask, c);
    e = sync_see_session(&ask, in.session_id, &buyer);
    if (e == OK)
        e = sync_customer(&ask);
    return e == OK ? billing_answer(c) : e;
}

const struct route sync_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/billing/sync",
     .handler = sync_post,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .summary = "Look at Stripe what became of a checkout"},
    ROUTE_END,
};
