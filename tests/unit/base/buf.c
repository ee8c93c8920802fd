#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_build(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(100);

    (void)state;
    assert_true(str_eqc(buf_str(&b), ""));
    buf_puts(&b, "a");
    buf_putc(&b, 'b');
    buf_putstr(&b, STR("c\0d"));
    buf_putstr(&b, (struct str){0});
    buf_printf(&b, "%d", -12);
    assert_true(str_eq(buf_str(&b), STR("abc\0d-12")));
    assert_int_equal(b.p[b.n], '\0');
    assert_false(b.overflow);
}

static void test_escaped(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(100);

    (void)state;
    buf_putescaped(&b, STR("AZaz09-._~"));
    buf_putescaped(&b, (struct str){0});
    assert_true(str_eqc(buf_str(&b), "AZaz09-._~"));
    buf_putescaped(&b, STR(" +/@[`{\0\x7f\xc3\xa4"));
    assert_true(str_eqc(str_skip(buf_str(&b), 10), "%20%2B%2F%40%5B%60%7B%00%7F%C3%A4"));
}

static void test_max(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(5);

    (void)state;
    buf_puts(&b, "12345");
    assert_false(b.overflow);
    assert_string_equal(b.p, "12345");
    buf_putc(&b, '6');
    assert_true(b.overflow);
    buf_clear(&b);
    assert_false(b.overflow);
    assert_int_equal(b.n, 0);
    buf_printf(&b, "%s", "123456");
    assert_true(b.overflow);
    buf_puts(&b, "1"); /* sticky: nothing more is taken */
    assert_int_equal(b.n, 0);
}

static void test_grows(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(100000);

    (void)state;
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%d", i % 10);
    assert_int_equal(b.n, 10000);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], '0' + (int)(i % 10));
}

/* Whether there is room already, and whether it may grow, makes no difference to what is written. */
static void test_printf_at_the_edge(void **state)
{
    (void)state;
    for (int n = 1; n < 2100; n++) {
        _cleanup_(buf_done) struct buf fits = BUF_MAX((size_t)n + 2), too_long = BUF_MAX((size_t)n + 1);
        buf_printf(&fits, "a%*sb", n, "");
        assert_false(fits.overflow);
        assert_int_equal(fits.n, n + 2);
        assert_true(fits.p[0] == 'a' && fits.p[n + 1] == 'b' && fits.p[n + 2] == '\0');
        buf_puts(&too_long, "a");
        buf_printf(&too_long, "%*sb", n, "");
        assert_true(too_long.overflow);
        assert_string_equal(too_long.p, "a");
    }
}

static void test_done(void **state)
{
    struct buf b = BUF_MAX(10);

    (void)state;
    buf_puts(&b, "x");
    buf_done(&b);
    assert_null(b.p);
    buf_puts(&b, "y"); /* usable again */
    assert_string_equal(b.p, "y");
    buf_done(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_build),
                                              cmocka_unit_test(test_escaped),
                                              cmocka_unit_test(test_max),
                                              cmocka_unit_test(test_grows),
                                              cmocka_unit_test(test_printf_at_the_edge),
                                              cmocka_unit_test(test_done)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
