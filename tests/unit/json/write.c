#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct inner {
    int64_t n;
};

struct out {
    struct str name, raw, gone;
    int64_t count, at_us, never_us;
    bool yes, inner_given;
    struct uuid id, none;
    int colour;
    struct inner inner;
    struct json_array list;
    struct strs tags;
    int64_t set;
    struct uuids ids;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct json_field inner_fields[] = {{.name = "n", JSON_I64(struct inner, n)}, JSON_END};
static const struct json_field fields[] = {
    {.name = "name", JSON_STR(struct out, name)},
    {.name = "gone", JSON_STR(struct out, gone)},
    {.name = "count", JSON_I64(struct out, count)},
    {.name = "at", JSON_TIME(struct out, at_us)},
    {.name = "never", JSON_TIME(struct out, never_us)},
    {.name = "yes", JSON_BOOL(struct out, yes)},
    {.name = "id", JSON_UUID(struct out, id)},
    {.name = "none", JSON_UUID(struct out, none)},
    {.name = "colour", JSON_ENUM(struct out, colour, colours)},
    {.name = "inner", JSON_OBJECT(struct out, inner, inner_fields), JSON_GIVEN(struct out, inner_given)},
    {.name = "list", JSON_ARRAY(struct out, list, struct inner, inner_fields)},
    {.name = "tags", JSON_STRS(struct out, tags)},
    {.name = "set", JSON_SET(struct out, set, colours)},
    {.name = "ids", JSON_UUIDS(struct out, ids)},
    {.name = "raw", JSON_RAW(struct out, raw)},
    JSON_END};
static const struct json_field omitting_fields[] = {
    {.name = "gone", JSON_STR(struct out, gone), .omit_empty = true},
    {.name = "never", JSON_TIME(struct out, never_us), .omit_empty = true},
    {.name = "none", JSON_UUID(struct out, none), .omit_empty = true},
    {.name = "inner",
     JSON_OBJECT(struct out, inner, inner_fields),
     JSON_GIVEN(struct out, inner_given),
     .omit_empty = true},
    {.name = "raw", JSON_RAW(struct out, raw), .omit_empty = true},
    {.name = "count", JSON_I64(struct out, count), .omit_empty = true},
    JSON_END};
/* Of any type: null unless it is given. */
static const struct json_field given_fields[] = {
    {.name = "count", JSON_I64(struct out, count), JSON_GIVEN(struct out, inner_given)},
    {.name = "ids", JSON_UUIDS(struct out, ids), JSON_GIVEN(struct out, inner_given)},
    {.name = "at", JSON_TIME(struct out, at_us), JSON_GIVEN(struct out, inner_given)},
    {.name = "tags", JSON_STRS(struct out, tags), JSON_GIVEN(struct out, inner_given), .omit_empty = true},
    JSON_END};

static void test_all_types(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    struct inner list[] = {{1}, {2}};
    struct str tags[] = {STR("a"), STR("\"")};
    struct out out = {
        .name = STR("N"), .raw = STR("{\"x\":1}"), .count = INT64_MIN, .at_us = 1, .yes = true, .colour = 1};

    (void)state;
    out.inner_given = true;
    out.inner.n = -3;
    out.list = (struct json_array){list, 2};
    out.tags = (struct strs){tags, 2};
    out.set = 3;
    assert_true(uuid_parse(STR("019aaa00-0000-7000-8000-00000000000a"), &out.id));
    out.ids = (struct uuids){&out.id, 1};
    json_write(&b, fields, &out);
    assert_string_equal(b.p, "{\"name\":\"N\",\"gone\":null,\"count\":-9223372036854775808,"
                             "\"at\":\"1970-01-01T00:00:00.000001Z\",\"never\":null,\"yes\":true,"
                             "\"id\":\"019aaa00-0000-7000-8000-00000000000a\",\"none\":null,\"colour\":\"green\","
                             "\"inner\":{\"n\":-3},\"list\":[{\"n\":1},{\"n\":2}],\"tags\":[\"a\",\"\\\"\"],"
                             "\"set\":[\"red\",\"green\"],"
                             "\"ids\":[\"019aaa00-0000-7000-8000-00000000000a\"],\"raw\":{\"x\":1}}");
}

static void test_empty(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    struct out out = {0};

    (void)state;
    json_write(&b, fields, &out);
    assert_string_equal(
        b.p, "{\"name\":null,\"gone\":null,\"count\":0,\"at\":null,\"never\":null,\"yes\":false,"
             "\"id\":null,\"none\":null,\"colour\":\"red\",\"inner\":null,\"list\":[],\"tags\":[],\"set\":[],"
             "\"ids\":[],\"raw\":null}");
    buf_clear(&b);
    json_write(&b, omitting_fields, &out);
    assert_string_equal(b.p, "{\"count\":0}");
    out.gone = STR("");
    buf_clear(&b);
    json_write(&b, omitting_fields, &out);
    assert_string_equal(b.p, "{\"gone\":\"\",\"count\":0}");
}

static void test_given(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    struct out out = {.count = 7, .at_us = 1};

    (void)state;
    json_write(&b, given_fields, &out);
    assert_string_equal(b.p, "{\"count\":null,\"ids\":null,\"at\":null}");
    out.inner_given = true;
    buf_clear(&b);
    json_write(&b, given_fields, &out);
    assert_string_equal(b.p, "{\"count\":7,\"ids\":[],\"at\":\"1970-01-01T00:00:00.000001Z\",\"tags\":[]}");
}

static void test_str(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);

    (void)state;
    json_write_str(&b, STR("a\"\\/\b\f\n\r\t\x01\x1f\x7f\0z\xc3\xa9"));
    assert_string_equal(b.p, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000z\xc3\xa9\"");
    buf_clear(&b);
    json_write_str(&b, STR("a\xff"));
    assert_string_equal(b.p, "\"\"");
    buf_clear(&b);
    json_write_str(&b, (struct str){0});
    assert_string_equal(b.p, "\"\"");
}

/* What is written is read as the same. */
static void test_round_trip(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    _cleanup_(arena_done) struct arena arena;
    struct problems problems = {0};
    struct out out = {.name = STR("\0\x01\"\\\xf0\x9f\x98\x80")}, back = {0};

    (void)state;
    arena_init(&arena, 1 << 20);
    json_write(&b, (const struct json_field[]){fields[0], JSON_END}, &out);
    assert_int_equal(json_bind(&arena, buf_str(&b), fields, &back, NULL, &problems), OK);
    assert_int_equal(back.name.n, out.name.n);
    assert_memory_equal(back.name.p, out.name.p, out.name.n);
}

static void test_overflow(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(10);
    struct out out = {0};

    (void)state;
    json_write(&b, fields, &out);
    assert_true(b.overflow);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_types),  cmocka_unit_test(test_empty),
                                              cmocka_unit_test(test_given),      cmocka_unit_test(test_str),
                                              cmocka_unit_test(test_round_trip), cmocka_unit_test(test_overflow)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
