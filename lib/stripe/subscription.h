/*
 * A subscription as Stripe sends it, in an answer or in an event, by old and new versions of its API. Facts and
 * sources: docs/stripe.md#subscriptions.
 *
 *    e = stripe_read_subscriptions(&result, arena, &page, &error);
 *    for (size_t i = 0; i < page.n; i++) ... page.v[i]
 */
#pragma once

#include "base/uuid.h"
#include "stripe/error.h"

/* A word that is none of these, which a later version may bring, is STRIPE_UNKNOWN: no access, and an alarm. */
enum stripe_status {
    STRIPE_UNKNOWN,
    STRIPE_INCOMPLETE_EXPIRED,
    STRIPE_CANCELED,
    STRIPE_INCOMPLETE,
    STRIPE_UNPAID,
    STRIPE_PAUSED,
    STRIPE_PAST_DUE,
    STRIPE_TRIALING,
    STRIPE_ACTIVE,
    STRIPE_STATUS__MAX
};
const char *stripe_status_word(enum stripe_status s); /* Stripe's; "unknown" */

enum stripe_status stripe_status_of(struct str word);

enum stripe_access {
    STRIPE_ACCESS_NO,
    STRIPE_ACCESS_GRACE, /* for some days from the beginning of the period, while Stripe tries to get its money */
    STRIPE_ACCESS_YES,
};
enum stripe_access stripe_status_access(enum stripe_status s);
bool stripe_status_is_over(enum stripe_status s); /* nothing follows: a new subscription is needed */

struct stripe_subscription {
    struct str id, customer;
    struct uuid user_id; /* of its metadata; none: not there, or not one of ours */
    struct str status_text;
    enum stripe_status status;
    bool livemode;
    struct strs prices; /* ids, one an item */
    bool more_items;    /* than these, which Stripe has left out */
    int64_t created_us;
    /* Of the current period, which has moved on already when its payment fails. 0: not said. */
    int64_t period_start_us; /* the last of its items' */
    int64_t period_end_us;   /* the last of them */
    int64_t next_bill_us;    /* the first of their ends */
    int64_t cancel_at_us;    /* 0: none */
    bool cancel_at_period_end;
    int64_t trial_end_us, ended_at_us; /* 0: none */
    bool collection_paused;            /* its status says nothing of that */
};

bool stripe_subscription_will_end(const struct stripe_subscription *s); /* by itself: it is canceled at some time */

/* When: cancel_at, or the period's end. 0: it goes on, or the period's end is not said. */
int64_t stripe_subscription_ends_us(const struct stripe_subscription *s);

struct stripe_subscriptions {
    struct stripe_subscription *v; /* arena */
    size_t n;
    bool has_more; /* the next page begins after v[n - 1].id */
};

/* OK, what stripe_read_answer returns, or ERR_NET_UNKNOWN if a success does not hold what it must, or something of
 * another type. */
MUST_CHECK enum err stripe_read_subscription(const struct net_result *r, struct arena *arena,
                                             struct stripe_subscription *ret, struct stripe_error *ret_error);
MUST_CHECK enum err stripe_read_subscriptions(const struct net_result *r, struct arena *arena,
                                              struct stripe_subscriptions *ret, struct stripe_error *ret_error);
