#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "net/outgoing.h"

/* Who is called belongs to a recipient of the policy, or is a part of the service: then it is at no public address of somebody else's. */
static void test_each_row_is_somebody(void **state)
{
    int64_t seen = 0;
    (void)state;

    for (enum outgoing i = OUTGOING_NOBODY + 1; i < OUTGOING__MAX; i++) {
        const struct outgoing_row *row = &outgoings[i];
        assert_non_null(row->name);
        assert_true(row->recipient >= -1 && row->recipient < POLICY_RECIPIENT__MAX);
        assert_int_equal(strcmp(row->class, "simulator") == 0, row->recipient == -1);
        assert_int_equal(row->socket, row->recipient == -1);
        if (row->recipient >= 0)
            seen |= INT64_C(1) << row->recipient;
    }
    assert_int_equal(seen, (INT64_C(1) << POLICY_RECIPIENT__MAX) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_row_is_somebody)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
