#include "media/outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BEGAN_US (1000 * US_PER_SEC)

static int set_up(void **state)
{
    static struct outage outage;

    outage_init(&outage);
    *state = &outage;
    return 0;
}

static int clear(void **state)
{
    outage_done(*state);
    return 0;
}

/* Somebody asks and is told a moment later that the database is away. */
static bool goes_on(void **state, int64_t after_us)
{
    return outage_goes_on(*state, BEGAN_US + after_us, BEGAN_US + after_us + 1);
}

static void test_all_wait_from_the_first_miss(void **state)
{
    assert_true(goes_on(state, 0));
    assert_true(goes_on(state, OUTAGE_WAIT_US / 2));
    assert_true(goes_on(state, OUTAGE_WAIT_US - 2));
    assert_false(goes_on(state, OUTAGE_WAIT_US - 1));
    assert_false(goes_on(state, OUTAGE_WAIT_US * 3 / 2));
}

static void test_who_asks_soon_after_waits_no_more(void **state)
{
    int64_t at_us = 0;

    for (int i = 0; i < 10; i++, at_us += OUTAGE_WAIT_US / 2)
        assert_int_equal(goes_on(state, at_us), at_us < OUTAGE_WAIT_US);
}

static void test_nobody_missed_it_for_long(void **state)
{
    assert_true(goes_on(state, 0));
    assert_false(goes_on(state, OUTAGE_WAIT_US - 1)); /* noted at OUTAGE_WAIT_US */
    assert_false(goes_on(state, 2 * OUTAGE_WAIT_US - 1));
    assert_true(goes_on(state, 3 * OUTAGE_WAIT_US));
    assert_true(goes_on(state, 4 * OUTAGE_WAIT_US - 2));
}

static void test_it_was_back(void **state)
{
    assert_true(goes_on(state, 0));
    assert_false(goes_on(state, OUTAGE_WAIT_US));
    outage_is_over(*state);
    assert_true(goes_on(state, OUTAGE_WAIT_US + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_wait_from_the_first_miss, set_up, clear),
        cmocka_unit_test_setup_teardown(test_who_asks_soon_after_waits_no_more, set_up, clear),
        cmocka_unit_test_setup_teardown(test_nobody_missed_it_for_long, set_up, clear),
        cmocka_unit_test_setup_teardown(test_it_was_back, set_up, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
