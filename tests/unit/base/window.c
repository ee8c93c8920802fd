#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/window.h"

#define LIMIT 3
#define PERIOD 100

struct log {
    uint8_t b[WINDOW_BYTES(LIMIT)];
    size_t n;
    int64_t free_at;
};

static bool take(struct log *l, int64_t now)
{
    return window_take(l->b, &l->n, LIMIT, PERIOD, now, &l->free_at);
}

static void test_takes_up_to_the_limit(void **state)
{
    struct log l = {0};
    (void)state;

    assert_true(take(&l, 1000));
    assert_true(take(&l, 1010));
    assert_true(take(&l, 1010));
    assert_int_equal(l.n, 24);
    assert_false(take(&l, 1050));
    assert_int_equal(l.free_at, 1100);
}

static void test_a_place_is_free_exactly_a_period_later(void **state)
{
    struct log l = {0};
    (void)state;

    assert_true(take(&l, 1000));
    assert_true(take(&l, 1001));
    assert_true(take(&l, 1002));
    assert_false(take(&l, 1099));
    assert_true(take(&l, 1100));
    assert_false(take(&l, 1100));
    assert_int_equal(l.free_at, 1101);
    assert_int_equal(l.n, 24);
}

static int64_t reserve(struct log *l, int64_t now)
{
    assert_true(window_reserve(l->b, &l->n, LIMIT, PERIOD, now, &l->free_at));
    return l->free_at;
}

/* In any period there are no more calls than the limit, and who came first goes first. */
static void test_reserved_places_are_a_period_apart(void **state)
{
    struct log l = {0};
    int64_t slots[12];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(slots); i++)
        slots[i] = reserve(&l, 1000 + (int64_t)i);
    assert_int_equal(slots[0], 1000);
    assert_int_equal(slots[2], 1002);
    assert_int_equal(slots[3], 1100);
    for (size_t i = LIMIT; i < ARRAY_LEN(slots); i++)
        assert_int_equal(slots[i], slots[i - LIMIT] + PERIOD);
    assert_int_equal(l.n, 24);
    assert_int_equal(reserve(&l, 5000), 5000); /* all of them are over */
    assert_int_equal(l.n, 8);
}

/* So a time that is further ahead can only be from a clock that was set back. */
static void test_no_place_is_reserved_too_far_ahead(void **state)
{
    struct log l = {0}, before;
    int64_t period = WINDOW_AHEAD_MAX_US / 2;
    (void)state;

    for (int i = 0; i < 3 * LIMIT; i++)
        assert_true(window_reserve(l.b, &l.n, LIMIT, period, 1000, &l.free_at));
    assert_int_equal(l.free_at, 1000 + 2 * period);
    before = l;
    assert_false(window_reserve(l.b, &l.n, LIMIT, period, 1000, &l.free_at));
    assert_int_equal(l.free_at, 1000 + WINDOW_AHEAD_MAX_US);
    assert_memory_equal(l.b, before.b, sizeof l.b);
    assert_true(window_reserve(l.b, &l.n, LIMIT, period, 1000 + period, &l.free_at));
}

static void test_a_reservation_of_a_wrong_clock_does_not_last(void **state)
{
    struct log l = {0};
    (void)state;

    for (int i = 0; i < LIMIT; i++)
        (void)reserve(&l, 2 * WINDOW_AHEAD_MAX_US);
    assert_int_equal(reserve(&l, 1000), 1000 + PERIOD);
}

static void test_a_refusal_leaves_the_log_alone(void **state)
{
    struct log l = {0}, before;
    (void)state;

    for (int i = 0; i < LIMIT; i++)
        assert_true(take(&l, 1000 + i));
    before = l;
    assert_false(take(&l, 1050));
    assert_memory_equal(l.b, before.b, sizeof l.b);
    assert_int_equal(l.n, before.n);
}

static void test_old_times_make_room(void **state)
{
    struct log l = {0};
    (void)state;

    for (int i = 0; i < LIMIT; i++)
        assert_true(take(&l, 1000));
    assert_true(take(&l, 5000));
    assert_int_equal(l.n, 8);
    assert_memory_equal(l.b, "\0\0\0\0\0\0\x13\x88", 8);
}

static void test_times_of_a_clock_that_is_ahead_count_as_now(void **state)
{
    struct log l = {0};
    (void)state;

    for (int i = 0; i < LIMIT; i++)
        assert_true(take(&l, 900000));
    assert_false(take(&l, 1000));
    assert_int_equal(l.free_at, 1100);
}

static void test_bytes_that_are_no_log(void **state)
{
    struct log l = {.n = 13};
    (void)state;

    memset(l.b, 0xff, sizeof l.b); /* one time far ahead and half of another */
    assert_true(take(&l, 1000));
    assert_int_equal(l.n, 16);
    assert_true(take(&l, 1000));
    assert_false(take(&l, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_up_to_the_limit),
        cmocka_unit_test(test_a_place_is_free_exactly_a_period_later),
        cmocka_unit_test(test_reserved_places_are_a_period_apart),
        cmocka_unit_test(test_no_place_is_reserved_too_far_ahead),
        cmocka_unit_test(test_a_reservation_of_a_wrong_clock_does_not_last),
        cmocka_unit_test(test_a_refusal_leaves_the_log_alone),
        cmocka_unit_test(test_old_times_make_room),
        cmocka_unit_test(test_times_of_a_clock_that_is_ahead_count_as_now),
        cmocka_unit_test(test_bytes_that_are_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
