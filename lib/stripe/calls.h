/*
 * What we ask of Stripe, as struct net_call. Nothing here does I/O, so the app (blocking) and the worker (many at a
 * time) share it. Of a user Stripe gets the address and the id, and nothing more. Facts and sources:
 * docs/stripe.md#calls.
 *
 *    struct stripe s = {.conf = conf, .keys = &keys, .interactive = true};
 *    stripe_checkout_create(&s, arena, &checkout, stripe_idempotency_key(arena, "checkout", &request_id), &call);
 *    net_call_run(arena, &call, &result);
 *    e = stripe_read_session(&result, arena, &session, &error);     // stripe/read.h
 *    if (stripe_next(&call, &result) == STRIPE_AGAIN) ...           // stripe/error.h
 *
 * A POST with an idempotency key can be sent again without harm: Stripe keeps the answer for 24 hours. One without it
 * goes over a fresh connection, because libcurl would repeat it when a kept one dies.
 */
#pragma once

#include "base/conf.h"
#include "base/uuid.h"
#include "net/call.h"

#define STRIPE_VERSION \
    "2026-10-28.endive" /* of our requests and of their answers. The webhook endpoint is made with the same */

/* Files of the credentials directory. */
#define STRIPE_KEY_CREDENTIAL "stripe-api-key"
#define STRIPE_SECRETS_CREDENTIAL "stripe-webhook-secrets" /* stripe_secrets_of */

/* Pages of ours that Stripe sends people to, below service.url. */
#define STRIPE_DONE_PAGE "/billing/done" /* with ?session_id=cs_..., for POST /billing/sync */
#define STRIPE_CANCELED_PAGE "/billing/canceled"
#define STRIPE_RETURN_PAGE "/billing"

struct stripe {
    const struct conf *conf;  /* section stripe */
    struct secret_ring *keys; /* such as stripe_keys_fit has taken: at least one */
    bool interactive;         /* a user waits for the answer: the shorter timeout */
};

/* Is each a restricted key, of the mode that stripe.livemode says? Else ret_why says what is wrong. */
MUST_CHECK bool stripe_keys_fit(const struct conf *conf, const struct secret_ring *keys, const char **ret_why);

/* "checkout-<id>": of the request (or job) from which the call comes, so that its repeat is the same call to Stripe. */
struct str stripe_idempotency_key(struct arena *arena, const char *what, const struct uuid *id);

/* POSTs take an idempotency key, 1 to 255 visible characters; absent: none. Ids must be such (stripe/id.h). */
void stripe_customer_create(const struct stripe *s, struct arena *arena, struct str email, const struct uuid *user_id,
                            struct str idempotency_key, struct net_call *ret_call);
void stripe_customer_update(const struct stripe *s, struct arena *arena, struct str customer, struct str email,
                            struct str idempotency_key, struct net_call *ret_call);
void stripe_customer_get(const struct stripe *s, struct arena *arena, struct str customer, struct net_call *ret_call);
void stripe_customer_delete(const struct stripe *s, struct arena *arena, struct str customer,
                            struct net_call *ret_call);

/* Those that are not deleted and were made since then, newest first; what comes after the last of the page before (absent: the first page). */
#define STRIPE_PAGE_CUSTOMERS 100 /* of some 1 KB each */
void stripe_customers_list(const struct stripe *s, struct arena *arena, int64_t created_from_us, struct str after,
                           struct net_call *ret_call);

struct stripe_checkout {
    struct str customer, price;
    struct uuid user_id;
    int64_t trial_days;    /* 0: no trial */
    int64_t expires_at_us; /* 30 minutes to 24 hours ahead; 0: Stripe's 24 hours */
    bool ask_consent;      /* to the terms, whose address must be in the account's public details at Stripe */
};
void stripe_checkout_create(const struct stripe *s, struct arena *arena, const struct stripe_checkout *checkout,
                            struct str idempotency_key, struct net_call *ret_call);
void stripe_checkout_get(const struct stripe *s, struct arena *arena, struct str session, struct net_call *ret_call);
void stripe_checkout_expire(const struct stripe *s, struct arena *arena, struct str session, struct str idempotency_key,
                            struct net_call *ret_call);

/* The sessions of a customer that are open; STRIPE_PAGE_SUBSCRIPTIONS at most, and nobody has more. */
void stripe_checkouts_list(const struct stripe *s, struct arena *arena, struct str customer, struct net_call *ret_call);

void stripe_portal_create(const struct stripe *s, struct arena *arena, struct str customer, struct str idempotency_key,
                          struct net_call *ret_call);

/* Of every status, newest first; what comes after the last of the page before (absent: the first page). */
#define STRIPE_PAGE_SUBSCRIPTIONS 20 /* of some 6 KB each */
void stripe_subscriptions_list(const struct stripe *s, struct arena *arena, struct str customer, struct str after,
                               struct net_call *ret_call);
void stripe_subscription_get(const struct stripe *s, struct arena *arena, struct str subscription,
                             struct net_call *ret_call);

/*
 * Events of the last 30 days that did not reach our endpoint. Pages are newest first. newer_than: the next page after
 * that event, towards now; older_than: towards the past; at most one of them. types: at most STRIPE_EVENT_TYPES_MAX.
 */
#define STRIPE_PAGE_EVENTS 10 /* an invoice's may have 50 KB */
#define STRIPE_EVENT_TYPES_MAX 20
struct stripe_events_query {
    const char *const *types;
    size_t types_n;
    struct str newer_than, older_than;
};
void stripe_events_list(const struct stripe *s, struct arena *arena, const struct stripe_events_query *query,
                        struct net_call *ret_call);

/* The charge of a dispute or of a fraud warning, which name no customer. */
void stripe_charge_get(const struct stripe *s, struct arena *arena, struct str charge, struct net_call *ret_call);
