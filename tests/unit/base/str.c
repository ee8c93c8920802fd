#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_eq(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq((struct str){0}, STR("")));
    assert_true(str_ieq(STR("AbC-1"), STR("aBc-1")));
    assert_false(str_ieq(STR("abc"), STR("abd")));
    assert_true(str_eq_secret(STR("abc"), STR("abc")));
    assert_false(str_eq_secret(STR("abc"), STR("abd")));
    assert_false(str_eq_secret(STR("abc"), STR("ab")));
    assert_false(str_eq_secret(STR("abc"), STR("")));
}

static void test_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_true(str_eqc(str_trim(STR(" \ta b\t ")), "a b"));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    assert_true(str_eqc(str_head(STR("abc"), 2), "ab"));
    assert_true(str_eqc(str_head(STR("abc"), 9), "abc"));
    assert_true(str_eqc(str_skip(STR("abc"), 3), ""));
}

static void test_cut(void **state)
{
    struct str s = STR("a=b=c"), head = STR("old");

    (void)state;
    assert_true(str_cut(&s, '=', &head));
    assert_true(str_eqc(head, "a") && str_eqc(s, "b=c"));
    s = STR("abc");
    assert_false(str_cut(&s, '=', &head));
    assert_true(str_eqc(head, "a") && str_eqc(s, "abc"));
    s = (struct str){0};
    assert_false(str_cut(&s, '=', &head));
}

static void test_next(void **state)
{
    static const char *const want[] = {"", "a", "", "b", ""};
    struct str s = STR(",a,,b,"), piece;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(str_next(&s, ',', &piece));
        assert_true(str_eqc(piece, want[i]));
    }
    assert_false(str_next(&s, ',', &piece));
    s = STR("");
    assert_true(str_next(&s, ',', &piece)); /* empty is one empty piece, absent is none */
    assert_false(str_next(&s, ',', &piece));
}

static void test_lists(void **state)
{
    static const char *const names[] = {"a", "b", NULL};
    struct arena arena;

    (void)state;
    assert_true(str_is_one_of(STR("b"), names));
    assert_false(str_is_one_of(STR("c"), names));
    assert_false(str_is_one_of((struct str){0}, names));
    assert_false(str_is_one_of(STR("a"), NULL));

    arena_init(&arena, 1 << 16);
    struct strs s = str_split(&arena, STR("a, bc\t,,d"), ',');
    assert_int_equal(s.n, 3);
    assert_true(str_eqc(s.v[0], "a") && str_eqc(s.v[1], "bc") && str_eqc(s.v[2], "d"));
    assert_int_equal(str_split(&arena, STR("a,b,c"), ',').n, 3); /* as many as there is room for */
    assert_int_equal(str_split(&arena, STR("a,b"), ';').n, 1);
    assert_int_equal(str_split(&arena, STR(""), ',').n, 0);
    assert_int_equal(str_split(&arena, STR(" , "), ',').n, 0);
    assert_int_equal(str_split(&arena, (struct str){0}, ',').n, 0);
    arena_done(&arena);

    assert_true(str_list_has(STR("a, bc,d"), ',', STR("bc")));
    assert_false(str_list_has(STR("a,bc,d"), ',', STR("b")));
    assert_false(str_list_has(STR(""), ',', STR("")));
    assert_false(str_list_has(STR("a,,b"), ',', (struct str){0}));
}

static void test_alnum(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++)
        assert_int_equal(char_is_alnum((char)c),
                         c != '\0' &&
                             strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c) != NULL);
}

static void test_visible(void **state)
{
    (void)state;
    assert_true(str_is_visible(STR("")));
    assert_true(str_is_visible((struct str){0}));
    for (int c = 0; c < 256; c++) {
        const char text[] = {'!', (char)c, '~'};
        assert_int_equal(str_is_visible(str_of(text, sizeof text)), c >= 0x21 && c <= 0x7e);
    }
}

static void test_hex_value(void **state)
{
    (void)state;
    assert_int_equal(str_hex_value('0'), 0);
    assert_int_equal(str_hex_value('9'), 9);
    assert_int_equal(str_hex_value('a'), 10);
    assert_int_equal(str_hex_value('F'), 15);
    for (int c = 0; c < 256; c++)
        if (c == '\0' || strchr("0123456789abcdefABCDEF", c) == NULL)
            assert_int_equal(str_hex_value((char)c), -1);
}

static void test_to_i64(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1a", "0x1", "9223372036854775808", "99999999999999999999"};
    int64_t v = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_to_i64(str_from(bad[i]), &v));
    assert_int_equal(v, 5);
    assert_true(str_to_i64(STR("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(str_to_i64(STR("007"), &v));
    assert_int_equal(v, 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eq),      cmocka_unit_test(test_ends),      cmocka_unit_test(test_cut),
        cmocka_unit_test(test_next),    cmocka_unit_test(test_lists),     cmocka_unit_test(test_alnum),
        cmocka_unit_test(test_visible), cmocka_unit_test(test_hex_value), cmocka_unit_test(test_to_i64)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
