/*
 * What Stripe has of a customer now: all its subscriptions, page after page, and what of them counts (stripe/derive.h). Nothing
 * here does I/O: an app makes the calls one after another, a worker says JOB_CALL for each.
 *
 *    struct fetch f;
 *    fetch_begin(&f, &stripe, arena, customer, FETCH_SUBSCRIPTIONS);
 *    do
 *        net_call_run(arena, &f.call, &result);
 *    while ((step = fetch_take(&f, &result)) == FETCH_CALL);
 *    if (step == FETCH_DONE) ... f.state
 *
 * Whoever fetches holds the customer's lease (model/billing/sync.h), from before the first call until what came is stored.
 */
#pragma once

#include "base/plans.h"
#include "stripe/calls.h"
#include "stripe/derive.h"
#include "stripe/read.h"

/* 200 subscriptions, newest first: nobody has more that are not over. What is beyond is not read, and counts for nothing. */
#define FETCH_PAGES_MAX 10

enum fetch_from {
    FETCH_SUBSCRIPTIONS,
    FETCH_CUSTOMER, /* the customer first: it may be deleted, or whose it is, is to be seen */
};

enum fetch_step {
    FETCH_CALL,   /* make f.call, and hand over its result */
    FETCH_DONE,   /* f.state */
    FETCH_GONE,   /* the customer was deleted, and with it all that it had */
    FETCH_FAILED, /* f.next and f.error say why. With STRIPE_AGAIN f.call may be made once more */
};

struct fetch {
    const struct stripe *stripe;
    struct arena *arena; /* of what is fetched */
    struct str customer;
    struct net_call call;
    struct stripe_customer owner; /* id absent: nobody asked for it */
    bool asks_customer, said_missing;
    struct stripe_subscription *v; /* of whatever price */
    size_t n, pages;
    struct stripe_rules rules;
    struct stripe_state state;
    struct stripe_error error; /* of the last answer; its request id also after a success */
    enum stripe_next next;     /* never STRIPE_DONE after FETCH_FAILED */
};

/* stripe and customer must live as long as the fetch does. */
void fetch_begin(struct fetch *f, const struct stripe *stripe, struct arena *arena, struct str customer,
                 enum fetch_from from);

/*
 * A customer that is not there, and was not deleted either, is a failure (STRIPE_REFUSED): it is another account's or another
 * mode's, so the key is wrong, and nobody must lose a plan for that. Only Stripe's word that it was deleted counts.
 */
MUST_CHECK enum fetch_step fetch_take(struct fetch *f, const struct net_result *result);

/* One of those that were fetched, if it is for a price of ours; else NULL: it is another product's of the same account, or not
 * this customer's. */
const struct stripe_subscription *fetch_find(const struct fetch *f, struct str subscription);
bool fetch_is_foreign(const struct fetch *f, struct str subscription); /* it is there, for a price that no plan has */

/* The prices of all plans that are sold in this mode, the best first. */
struct strs fetch_prices(struct arena *arena, const struct conf *conf);
