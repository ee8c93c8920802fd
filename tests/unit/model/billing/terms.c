#include "model/billing/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define NOW (INT64_C(1800000000) * US_PER_SEC)
#define GRACE (7 * US_PER_DAY)

static const char plans_text[] = "[free]\nfree = yes\n[pro]\n[agency]\n";

static struct plans plans;

static int read_plans(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    (void)state;
    return plans_parse(str_from(plans_text), &plans, &why) == OK ? 0 : -1;
}

static const struct plan_grant no_grant;

static struct plan_now of(const struct subscription *s, const struct plan_grant *g, int64_t now_us)
{
    struct plan_terms terms = plan_terms_of(s, g, GRACE);

    return plan_now(&plans, &terms, now_us);
}

/* Every status, at a moment when the period is paid, a moment after its end, and long after. */
static void test_every_status(void **state)
{
    static const struct {
        enum subscription_status status;
        const char *paid, *grace, *later;
    } rows[] = {
        {SUBSCRIPTION_NONE, "free", "free", "free"},
        {SUBSCRIPTION_INCOMPLETE, "free", "free", "free"},
        {SUBSCRIPTION_INCOMPLETE_EXPIRED, "free", "free", "free"},
        {SUBSCRIPTION_TRIALING, "pro", "pro", "pro"},
        {SUBSCRIPTION_ACTIVE, "pro", "pro", "pro"}, /* until Stripe says otherwise */
        {SUBSCRIPTION_PAST_DUE, "pro", "pro", "free"},
        {SUBSCRIPTION_CANCELED, "free", "free", "free"},
        {SUBSCRIPTION_UNPAID, "free", "free", "free"},
        {SUBSCRIPTION_PAUSED, "free", "free", "free"},
        {SUBSCRIPTION_UNKNOWN, "free", "free", "free"},
    };

    (void)state;
    assert_int_equal(ARRAY_LEN(rows), SUBSCRIPTION_STATUS__MAX);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct subscription s = {.plan = STR("pro"), .status = rows[i].status, .period_end_us = NOW};
        assert_int_equal(rows[i].status, i);
        assert_string_equal(of(&s, &no_grant, NOW - 1).plan->name, rows[i].paid);
        assert_string_equal(of(&s, &no_grant, NOW + GRACE - 1).plan->name, rows[i].grace);
        assert_string_equal(of(&s, &no_grant, NOW + GRACE).plan->name, rows[i].later);
    }
    for (size_t i = 0; i < SUBSCRIPTION_STATUS__MAX; i++)
        assert_non_null(subscription_status_names[i]);
    assert_null(subscription_status_names[SUBSCRIPTION_STATUS__MAX]);
}

/* Stripe begins the next period before it is paid: the grace does not last for that, too. */
static void test_past_due(void **state)
{
    struct subscription s = {.plan = STR("pro"),
                             .status = SUBSCRIPTION_PAST_DUE,
                             .period_end_us = NOW + 30 * US_PER_DAY,
                             .past_due_since_us = NOW};
    struct plan_now now = of(&s, &no_grant, NOW + GRACE - 1);

    (void)state;
    assert_string_equal(now.plan->name, "pro");
    assert_int_equal(now.source, PLAN_SOURCE_SUBSCRIPTION);
    assert_int_equal(now.until_us, NOW + GRACE);
    assert_string_equal(of(&s, &no_grant, NOW + GRACE).plan->name, "free");
    s.past_due_since_us = NOW + 40 * US_PER_DAY; /* noticed late */
    assert_int_equal(of(&s, &no_grant, NOW).until_us, NOW + 30 * US_PER_DAY + GRACE);
    s.period_end_us = 0;
    assert_int_equal(of(&s, &no_grant, NOW).until_us, NOW + 40 * US_PER_DAY + GRACE);
    s.past_due_since_us = 0;
    assert_string_equal(of(&s, &no_grant, NOW).plan->name, "free");
}

static void test_grant(void **state)
{
    const struct subscription none = {.status = SUBSCRIPTION_NONE};
    const struct plan_grant g = {.plan = STR("pro"), .until_us = NOW}, always = {.plan = STR("pro")};
    struct plan_now now = of(&none, &g, NOW - 1);

    (void)state;
    assert_string_equal(now.plan->name, "pro");
    assert_int_equal(now.source, PLAN_SOURCE_GRANT);
    assert_int_equal(now.until_us, NOW);
    assert_string_equal(of(&none, &g, NOW).plan->name, "free"); /* by itself */
    assert_int_equal(of(&none, &g, NOW).source, PLAN_SOURCE_FREE);
    assert_int_equal(of(&none, &always, INT64_MAX).until_us, 0);
    assert_string_equal(of(&none, &always, INT64_MAX).plan->name, "pro");
}

/* A grant takes nothing from who pays, and a subscription nothing from a grant. */
static void test_the_better(void **state)
{
    struct subscription s = {.plan = STR("pro"), .status = SUBSCRIPTION_ACTIVE};
    struct plan_grant g = {.plan = STR("agency"), .until_us = NOW};

    (void)state;
    assert_string_equal(of(&s, &g, NOW - 1).plan->name, "agency");
    assert_string_equal(of(&s, &g, NOW).plan->name, "pro");
    g.plan = STR("free");
    assert_int_equal(of(&s, &g, NOW - 1).source, PLAN_SOURCE_SUBSCRIPTION);
    s.plan = STR("agency");
    g.plan = STR("pro");
    assert_string_equal(of(&s, &g, NOW - 1).plan->name, "agency");
    g.plan = STR("agency"); /* the same: that of the admin, for as long as that lasts */
    assert_int_equal(of(&s, &g, NOW - 1).source, PLAN_SOURCE_GRANT);
    assert_int_equal(of(&s, &g, NOW).source, PLAN_SOURCE_SUBSCRIPTION);
}

static void test_a_plan_that_is_gone(void **state)
{
    const struct subscription s = {.plan = STR("gold"), .status = SUBSCRIPTION_ACTIVE},
                              foreign = {.status = SUBSCRIPTION_ACTIVE};
    const struct plan_grant g = {.plan = STR("silver")}, pro = {.plan = STR("pro")};

    (void)state;
    assert_string_equal(of(&s, &g, NOW).plan->name, "free");
    assert_string_equal(of(&s, &pro, NOW).plan->name, "pro");
    assert_string_equal(of(&foreign, &no_grant, NOW).plan->name, "free"); /* the price is no plan's */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status),
        cmocka_unit_test(test_past_due),
        cmocka_unit_test(test_grant),
        cmocka_unit_test(test_the_better),
        cmocka_unit_test(test_a_plan_that_is_gone),
    };

    return cmocka_run_group_tests(tests, read_plans, NULL);
}
