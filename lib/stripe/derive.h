/*
 * From all subscriptions of a customer to what of them counts. It depends on nothing but what Stripe has now: not on
 * what was stored, nor on the order in which events came, nor on that of the list. docs/stripe.md#state
 *
 *    struct stripe_rules rules = {.livemode = conf->stripe_livemode, .customer = id, .prices = prices};
 *    stripe_derive(&rules, page.v, page.n, &state);
 */
#pragma once

#include "stripe/subscription.h"

struct stripe_rules {
    bool livemode;
    struct str customer;
    struct strs
        prices; /* of our plans, the one that gives most first: others are another product's of the same account */
};

/* What is to be stored. The texts live where the subscriptions do. */
struct stripe_state {
    struct str subscription; /* absent: none counts; then nothing below is filled but the numbers */
    struct str price;        /* the best of ours that it has */
    enum stripe_status status;
    struct str status_text;
    enum stripe_access access;
    int64_t period_start_us, period_end_us, next_bill_us; /* 0: not said. See stripe/subscription.h */
    bool will_end;                                        /* by itself */
    int64_t ends_us;                                      /* when; 0: it goes on, or that is not said */
    int64_t trial_end_us;
    bool collection_paused;
    size_t others_alive_n; /* further ones of ours that are not over: somebody pays twice, and the admin is told */
    size_t foreign_n;      /* of no plan of ours, and not over: somebody pays and has nothing, and the admin is told */
    size_t unknown_n;      /* with a status that we do not know: the admin is told */
};

/*
 * Which counts: of those of the customer, of our mode and with a price of ours, the one that gives most access; then
 * one that is not over, the one with the best price, the later end of the period, the later beginning, and the greater
 * id, so that there is always one. The same subscription twice counts once (pages of a list may overlap when one is
 * added meanwhile): of two readings that differ, the better one.
 */
void stripe_derive(const struct stripe_rules *rules, const struct stripe_subscription *v, size_t n,
                   struct stripe_state *ret);
