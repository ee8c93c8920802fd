#include "model/billing/checkout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defs.h"

#define MINUTE_US (INT64_C(60) * 1000000)
#define AT_US (1000 * MINUTE_US)

static struct checkout checkout(void)
{
    return (struct checkout){.id = {.b = {1}}, .plan = STR("pro"), .terms_version = STR("2026-11"), .at_us = AT_US};
}

static void test_may_be_open(void **state)
{
    struct checkout c = checkout();

    (void)state;
    assert_true(checkout_may_be_open(&c, AT_US));
    assert_true(checkout_may_be_open(&c, AT_US + 99 * MINUTE_US)); /* Stripe's clock may be behind ours */
    assert_false(checkout_may_be_open(&c, AT_US + 100 * MINUTE_US));
    assert_true(checkout_may_be_open(&c, AT_US - 1000 * MINUTE_US)); /* our clock was set back */
    c.id = UUID_NONE;
    assert_false(checkout_may_be_open(&c, AT_US));
}

/* What is never shown for long enough to be paid, must be expired; and a key must be good for a repeat as long as it is shown: Stripe
 * wants 30 minutes to be left when it makes the session. */
static void test_times(void **state)
{
    struct checkout c = checkout();

    (void)state;
    assert_true(checkout_expires_us(&c) - (AT_US + CHECKOUT_FRESH_US) >= 30 * MINUTE_US + CHECKOUT_SLACK_US);
    assert_true(checkout_expires_us(&c) - AT_US <= 24 * 60 * MINUTE_US);
}

static void test_judge(void **state)
{
    static const struct {
        enum stripe_session_status status;
        const char *plan, *terms;
        bool is_counted;
        int64_t age_us;
        enum checkout_verdict verdict;
    } rows[] = {
        {STRIPE_SESSION_OPEN, "pro", "2026-11", false, 0, CHECKOUT_SHOW},
        {STRIPE_SESSION_OPEN, "pro", "2026-11", false, 49 * MINUTE_US, CHECKOUT_SHOW},
        {STRIPE_SESSION_OPEN, "pro", "2026-11", false, 50 * MINUTE_US, CHECKOUT_EXPIRE},
        {STRIPE_SESSION_OPEN, "pro", "2026-11", false, -5 * MINUTE_US, CHECKOUT_SHOW},
        {STRIPE_SESSION_OPEN, "pro", "2026-11", false, -1000 * MINUTE_US, CHECKOUT_EXPIRE},
        {STRIPE_SESSION_OPEN, "agency", "2026-11", false, 0, CHECKOUT_EXPIRE},
        {STRIPE_SESSION_OPEN, "pro", "2026-12", false, 0,
         CHECKOUT_EXPIRE}, /* what it was begun under holds no longer */
        {STRIPE_SESSION_OPEN, "pro", NULL, false, 0, CHECKOUT_EXPIRE},
        {STRIPE_SESSION_COMPLETE, "pro", "2026-11", false, 0, CHECKOUT_PAID},
        {STRIPE_SESSION_COMPLETE, "agency", "2026-11", false, 60 * MINUTE_US, CHECKOUT_PAID},
        {STRIPE_SESSION_COMPLETE, "pro", "2026-11", true, 0, CHECKOUT_OVER},
        {STRIPE_SESSION_EXPIRED, "pro", "2026-11", false, 0, CHECKOUT_OVER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stripe_session session = {.status = rows[i].status};
        struct checkout c = checkout();
        assert_int_equal(checkout_judge(&c, &session,
                                        &(struct checkout_wish){str_from(rows[i].plan), str_from(rows[i].terms), false},
                                        rows[i].is_counted, AT_US + rows[i].age_us),
                         rows[i].verdict);
    }
}

/* A plan that was given is not paid, and can be bought. */
static void test_paid_plan(void **state)
{
    const struct plans plans = {.v = {{.name = "free", .is_free = true}, {.name = "pro"}, {.name = "agency"}}, .n = 3};
    struct checkout_buyer buyer = {.terms = {.granted = STR("pro")}};

    (void)state;
    assert_null(checkout_paid_plan(&buyer, &plans, AT_US));
    buyer.terms.subscribed = STR("pro");
    buyer.terms.granted = STR("agency");
    assert_ptr_equal(checkout_paid_plan(&buyer, &plans, AT_US), &plans.v[1]);
    buyer.terms.subscribed_until_us = AT_US;
    assert_null(checkout_paid_plan(&buyer, &plans, AT_US));
    buyer.terms = (struct plan_terms){.subscribed = STR("free")};
    assert_null(checkout_paid_plan(&buyer, &plans, AT_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_may_be_open), cmocka_unit_test(test_times),
                                       cmocka_unit_test(test_judge), cmocka_unit_test(test_paid_plan)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
