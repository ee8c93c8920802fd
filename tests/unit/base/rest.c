#include "base/rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BEGAN_US INT64_C(1000000)

static void test_short_work_needs_no_rest(void **state)
{
    struct rest r = {0};

    (void)state;
    assert_int_equal(rest_due_us(&r, BEGAN_US), 0);
    assert_int_equal(rest_due_us(&r, BEGAN_US + REST_EVERY_US - 1), 0);
}

static void test_rests_as_long_as_it_has_worked(void **state)
{
    int64_t worked_us = 0, rested_us = 0, now_us = BEGAN_US;
    struct rest r = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t due_us = rest_due_us(&r, now_us);
        rested_us += due_us;
        now_us += due_us + 300;
        worked_us += 300;
    }
    assert_in_range(rested_us, worked_us - REST_EVERY_US - 300, worked_us);
}

static void test_waiting_for_somebody_is_rest(void **state)
{
    struct rest r = {0};

    (void)state;
    assert_int_equal(rest_due_us(&r, BEGAN_US), 0);
    rest_waited(&r, REST_EVERY_US);
    assert_int_equal(rest_due_us(&r, BEGAN_US + 2 * REST_EVERY_US - 1), 0);
}

static void test_a_long_pause_is_not_paid_back(void **state)
{
    struct rest r = {0};

    (void)state;
    assert_int_equal(rest_due_us(&r, BEGAN_US), 0);
    assert_int_equal(rest_due_us(&r, BEGAN_US + 1000 * REST_MOST_US), REST_MOST_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_work_needs_no_rest),
        cmocka_unit_test(test_rests_as_long_as_it_has_worked),
        cmocka_unit_test(test_waiting_for_somebody_is_rest),
        cmocka_unit_test(test_a_long_pause_is_not_paid_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
