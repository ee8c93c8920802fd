#include "http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The value of s, "-" when there is none, "!" when the header is refused. */
static void gives(const char *header, const char *want)
{
    struct str value = {0};
    enum err e = cookie_get(str_from(header), STR("s"), &value);

    if (strcmp(want, "!") == 0) {
        assert_int_equal(e, ERR_BAD_COOKIE);
        return;
    }
    assert_int_equal(e, OK);
    if (strcmp(want, "-") == 0)
        assert_null(value.p);
    else
        assert_true(value.p != NULL && str_eqc(value, want));
}

static void test_get(void **state)
{
    (void)state;
    gives("s=1", "1");
    gives("a=0; s=1; b=2", "1");
    gives("a=0;s=1;b=2", "1");
    gives("a=0;\ts=1 ; b=2", "1");
    gives("s=a=b", "a=b");
    gives("s=", "");
    gives("s=\"q\"", "\"q\"");
    gives("a=s=1", "-");
    gives("S=1; ss=1; s", "-");
    gives("", "-");
    gives(NULL, "-");
    gives("; ;=;==", "-");
}

static void test_twice(void **state)
{
    (void)state;
    gives("s=1; s=2", "!");
    gives("s=1; a=3; s=1", "!");
    gives("s=; s=", "!");
    gives("a=1; a=2; s=3", "3");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_get), cmocka_unit_test(test_twice)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
