#include "model/privacy/export_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct db_value number(int64_t i)
{
    return (struct db_value){.type = DB_VALUE_NUMBER, .i = i};
}

static struct db_value text(struct str s)
{
    return (struct db_value){.type = DB_VALUE_TEXT, .s = s};
}

static struct db_value bytes(struct str s)
{
    return (struct db_value){.type = DB_VALUE_BYTES, .s = s};
}

static void is_shown(struct db_value v, enum export_form form, const char *json, const char *csv)
{
    _cleanup_(buf_done) struct buf j = BUF_MAX(1000), c = BUF_MAX(1000);

    export_put_json(&j, &v, form);
    export_put_csv(&c, &v, form);
    buf_puts(&c, "");
    assert_string_equal(j.p, json);
    assert_string_equal(c.p == NULL ? "" : c.p, csv);
}

#define ID "\x01\x93\x6d\x2f\x00\x11\x72\x33\x84\x55\x66\x77\x88\x99\xaa\xbb"

static void test_each_form(void **state)
{
    (void)state;
    is_shown((struct db_value){.type = DB_VALUE_NULL}, EXPORT_TIME, "null", "");
    is_shown((struct db_value){.type = DB_VALUE_NULL}, EXPORT_UUIDS, "[]", "");
    is_shown(number(0), EXPORT_DATA, "0", "0");
    is_shown(number(-7), EXPORT_DATA, "-7", "-7");
    is_shown(number(1), EXPORT_FLAG, "true", "true");
    is_shown(number(0), EXPORT_FLAG, "false", "false");
    is_shown(number(INT64_C(1764255600000001)), EXPORT_TIME, "\"2025-11-27T15:00:00.000001Z\"",
             "2025-11-27T15:00:00.000001Z");
    is_shown(number(20419), EXPORT_DAY, "\"2025-11-27\"", "2025-11-27");
    is_shown(number(55 * 12 + 10), EXPORT_MONTH, "\"2025-11\"", "2025-11");
    is_shown(bytes(STR(ID)), EXPORT_DATA, "\"01936d2f-0011-7233-8455-66778899aabb\"",
             "01936d2f-0011-7233-8455-66778899aabb");
    is_shown(bytes(STR("\x00\xff\x10")), EXPORT_DATA, "\"00ff10\"", "00ff10");
    is_shown(text(STR("a,b")), EXPORT_LIST, "[\"a\",\"b\"]", "\"a,b\"");
    is_shown(text(STR("")), EXPORT_LIST, "[]", "\"\"");
    is_shown(text(STR("01936D2F00117233845566778899AABB,01936D2F00117233845566778899AABB")), EXPORT_UUIDS,
             "[\"01936d2f-0011-7233-8455-66778899aabb\",\"01936d2f-0011-7233-8455-66778899aabb\"]",
             "\"01936d2f-0011-7233-8455-66778899aabb,01936d2f-0011-7233-8455-66778899aabb\"");
}

static void test_texts_of_users(void **state)
{
    (void)state;
    is_shown(text(STR("say \"x\"\r\n../..")), EXPORT_DATA, "\"say \\\"x\\\"\\r\\n../..\"",
             "\"say \"\"x\"\"\r\n../..\"");
    is_shown(text(STR("=1+1")), EXPORT_DATA, "\"=1+1\"", "\"'=1+1\"");
    is_shown(text(STR("\u202eright to left")), EXPORT_DATA, "\"\u202eright to left\"", "\"\u202eright to left\"");
}

/* An answer or a payload that is no object would make the whole file unreadable. */
static void test_json_that_is_none_is_a_text(void **state)
{
    (void)state;
    is_shown(text(STR("{\"a\":[1,{}]}")), EXPORT_JSON, "{\"a\":[1,{}]}", "\"{\"\"a\"\":[1,{}]}\"");
    is_shown(bytes(STR("{}")), EXPORT_JSON, "{}", "\"{}\"");
    is_shown(text(STR("{\"a\":")), EXPORT_JSON, "\"{\\\"a\\\":\"", "\"{\"\"a\"\":\"");
    is_shown(text(STR("1} , {")), EXPORT_JSON, "\"1} , {\"", "\"1} , {\"");
}

static void test_keys_are_compared(void **state)
{
    const struct db_value a[] = {bytes(STR(ID)), number(1)}, b[] = {bytes(STR(ID)), number(2)};

    (void)state;
    assert_true(export_is_of(a, b, 1));
    assert_false(export_is_of(a, b, 2));
    assert_true(export_is_of(a, a, 2));
    assert_false(export_is_of(&(struct db_value){.type = DB_VALUE_NULL}, a, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form),
        cmocka_unit_test(test_texts_of_users),
        cmocka_unit_test(test_json_that_is_none_is_a_text),
        cmocka_unit_test(test_keys_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
