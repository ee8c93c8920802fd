/*
 * Calls to Stripe for which a user waits: tried again where that is harmless, and all of a request's together within ASK_TIMEOUTS. How
 * long somebody else is waited for, who asks about the same customer, does not count.
 *
 *    struct ask ask;
 *    ask_begin(&ask, c);
 *    e = ask_claim(&ask, &sync);    // and from here on no call outlives the customer's lease
 *    stripe_portal_create(&ask.stripe, c->arena, customer, key, &call);
 *    e = ask_call(&ask, &call, &result);
 *    if (e == OK)
 *        e = stripe_read_portal(&result, c->arena, &url, &ask.error);
 *    return ask_told(e);
 *
 * What Stripe said last, and the id of that request, are in the log line of ours.
 */
#pragma once

#include "billing/billing_app.h"
#include "model/billing/fetch.h"
#include "model/billing/sync.h"

#define ASK_TIMEOUTS \
    2 /* times stripe.interactive_timeout_sec: the calls of a checkout take a second when all is well */
#define ASK_CLAIM_SEC 10 /* for somebody else who is asking about the same customer */

struct ask {
    struct ctx *c;
    struct stripe stripe;
    int64_t until_us;       /* clock_boot_us: who waits is told that Stripe does not answer */
    int64_t lease_until_us; /* clock_now_us; 0: there is none */
    struct stripe_error error;
    bool was_replayed; /* the answer is that of an earlier call with the same key, as it was then */
};

void ask_begin(struct ask *a, struct ctx *c);

/* Takes the lease of the caller's customer. ERR_NOT_FOUND: they have none. ERR_BILLING_IN_PROGRESS: somebody else had it all the time. */
MUST_CHECK enum err ask_claim(struct ask *a, struct sync *ret_sync);

/*
 * OK: a success, for a reader of stripe/read.h. ERR_STRIPE_REFUSED: a no, a->error says which. ERR_NET_UNKNOWN: nobody knows whether
 * it was done, and the same call would not tell (STRIPE_LOOK). ERR_STRIPE_UNREACHABLE: no answer in time, however often it was asked.
 */
MUST_CHECK enum err ask_call(struct ask *a, struct net_call *call, struct net_result *ret_result);

/* All that the customer has. FETCH_GONE: Stripe has deleted it, and *ret_gone is true. Errors are those of ask_told. */
MUST_CHECK enum err ask_fetch(struct ask *a, struct str customer, enum fetch_from from, struct fetch *ret_fetch,
                              bool *ret_gone);

/* What was fetched for the customer of sync is stored, and the lease ends, with what was kept of the user's credentials. */
MUST_CHECK enum err ask_store(struct ask *a, const struct sync *sync, const struct stripe_state *state);

/* The session of the customer portal, where a subscription is changed and canceled. */
MUST_CHECK enum err ask_portal(struct ask *a, struct str customer, struct str *ret_url);

/* Makes a customer for the caller, and keeps it. */
MUST_CHECK enum err customer_make(struct ask *a, struct str email, struct str *ret_customer);
/* In place of one that Stripe has deleted. */
MUST_CHECK enum err customer_replace(struct ask *a, struct str email, struct sync *sync);

/* As a user is told. */
enum err ask_told(enum err e);
