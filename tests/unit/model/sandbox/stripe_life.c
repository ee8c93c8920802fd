#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/sandbox/stripe_life.h"

#define DAY US_PER_DAY
#define HOUR (INT64_C(3600) * US_PER_SEC)
#define BEGIN (20000 * DAY)

static const struct stripe_life_plan monthly = {.period_us = 30 * DAY};
static const struct stripe_life_plan trial = {.period_us = 30 * DAY, .trial_us = 14 * DAY, .cancels_by_time = true};
static const struct stripe_life_plan patient = {.period_us = 30 * DAY, .ends_unpaid = true};

static struct stripe_life life;
static struct stripe_life_events events;

static void begin(const struct stripe_life_plan *plan, enum stripe_card card)
{
    events.n = 0;
    stripe_life_begin(&life, plan, card, BEGIN, &events);
}

static void assert_events(const char *const *types)
{
    size_t n = 0;

    for (; types[n] != NULL; n++) {
        if (n >= events.n)
            fail_msg("%s is missing", types[n]);
        assert_string_equal(events.v[n], types[n]);
    }
    if (events.n > n)
        fail_msg("%s is too much", events.v[n]);
    events.n = 0;
}
#define EVENTS(...) assert_events((const char *const[]){__VA_ARGS__, NULL})
#define CREATED "customer.subscription.created"
#define UPDATED "customer.subscription.updated"
#define DELETED "customer.subscription.deleted"

static void advance(const struct stripe_life_plan *plan, int64_t after_us)
{
    assert_false(stripe_life_advance(&life, plan, BEGIN + after_us, &events));
}

static void test_paid(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_PAYS);
    EVENTS(CREATED, "invoice.paid", UPDATED);
    assert_int_equal(life.status, STRIPE_ACTIVE);
    advance(&monthly, 30 * DAY - 1);
    assert_int_equal(events.n, 0);
    advance(&monthly, 30 * DAY);
    EVENTS("invoice.paid", UPDATED);
    assert_int_equal(life.period_start_us, BEGIN + 30 * DAY);
    assert_int_equal(life.period_end_us, BEGIN + 60 * DAY);
}

/* What a clock that waits must know. */
static void test_next(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_PAYS);
    assert_int_equal(stripe_life_next_us(&life), BEGIN + 30 * DAY);
    assert_true(stripe_life_cancel(&life, &monthly, true, &events));
    assert_int_equal(stripe_life_next_us(&life), 0);
    begin(&monthly, STRIPE_CARD_DECLINES);
    assert_int_equal(stripe_life_next_us(&life), BEGIN + 23 * HOUR);
    begin(&trial, STRIPE_CARD_PAYS);
    assert_int_equal(stripe_life_next_us(&life), BEGIN + 11 * DAY);
}

static void test_first_bill(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_WANTS_ACTION);
    EVENTS(CREATED, "invoice.payment_action_required");
    assert_int_equal(life.status, STRIPE_INCOMPLETE);
    advance(&monthly, HOUR);
    assert_true(stripe_life_pay(&life, &events));
    EVENTS("invoice.paid", UPDATED);
    assert_int_equal(life.status, STRIPE_ACTIVE);

    begin(&monthly, STRIPE_CARD_DECLINES);
    EVENTS(CREATED, "invoice.payment_failed");
    advance(&monthly, 40 * DAY);
    EVENTS(UPDATED);
    assert_int_equal(life.status, STRIPE_INCOMPLETE_EXPIRED);
    assert_int_equal(life.ended_at_us, BEGIN + 23 * HOUR);
    assert_false(stripe_life_pay(&life, &events));
}

