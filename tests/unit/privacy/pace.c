#include "privacy/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static bool is_too_slow(size_t bytes, int64_t waited_sec)
{
    struct pace p = {0};

    pace_note(&p, bytes / 2, waited_sec * US_PER_SEC / 2);
    pace_note(&p, bytes - bytes / 2, waited_sec * US_PER_SEC - waited_sec * US_PER_SEC / 2);
    return pace_is_too_slow(&p, 64);
}

static void test_the_first_minute_is_free(void **state)
{
    (void)state;
    assert_false(is_too_slow(0, 0));
    assert_false(is_too_slow(1, PACE_FREE_SEC));
    assert_true(is_too_slow(1, PACE_FREE_SEC + 1));
}

static void test_whoever_keeps_up_goes_on(void **state)
{
    (void)state;
    assert_false(is_too_slow(64000, PACE_FREE_SEC + 1));
    assert_true(is_too_slow(63999, PACE_FREE_SEC + 1));
    assert_false(is_too_slow(64000u * 3600, PACE_FREE_SEC + 3600));
    assert_true(is_too_slow(64000u * 3599, PACE_FREE_SEC + 3600));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_minute_is_free),
        cmocka_unit_test(test_whoever_keeps_up_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
