#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void is_put_as(struct str text, const char *field)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1000);

    csv_put_text(&b, text);
    assert_string_equal(b.p, field);
}

static void test_text_stands_in_quotes(void **state)
{
    (void)state;
    is_put_as(STR(""), "\"\"");
    is_put_as((struct str){0}, "\"\"");
    is_put_as(STR("a,b\r\nc"), "\"a,b\r\nc\"");
    is_put_as(STR("\""), "\"\"\"\"");
    is_put_as(STR("say \"this\""), "\"say \"\"this\"\"\"");
}

static void test_a_formula_is_none(void **state)
{
    static const char *const begins[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "   @"};
    char text[20], field[30];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        (void)snprintf(text, sizeof text, "%s1+1", begins[i]);
        (void)snprintf(field, sizeof field, "\"'%s1+1\"", begins[i]);
        is_put_as(str_from(text), field);
    }
    is_put_as(STR("1=1"), "\"1=1\"");
    is_put_as(STR("'=1"), "\"'=1\"");
    is_put_as(STR("\"=1"), "\"\"\"=1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_stands_in_quotes),
        cmocka_unit_test(test_a_formula_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