static void test_trial(void **state)
{
    (void)state;
    begin(&trial, STRIPE_CARD_PAYS);
    EVENTS(CREATED);
    assert_int_equal(life.status, STRIPE_TRIALING);
    advance(&trial, 11 * DAY);
    EVENTS("customer.subscription.trial_will_end");
    advance(&trial, 14 * DAY);
    EVENTS("invoice.paid", UPDATED);
    assert_int_equal(life.status, STRIPE_ACTIVE);
    assert_int_equal(life.period_end_us, BEGIN + 44 * DAY);
}

static void test_unpaid_bills(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_PAYS);
    life.card = STRIPE_CARD_DECLINES;
    events.n = 0;
    advance(&monthly, 30 * DAY);
    EVENTS("invoice.payment_failed", UPDATED);
    assert_int_equal(life.status, STRIPE_PAST_DUE);
    assert_int_equal(life.period_start_us, BEGIN + 30 * DAY); /* the period that is not paid has begun */
    advance(&monthly, 33 * DAY);
    EVENTS("invoice.payment_failed", UPDATED);
    life.card = STRIPE_CARD_PAYS;
    advance(&monthly, 38 * DAY);
    EVENTS("invoice.paid", UPDATED);
    assert_int_equal(life.status, STRIPE_ACTIVE);

    begin(&monthly, STRIPE_CARD_PAYS);
    life.card = STRIPE_CARD_DECLINES;
    events.n = 0;
    advance(&monthly, 45 * DAY);
    EVENTS("invoice.payment_failed", UPDATED, "invoice.payment_failed", UPDATED, "invoice.payment_failed", UPDATED,
           "invoice.payment_failed", DELETED);
    assert_int_equal(life.status, STRIPE_CANCELED);
    assert_int_equal(life.ended_at_us, BEGIN + 45 * DAY);

    begin(&patient, STRIPE_CARD_PAYS);
    life.card = STRIPE_CARD_DECLINES;
    advance(&patient, 45 * DAY);
    assert_int_equal(life.status, STRIPE_UNPAID);
    events.n = 0;
    advance(&patient, 100 * DAY);
    EVENTS(UPDATED, UPDATED);
    assert_true(stripe_life_pay(&life, &events));
    assert_int_equal(life.status, STRIPE_ACTIVE);
}

static void test_cancellation(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_PAYS);
    events.n = 0;
    assert_true(stripe_life_cancel(&life, &monthly, false, &events));
    assert_true(life.cancel_at_period_end && life.cancel_at_us == 0);
    assert_false(stripe_life_cancel(&life, &monthly, false, &events));
    assert_true(stripe_life_keep(&life, &events));
    assert_false(stripe_life_keep(&life, &events));
    assert_true(stripe_life_cancel(&life, &monthly, false, &events));
    EVENTS(UPDATED, UPDATED, UPDATED);
    advance(&monthly, 31 * DAY);
    EVENTS(DELETED);
    assert_int_equal(life.ended_at_us, BEGIN + 30 * DAY);
    assert_false(stripe_life_keep(&life, &events));

    begin(&trial, STRIPE_CARD_PAYS);
    assert_true(stripe_life_cancel(&life, &trial, false, &events));
    assert_true(!life.cancel_at_period_end && life.cancel_at_us == BEGIN + 14 * DAY);
    assert_true(stripe_life_cancel(&life, &trial, true, &events));
    EVENTS(CREATED, UPDATED, DELETED);
    assert_false(stripe_life_cancel(&life, &trial, true, &events));
}

static void test_pauses(void **state)
{
    (void)state;
    begin(&monthly, STRIPE_CARD_PAYS);
    events.n = 0;
    assert_true(stripe_life_pause(&life, &events));
    EVENTS("customer.subscription.paused", UPDATED);
    assert_false(stripe_life_pause(&life, &events));
    advance(&monthly, 100 * DAY);
    assert_int_equal(events.n, 0);
    assert_true(stripe_life_resume(&life, &monthly, &events));
    EVENTS("customer.subscription.resumed", "invoice.paid", UPDATED);
    assert_int_equal(life.period_end_us, BEGIN + 130 * DAY);
    assert_false(stripe_life_resume(&life, &monthly, &events));
    assert_true(stripe_life_pause_collection(&life, true, &events));
    assert_false(stripe_life_pause_collection(&life, true, &events));
    life.card = STRIPE_CARD_DECLINES;
    advance(&monthly, 131 * DAY);
    EVENTS(UPDATED, UPDATED);
    assert_int_equal(life.status, STRIPE_ACTIVE); /* pause_collection leaves the status alone */
}

