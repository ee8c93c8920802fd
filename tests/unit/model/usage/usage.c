#include "model/usage/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t at(const char *text)
{
    int64_t at_us;

    assert_true(time_parse(str_from(text), &at_us));
    return at_us;
}

static void days(void **state)
{
    (void)state;
    assert_int_equal(usage_day_of(at("2026-11-26T06:00:00.5Z")), at("2026-11-26T00:00:00Z"));
    assert_int_equal(usage_day_of(at("2026-11-26T00:00:00Z")), at("2026-11-26T00:00:00Z"));
    assert_int_equal(usage_day_of(at("2026-11-26T23:59:59.999999Z")), at("2026-11-26T00:00:00Z"));
    assert_int_equal(usage_day_of(at("2026-11-26T00:30:00+01:00")), at("2026-11-25T00:00:00Z"));
    assert_int_equal(usage_day_of(0), 0);
}

static void months(void **state)
{
    (void)state;
    assert_int_equal(usage_month_of(at("2026-11-26T06:00:00Z"), 0), at("2026-11-01T00:00:00Z"));
    assert_int_equal(usage_month_of(at("2026-11-01T00:00:00Z"), 0), at("2026-11-01T00:00:00Z"));
    assert_int_equal(usage_month_of(at("2026-12-31T23:59:59Z"), 1), at("2027-01-01T00:00:00Z"));
    assert_int_equal(usage_month_of(at("2028-01-31T00:00:00Z"), 1), at("2028-02-01T00:00:00Z"));
    assert_int_equal(usage_month_of(at("2026-11-26T06:00:00Z"), -USAGE_MONTHS), at("2025-10-01T00:00:00Z"));
    assert_int_equal(usage_month_of(at("2026-01-01T00:00:00Z"), -1), at("2025-12-01T00:00:00Z"));
    assert_int_equal(usage_month_of(0, USAGE_MONTHS), at("1971-02-01T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(days), cmocka_unit_test(months)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
