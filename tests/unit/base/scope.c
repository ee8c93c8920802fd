#include "base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defs.h"

static void test_each_scope_is_one_bit(void **state)
{
    int64_t all = 0;

    (void)state;
    for (int s = SCOPE_NONE + 1; s < SCOPE__MAX; s++) {
        int64_t bit = INT64_C(1) << (s - SCOPE_NONE - 1);
        for (int other = SCOPE_NONE + 1; other < SCOPE__MAX; other++)
            assert_int_equal(scope_in(bit, other), s == other);
        assert_string_equal(scope_name(s), scope_names[s - SCOPE_NONE - 1]);
        all |= bit;
    }
    assert_int_equal(all, SCOPES_ALL);
    assert_null(scope_names[SCOPE__MAX - SCOPE_NONE - 1]);
}

static void test_none_is_in_every_set_and_unset_in_no_one(void **state)
{
    (void)state;
    assert_true(scope_in(0, SCOPE_NONE));
    assert_false(scope_in(SCOPES_ALL, SCOPE_UNSET));
    assert_false(scope_in(-1, SCOPE_UNSET));
    assert_string_equal(scope_name(SCOPE_UNSET), "-");
    assert_string_equal(scope_name(SCOPE_NONE), "none");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_scope_is_one_bit),
        cmocka_unit_test(test_none_is_in_every_set_and_unset_in_no_one),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
