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
    for (size_t at = 0; at < 30; at++) { /* wherever it is in what is else ASCII */
        char text[30];
        memset(text, 'a', sizeof text);
        assert_true(text_is_utf8(str_of(text, at)));
        text[at] = '\x80';
        assert_false(text_is_utf8(str_of(text, sizeof text)));
        text[at] = '\xc3';
        assert_false(text_is_utf8(str_of(text, sizeof text)));
        if (at + 1 < sizeof text) {
            text[at + 1] = '\xa9';
            assert_true(text_is_utf8(str_of(text, sizeof text)));
        }
    }
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

/* What a reader takes for one character stays whole. */
static void heads_do_not_split_graphemes(void **state)
{
    static const struct {
        const char *whole;
        size_t max_units;
        const char *head;
    } rows[] = {
        {"ae\xcc\x81", 2, "a"}, /* e and a combining acute */
        {"ae\xcc\x81", 3, "ae\xcc\x81"},
        {"a\r\nb", 2, "a"},                                        /* a line's end */
        {"a\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 3, "a"},             /* a flag: two regional indicators */
        {"a\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", 4, "a"}, /* woman, joiner, computer */
        {"a\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", 3, "a"},             /* thumb, skin tone */
        {"e\xcc\x81\xcc\x82\xcc\x83", 2, "e\xcc\x81"}, /* longer than there is room for: between code points */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(str_eqc(text_utf16_head(str_from(rows[i].whole), rows[i].max_units), rows[i].head));
}

static void normalization_form_c(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"abc", "abc"},
        {"e\xcc\x81", "\xc3\xa9"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"}, /* Hangul */
        {"\xe1\xbe\x82", "\xe1\xbe\x82"},                         /* decomposes into four */
        {"\xef\xac\x81", "\xef\xac\x81"},                         /* the fi ligature is only compatible with fi */
        {"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},               /* marks in their order */
    };
    int32_t work[TEXT_NFC_WORK(16)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = text_nfc(str_from(rows[i][0]), work);
        assert_true(str_eqc(str_of(work, n), rows[i][1]));
    }
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
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8),
                                              cmocka_unit_test(test_encode),
                                              cmocka_unit_test(test_utf16),
                                              cmocka_unit_test(test_printable),
                                              cmocka_unit_test(heads_do_not_split_graphemes),
                                              cmocka_unit_test(normalization_form_c)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