static uint32_t drawn(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* Whatever somebody does; what it changed has come with an event of the subscription. */
static void live(struct stripe_life *l, const struct stripe_life_plan *plan, uint32_t *seed,
                 struct stripe_life_events *e)
{
    switch (drawn(seed, 8)) {
    case 0:
        (void)stripe_life_pay(l, e);
        return;
    case 1:
        (void)stripe_life_cancel(l, plan, drawn(seed, 4) == 0, e);
        return;
    case 2:
        (void)stripe_life_keep(l, e);
        return;
    case 3:
        (void)stripe_life_pause(l, e);
        return;
    case 4:
        (void)stripe_life_resume(l, plan, e);
        return;
    case 5:
        (void)stripe_life_pause_collection(l, drawn(seed, 2), e);
        return;
    default:
        l->card = (enum stripe_card)drawn(seed, 3);
        return;
    }
}

static void assert_sound(const struct stripe_life *l)
{
    assert_int_equal(l->ended_at_us != 0, stripe_status_is_over(l->status));
    assert_true(l->period_start_us < l->period_end_us && l->status != STRIPE_UNKNOWN);
    if (l->status == STRIPE_TRIALING || stripe_status_access(l->status) != STRIPE_ACCESS_NO ||
        l->status == STRIPE_UNPAID)
        assert_true(l->period_start_us <= l->now_us && l->now_us < l->period_end_us);
    assert_int_equal(l->next_try_us != 0, l->status == STRIPE_PAST_DUE);
}

static void test_random_lives(void **state)
{
    const struct stripe_life_plan *const plans[] = {&monthly, &trial, &patient};
    (void)state;

    for (uint32_t seed = 0; seed < 1000; seed++) {
        uint32_t at = seed;
        const struct stripe_life_plan *plan = plans[drawn(&at, 3)];
        struct stripe_life l;
        struct stripe_life_events e = {.n = 0};

        stripe_life_begin(&l, plan, (enum stripe_card)drawn(&at, 3), BEGIN, &e);
        for (int deed = 0; deed < 60; deed++) {
            struct stripe_life before = l, at_once;
            int64_t to_us = l.now_us + drawn(&at, 20 * 24) * HOUR;

            e.n = 0;
            live(&l, plan, &at, &e);
            assert_true(e.n > 0 || (before.status == l.status && before.cancel_at_us == l.cancel_at_us &&
                                    before.period_end_us == l.period_end_us));
            /* In one go or hour by hour, it comes to the same. */
            at_once = l;
            do
                e.n = 0;
            while (stripe_life_advance(&at_once, plan, to_us, &e));
            for (int64_t t = l.now_us; t < to_us; t += HOUR) {
                before = l;
                e.n = 0;
                assert_false(stripe_life_advance(&l, plan, MIN(t + HOUR, to_us), &e));
                assert_true(e.n > 0 || (before.status == l.status && before.period_end_us == l.period_end_us));
                assert_true(!stripe_status_is_over(before.status) || (e.n == 0 && before.status == l.status));
            }
            assert_memory_equal(&l, &at_once, sizeof l);
            assert_sound(&l);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paid),   cmocka_unit_test(test_next),         cmocka_unit_test(test_first_bill),
        cmocka_unit_test(test_trial),  cmocka_unit_test(test_unpaid_bills), cmocka_unit_test(test_cancellation),
        cmocka_unit_test(test_pauses), cmocka_unit_test(test_random_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
