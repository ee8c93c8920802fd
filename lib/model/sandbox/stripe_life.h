/*
 * The life of a subscription in the Stripe simulator: what Stripe does to it as its clock moves, and what people and
 * their banks do. Pure: who stores it reads it, calls one of these, writes it back, and sends the events that came of
 * it. Facts: docs/stripe.md#subscriptions and docs/stripe.md#events.
 *
 *    struct stripe_life_events events = {.n = 0};
 *    stripe_life_begin(&life, &plan, STRIPE_CARD_PAYS, now_us, &events);
 *    while (stripe_life_advance(&life, &plan, to_us, &events))
 *        send them, events.n = 0
 *
 *                     begin with a trial ───► trialing ──the trial ends, paid──► active
 *    begin, paid ────────────────────────────────────────────────────────────────► active
 *    begin, not paid ──► incomplete ──paid within 23 hours──► active
 *                        incomplete ──23 hours──► incomplete_expired
 *    trialing, active ──a bill is not paid──► past_due ──paid──► active
 *                        past_due ──four tries──► canceled or unpaid, as the plan says;  unpaid ──paid──► active
 *    trialing, active, past_due, unpaid ──its time has come, or at once──► canceled
 *    incomplete, paused ──at once──► canceled
 *    trialing, active ──paused──► paused ──resumed──► active
 */
#pragma once

#include "base/clock.h"
#include "stripe/subscription.h"

#define STRIPE_LIFE_INCOMPLETE_US (23 * INT64_C(3600) * US_PER_SEC)
#define STRIPE_LIFE_TRIES 4 /* of a bill: at once, and after each of three waits */
#define STRIPE_LIFE_EVENTS_MAX 16

/* What a try to pay comes to. */
enum stripe_card { STRIPE_CARD_PAYS, STRIPE_CARD_DECLINES, STRIPE_CARD_WANTS_ACTION };

struct stripe_life_plan {
    int64_t trial_us; /* 0: no trial */
    int64_t period_us;
    bool ends_unpaid;     /* after the last try: unpaid, and not canceled */
    bool cancels_by_time; /* a cancellation at the period's end sets cancel_at, as the portal does since 2025-09-30 */
};

struct stripe_life {
    enum stripe_status status;
    enum stripe_card card;
    int64_t now_us; /* its own clock, which only goes on */
    int64_t created_us, period_start_us, period_end_us;
    int64_t trial_end_us, cancel_at_us, ended_at_us; /* 0: none */
    int64_t next_try_us;                             /* of the bill that is open; 0: none */
    int tries;                                       /* of it, so far; 0: no bill is open */
    bool cancel_at_period_end, trial_end_told, collection_paused;
};

/* Stripe's names of the events, in the order in which they come up. Full when it has no room for those of one more
 * step. */
struct stripe_life_events {
    const char *v[STRIPE_LIFE_EVENTS_MAX];
    int64_t at_us[STRIPE_LIFE_EVENTS_MAX];
    size_t n;
};

void stripe_life_begin(struct stripe_life *life, const struct stripe_life_plan *plan, enum stripe_card card,
                       int64_t now_us, struct stripe_life_events *events);

/* Moves its clock on to to_us, thing after thing. True: the events are full, and it is not there yet. */
bool stripe_life_advance(struct stripe_life *life, const struct stripe_life_plan *plan, int64_t to_us,
                         struct stripe_life_events *events);

/* When the next thing happens to it by itself; 0: nothing will. */
int64_t stripe_life_next_us(const struct stripe_life *life);

/* What people do. False: Stripe would refuse it in this state; nothing has changed. events must not be full. */
bool stripe_life_pay(struct stripe_life *life, struct stripe_life_events *events); /* the open bill, by its link */
bool stripe_life_cancel(struct stripe_life *life, const struct stripe_life_plan *plan, bool at_once,
                        struct stripe_life_events *events);
bool stripe_life_keep(struct stripe_life *life, struct stripe_life_events *events); /* undoes a cancellation */
bool stripe_life_pause(struct stripe_life *life, struct stripe_life_events *events);
bool stripe_life_resume(struct stripe_life *life, const struct stripe_life_plan *plan,
                        struct stripe_life_events *events);
bool stripe_life_pause_collection(struct stripe_life *life, bool paused, struct stripe_life_events *events);
