#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_utf8(void **state)
{
    (void)state;
    assert_true(text_is_utf8(STR("")));
    assert_true(text_is_utf8(STR("a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(text_is_utf8(STR("\xf4\x8f\xbf\xbf")));  /* U+10FFFF */
    assert_false(text_is_utf8(STR("\xf4\x90\x80\x80"))); /* above */
    assert_false(text_is_utf8(STR("\xc0\x80")));         /* overlong */
    assert_false(text_is_utf8(STR("\xe0\x80\xaf")));
    assert_false(text_is_utf8(STR("\xed\xa0\x80"))); /* surrogate */
    assert_false(text_is_utf8(STR("a\x80")));
    assert_false(text_is_utf8(STR("\xc3")));
    assert_false(text_is_utf8(STR("\xff")));
}

static void test_encode(void **state)
{
    static const struct {
        uint32_t code_point;
        const char *want;
    } rows[] = {{'a', "a"}, {0xe9, "\xc3\xa9"}, {0x20ac, "\xe2\x82\xac"}, {0x10ffff, "\xf4\x8f\xbf\xbf"}};
    char text[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(str_eqc(str_of(text, text_encode(rows[i].code_point, text)), rows[i].want));
}

static void test_utf16(void **state)
{
    struct str s = STR("a\xc3\xa9\xf0\x9f\x98\x80z");

    (void)state;
    assert_int_equal(text_utf16_units(STR("")), 0);
    assert_int_equal(text_utf16_units(s), 5);
    assert_true(str_eqc(text_utf16_head(s, 0), ""));
    assert_true(str_eqc(text_utf16_head(s, 2), "a\xc3\xa9"));
    assert_true(str_eqc(text_utf16_head(s, 3), "a\xc3\xa9")); /* the emoji is not cut */
    assert_true(str_eqc(text_utf16_head(s, 4), "a\xc3\xa9\xf0\x9f\x98\x80"));
    assert_true(str_eq(text_utf16_head(s, 5), s));
    assert_true(str_eq(text_utf16_head(s, 99), s));
}

static void test_printable(void **state)
{
    (void)state;
    assert_true(text_is_printable(STR("a \xc3\xa9~"), false));
    assert_false(text_is_printable(STR("a\nb"), false));
    assert_true(text_is_printable(STR("a\n\tb"), true));
    assert_false(text_is_printable(STR("a\0b"), true));
    assert_false(text_is_printable(STR("\x1b[1m"), true));
    assert_false(text_is_printable(STR("\x7f"), true));
    assert_false(text_is_printable(STR("\xc2\x85"), true)); /* U+0085 */
    assert_true(text_is_printable(STR("\xc2\xa0"), false)); /* U+00A0 */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8), cmocka_unit_test(test_encode),
                                              cmocka_unit_test(test_utf16), cmocka_unit_test(test_printable)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
