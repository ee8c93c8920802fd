#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"

struct option {
    struct str title;
    int64_t index;
};

struct input {
    bool padding; /* so that no given flag stands at offset 0 */
    bool flag, flag_given, option_given, name_given, note_given;
    struct str name, raw, note;
    int64_t days, free, at_us;
    struct uuid id;
    int colour;
    struct option option;
    struct json_array options;
    struct strs tags;
    int64_t set;
    struct uuids ids;
};

static enum err no_b(const void *value)
{
    const struct str *s = value;

    return memchr(s->p, 'b', s->n) == NULL ? OK : ERR_FIELD_CHARACTERS;
}

static const char *const colours[] = {"red", "green", NULL};

static const struct json_field option_fields[] = {{.name = "title", JSON_STR(struct option, title), .max = 5},
                                                  {.name = "index", JSON_I64(struct option, index)},
                                                  JSON_END};

static const struct json_field fields[] = {
    {.name = "name",
     JSON_STR(struct input, name),
     JSON_GIVEN(struct input, name_given),
     .nullable = true,
     .min = 2,
     .max = 5,
     .check = no_b},
    {.name = "days", JSON_I64(struct input, days), .min = -2, .max = 365},
    {.name = "free", JSON_I64(struct input, free)},
    {.name = "flag", JSON_BOOL(struct input, flag), JSON_GIVEN(struct input, flag_given)},
    {.name = "id", JSON_UUID(struct input, id)},
    {.name = "at", JSON_TIME(struct input, at_us)},
    {.name = "colour", JSON_ENUM(struct input, colour, colours)},
    {.name = "option", JSON_OBJECT(struct input, option, option_fields), JSON_GIVEN(struct input, option_given)},
    {.name = "options", JSON_ARRAY(struct input, options, struct option, option_fields), .max = 3},
    {.name = "tags", JSON_STRS(struct input, tags), .min = 1, .max = 2},
    {.name = "set", JSON_SET(struct input, set, colours), .min = 1, .max = 4},
    {.name = "ids", JSON_UUIDS(struct input, ids)},
    {.name = "raw", JSON_RAW(struct input, raw)},
    {.name = "note", JSON_STR(struct input, note), JSON_GIVEN(struct input, note_given), .clears = true},
    JSON_END};

static const struct json_field required_fields[] = {
    {.name = "name", JSON_STR(struct input, name), .required = true, .nullable = true}, JSON_END};

struct fixture {
    struct arena arena;
    struct input in;
    struct problems problems;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    arena_init(&f.arena, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->arena);
    return 0;
}

static enum err bind_str(struct fixture *f, struct str text)
{
    f->in = (struct input){0};
    f->problems = (struct problems){0};
    return json_bind(&f->arena, text, fields, &f->in, NULL, &f->problems);
}

static enum err bind(struct fixture *f, const char *text)
{
    return bind_str(f, str_from(text));
}

/* The text has exactly one problem: this one. */
static void one(struct fixture *f, const char *text, enum err code, const char *param)
{
    assert_int_equal(bind(f, text), ERR_VALIDATION);
    assert_int_equal(f->problems.n, 1);
    assert_string_equal(err_slug(f->problems.v[0].code), err_slug(code));
    assert_string_equal(f->problems.v[0].param.p, param);
}

static void test_all_types(void **state)
{
    struct fixture *f = *state;
    const struct option *options;

    assert_int_equal(
        bind(f, " {\"name\":\"acd\",\"days\":-2,\"flag\":true,\"id\":\"019AAA00-0000-7000-8000-00000000000A\","
                "\"at\":\"1970-01-01T01:00:01+01:00\",\"colour\":\"green\",\"option\":{\"title\":\"t\"},"
                "\"options\":[{\"index\":7},{}],\"tags\":[\"\\u00e9\",\"\"],\"set\":[\"green\"],"
                "\"ids\":[\"019aaa00-0000-7000-8000-00000000000b\"],\"raw\":[1.50,{\"x\":\"/\"}]}\r\n\t "),
        OK);
    assert_string_equal(f->in.name.p, "acd");
    assert_int_equal(f->in.days, -2);
    assert_true(f->in.flag && f->in.flag_given && f->in.option_given && f->in.name_given);
    assert_string_equal(uuid_text(&f->in.id).s, "019aaa00-0000-7000-8000-00000000000a");
    assert_int_equal(f->in.at_us, US_PER_SEC);
    assert_int_equal(f->in.colour, 1);
    assert_string_equal(f->in.option.title.p, "t");
    assert_int_equal(f->in.options.n, 2);
    options = f->in.options.v;
    assert_int_equal(options[0].index, 7);
    assert_null(options[1].title.p);
    assert_int_equal(f->in.tags.n, 2);
    assert_true(str_eq(f->in.tags.v[0], STR("\xc3\xa9")));
    assert_non_null(f->in.tags.v[1].p);
    assert_int_equal(f->in.set, 2);
    assert_int_equal(f->in.ids.n, 1);
    assert_string_equal(f->in.raw.p, "[1.50,{\"x\":\"/\"}]");
}

static void test_missing_keeps_default(void **state)
{
    struct fixture *f = *state;

    f->in.days = 30;
    assert_int_equal(json_bind(&f->arena, STR("{}"), fields, &f->in, NULL, &f->problems), OK);
    assert_int_equal(f->in.days, 30);
    assert_false(f->in.flag_given || f->in.option_given);
    assert_null(f->in.name.p);
}

static void test_not_json(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[]",
                                      "\"a\"",
                                      "1",
                                      "null",
                                      "{}{}",
                                      "{} x",
                                      "{}]",
                                      "{\"days\":1,}",
                                      "{\"days\" 1}",
                                      "{\"days\":}",
                                      "{,}",
                                      "{days:1}",
                                      "{\"days\":1 \"free\":1}",
                                      "{\"days\":NaN}",
                                      "{\"days\":01}",
                                      "{\"tags\":[\"a\",]}",
                                      "{\"tags\":[\"a\" \"b\"]}",
                                      "{\"tags\":[\"a\"}",
                                      "{\"days\":1}//",
                                      "{\"days\":truefalse}",
                                      "{\"raw\":[1 2]}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (bind(f, bad[i]) != ERR_BAD_JSON)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(bind_str(f, STR("{}\0")), ERR_BAD_JSON);
    assert_int_equal(bind_str(f, STR("{\"days\0\":1}")), ERR_BAD_JSON);
    assert_int_equal(bind(f, "\xef\xbb\xbf{}"), ERR_BAD_JSON);
    assert_int_equal(bind(f, "{\"name\":\"\xff\"}"), ERR_BAD_UTF8);
    assert_int_equal(bind(f, "{\"name\":\"\\udc00\"}"), ERR_BAD_UTF8);
    assert_int_equal(bind(f, "{\"raw\":[[[[[[[1]]]]]]]}"), OK);
    assert_int_equal(bind(f, "{\"raw\":[[[[[[[[]]]]]]]]}"), ERR_JSON_TOO_DEEP);
}

static void test_duplicates(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bind(f, "{\"days\":1,\"days\":1}"), ERR_BAD_JSON);
    assert_int_equal(bind(f, "{\"days\":1,\"d\\u0061ys\":2}"), ERR_BAD_JSON);
    assert_int_equal(bind(f, "{\"raw\":[{\"a\":{\"b\":1},\"a\":1}]}"), ERR_BAD_JSON);
    assert_int_equal(bind(f, "{\"raw\":[{\"a\":1},{\"a\":1}]}"), OK);
}

static void test_str(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bind(f, "{\"name\":\"ac\"}"), OK);
    assert_int_equal(bind(f, "{\"name\":\"aaaaa\"}"), OK);
    one(f, "{\"name\":\"a\"}", ERR_FIELD_TOO_SHORT, "name");
    one(f, "{\"name\":\"aaaaaa\"}", ERR_FIELD_TOO_LONG, "name");
    one(f, "{\"name\":\"abc b\"}", ERR_FIELD_CHARACTERS, "name");
    one(f, "{\"name\":12}", ERR_FIELD_TYPE, "name");
    assert_int_equal(bind(f, "{\"name\":\"a\\u0000c\"}"), OK);
    assert_int_equal(f->in.name.n, 3);
    assert_memory_equal(f->in.name.p, "a\0c", 3);
}

static void test_numbers(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bind(f, "{\"days\":365,\"free\":9223372036854775807}"), OK);
    assert_true(f->in.free == INT64_MAX);
    assert_int_equal(bind(f, "{\"free\":-9223372036854775808}"), OK);
    assert_true(f->in.free == INT64_MIN);
    one(f, "{\"free\":9223372036854775808}", ERR_FIELD_RANGE, "free");
    one(f, "{\"free\":-9223372036854775809}", ERR_FIELD_RANGE, "free");
    one(f, "{\"free\":99999999999999999999999999}", ERR_FIELD_RANGE, "free");
    one(f, "{\"days\":366}", ERR_FIELD_RANGE, "days");
    one(f, "{\"days\":-3}", ERR_FIELD_RANGE, "days");
    one(f, "{\"days\":1.0}", ERR_FIELD_TYPE, "days");
    one(f, "{\"days\":1e2}", ERR_FIELD_TYPE, "days");
    one(f, "{\"days\":\"1\"}", ERR_FIELD_TYPE, "days");
    one(f, "{\"days\":true}", ERR_FIELD_TYPE, "days");
    one(f, "{\"flag\":1}", ERR_FIELD_TYPE, "flag");
}

static void test_values(void **state)
{
    struct fixture *f = *state;

    one(f, "{\"id\":\"019aaa00\"}", ERR_FIELD_VALUE, "id");
    one(f, "{\"id\":1}", ERR_FIELD_TYPE, "id");
    one(f, "{\"at\":\"2026-01-01T00:00:00\"}", ERR_FIELD_VALUE, "at");
    one(f, "{\"at\":1}", ERR_FIELD_TYPE, "at");
    one(f, "{\"at\":\"9999-12-31T23:59:59-00:01\"}", ERR_FIELD_VALUE, "at");
    assert_int_equal(bind(f, "{\"at\":\"9999-12-31T23:59:59.999999Z\"}"), OK);
    one(f, "{\"colour\":\"Red\"}", ERR_FIELD_VALUE, "colour");
    one(f, "{\"colour\":0}", ERR_FIELD_TYPE, "colour");
    one(f, "{\"option\":[]}", ERR_FIELD_TYPE, "option");
    one(f, "{\"tags\":{}}", ERR_FIELD_TYPE, "tags");
}

static void test_null(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bind(f, "{\"name\":null}"), OK);
    assert_false(f->in.name_given);
    one(f, "{\"days\":null}", ERR_FIELD_TYPE, "days");
    one(f, "{\"tags\":[null]}", ERR_FIELD_TYPE, "tags[0]");
    assert_int_equal(bind(f, "{\"raw\":null}"), OK);
    assert_string_equal(f->in.raw.p, "null");
    assert_int_equal(bind(f, "{\"note\":null}"), OK);
    assert_true(f->in.note_given && f->in.note.p == NULL);
    assert_int_equal(bind(f, "{\"note\":\"x\"}"), OK);
    assert_true(f->in.note_given && f->in.note.n == 1);
    assert_int_equal(bind(f, "{}"), OK);
    assert_false(f->in.note_given);
}

static void test_required(void **state)
{
    static const char *const bad[] = {"{}", "{\"name\":null}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        f->problems.n = 0;
        assert_int_equal(json_bind(&f->arena, str_from(bad[i]), required_fields, &f->in, "post", &f->problems),
                         ERR_VALIDATION);
        assert_int_equal(f->problems.n, 1);
        assert_int_equal(f->problems.v[0].code, ERR_FIELD_REQUIRED);
        assert_string_equal(f->problems.v[0].param.p, "post.name");
    }
    f->problems.n = 0;
    assert_int_equal(json_bind(&f->arena, STR("{\"name\":\"\"}"), required_fields, &f->in, NULL, &f->problems), OK);
}

static void test_arrays(void **state)
{
    struct fixture *f = *state;
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    one(f, "{\"tags\":[]}", ERR_FIELD_TOO_SHORT, "tags");
    one(f, "{\"tags\":[\"a\",\"b\",\"c\"]}", ERR_FIELD_TOO_LONG, "tags");
    one(f, "{\"tags\":[\"a\",2]}", ERR_FIELD_TYPE, "tags[1]");
    one(f, "{\"set\":\"red\"}", ERR_FIELD_TYPE, "set");
    one(f, "{\"set\":[]}", ERR_FIELD_TOO_SHORT, "set");
    one(f, "{\"set\":[\"red\",\"red\",\"red\",\"red\",\"red\"]}", ERR_FIELD_TOO_LONG, "set");
    one(f, "{\"set\":[\"red\",\"Red\"]}", ERR_FIELD_VALUE, "set[1]");
    one(f, "{\"set\":[\"red\",null]}", ERR_FIELD_TYPE, "set[1]");
    one(f, "{\"set\":[\"green\",\"red\",\"green\"]}", ERR_FIELD_REPEATED, "set[2]");
    one(f, "{\"ids\":[\"x\"]}", ERR_FIELD_VALUE, "ids[0]");
    one(f, "{\"options\":[{},{\"title\":\"123456\"}]}", ERR_FIELD_TOO_LONG, "options[1].title");
    one(f, "{\"options\":[1]}", ERR_FIELD_TYPE, "options[0]");
    assert_int_equal(bind(f, "{\"options\":[{},{},{}]}"), OK);
    one(f, "{\"options\":[{},{},{},{}]}", ERR_FIELD_TOO_LONG, "options");
    for (int n = 1000; n <= 1001; n++) {
        buf_clear(&b);
        buf_puts(&b, "{\"ids\":[");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s\"019aaa00-0000-7000-8000-00000000000b\"", i == 0 ? "" : ",");
        buf_puts(&b, "]}");
        assert_int_equal(bind_str(f, buf_str(&b)), n == 1000 ? OK : ERR_VALIDATION);
    }
    assert_int_equal(f->problems.v[0].code, ERR_FIELD_TOO_LONG);
}

static void test_all_problems_at_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(bind(f, "{\"nope\":1,\"name\":\"x\",\"option\":{\"what\":2,\"index\":\"3\"}}"), ERR_VALIDATION);
    assert_int_equal(f->problems.n, 4);
    assert_string_equal(f->problems.v[0].param.p, "name");
    assert_string_equal(f->problems.v[1].param.p, "option.index");
    assert_string_equal(f->problems.v[2].param.p, "option.what");
    assert_int_equal(f->problems.v[2].code, ERR_FIELD_UNKNOWN);
    assert_string_equal(f->problems.v[3].param.p, "nope");
}

/* Each says what the field should have been. */
static void test_sentences(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"{\"name\":5}", "This must be a string."},
        {"{\"name\":\"x\"}", "This must have at least 2 bytes of UTF-8."},
        {"{\"name\":\"xxxxxx\"}", "This must have at most 5 bytes of UTF-8."},
        {"{\"name\":\"abc\"}", NULL},
        {"{\"days\":\"1\"}", "This must be a whole number."},
        {"{\"days\":366}", "This must be from -2 to 365."},
        {"{\"free\":9223372036854775808}", NULL},
        {"{\"flag\":null}", "This must be true or false, without quotes."},
        {"{\"id\":\"x\"}", "This is not an id. An id looks like 01900000-0000-7000-8000-000000000000."},
        {"{\"colour\":\"pink\"}", "This must be one of red, green."},
        {"{\"option\":[]}", "This must be an object."},
        {"{\"option\":{\"x\":1}}", "There is no such field. Allowed fields: title, index."},
        {"{\"tags\":[]}", "This must not be empty."},
        {"{\"tags\":[\"a\",\"b\",\"c\"]}", "This must have at most 2 elements."},
        {"{\"tags\":[1]}", "This must be a string."},
        {"{\"set\":[\"x\"]}", "This must be one of red, green."},
        {"{\"set\":[\"red\",\"red\"]}", "This is in the list already."},
        {"{\"ids\":[true]}", "This must be an id, as a string."},
        {"{\"options\":[1]}", "This must be an object."},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *f = *state;
        f->problems.n = 0;
        assert_int_equal(bind(f, rows[i].text), ERR_VALIDATION);
        assert_int_equal(f->problems.n, 1);
        if (rows[i].sentence == NULL)
            assert_null(f->problems.v[0].message.p);
        else
            assert_string_equal(f->problems.v[0].message.p, rows[i].sentence);
    }
}

static void test_long_key_is_cut(void **state)
{
    struct fixture *f = *state;
    char text[400];

    /* 99 letters, then two bytes of which the 100th would be half */
    (void)snprintf(text, sizeof text, "{\"%099d\xc3\xa9%0100d\":1}", 0, 0);
    assert_int_equal(bind(f, text), ERR_VALIDATION);
    assert_int_equal(f->problems.v[0].param.n, 99);
}

static void test_read(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(json_read(&f->arena,
                               STR("{\"name\":12345678901234567890123,\"days\":\"x\",\"flag\":true,\"other\":{\"a\":1},"
                                   "\"tags\":[7123456789012345678,18446744073709551615],\"ids\":[\"no\"],"
                                   "\"option\":null,\"raw\":{\"n\":123456789012345678901234567890}}"),
                               fields, &f->in),
                     OK);
    assert_null(f->in.name.p); /* longer than the field takes */
    assert_int_equal(f->in.days, 0);
    assert_true(f->in.flag);
    assert_int_equal(f->in.tags.n, 2);
    assert_string_equal(f->in.tags.v[0].p, "7123456789012345678");
    assert_string_equal(f->in.tags.v[1].p, "18446744073709551615");
    assert_int_equal(f->in.ids.n, 0);
    assert_false(f->in.option_given);
    assert_string_equal(f->in.raw.p, "{\"n\":123456789012345678901234567890}");
    assert_int_equal(json_read(&f->arena, STR("{\"option\":{\"title\":-0.10}}"), fields, &f->in), OK);
    assert_string_equal(f->in.option.title.p, "-0.10");
    assert_int_equal(json_read(&f->arena, STR("{\"name\":\"\\ud83d\"}"), fields, &f->in), OK);
    assert_string_equal(f->in.name.p, "\xef\xbf\xbd");
    assert_int_equal(json_read(&f->arena, STR("[]"), fields, &f->in), ERR_BAD_JSON);
    assert_int_equal(json_read(&f->arena, STR("<html>"), fields, &f->in), ERR_BAD_JSON);
    assert_int_equal(json_read(&f->arena, STR(""), fields, &f->in), ERR_BAD_JSON);
}

struct linked {
    struct str id, customer, note;
    int64_t at;
    bool live;
};
static const struct json_field linked_fields[] = {
    {.name = "id", JSON_STR(struct linked, id), .typed = true, .required = true},
    {.name = "customer", JSON_STR(struct linked, customer), .typed = true, .nullable = true, .expands = true},
    {.name = "note", JSON_STR(struct linked, note), .expands = true},
    {.name = "at", JSON_I64(struct linked, at), .typed = true, .nullable = true, .min = 0, .max = 9},
    {.name = "live", JSON_BOOL(struct linked, live), .typed = true},
    JSON_END,
};

static enum err read_linked(struct fixture *f, const char *text, struct linked *ret)
{
    *ret = (struct linked){0};
    return json_read(&f->arena, str_from(text), linked_fields, ret);
}

static void test_read_typed(void **state)
{
    static const char *const unusable[] = {
        "{\"id\":1}",
        "{\"id\":null}",
        "{}",
        "{\"id\":\"a\",\"customer\":7}",
        "{\"id\":\"a\",\"customer\":[\"b\"]}",
        "{\"id\":\"a\",\"customer\":{}}",
        "{\"id\":\"a\",\"customer\":{\"id\":7}}",
        "{\"id\":\"a\",\"customer\":{\"id\":null}}",
        "{\"id\":\"a\",\"at\":10}",
        "{\"id\":\"a\",\"at\":1.0}",
        "{\"id\":\"a\",\"live\":\"true\"}",
        "{\"id\":\"a\",\"live\":null}",
    };
    struct fixture *f = *state;
    struct linked in;

    assert_int_equal(
        read_linked(f, "{\"id\":\"a\",\"customer\":\"b\",\"note\":[],\"at\":9,\"live\":true,\"x\":[]}", &in), OK);
    assert_string_equal(in.customer.p, "b");
    assert_null(in.note.p); /* not typed: as if it were missing */
    assert_true(in.live && in.at == 9);
    assert_int_equal(
        read_linked(f, "{\"id\":\"a\",\"customer\":{\"x\":1,\"id\":\"c\"},\"note\":{\"id\":\"d\"},\"at\":null}", &in),
        OK);
    assert_string_equal(in.customer.p, "c");
    assert_string_equal(in.note.p, "d");
    assert_int_equal(read_linked(f, "{\"id\":\"a\",\"customer\":null}", &in), OK);
    assert_null(in.customer.p);
    for (size_t i = 0; i < ARRAY_LEN(unusable); i++)
        assert_int_equal(read_linked(f, unusable[i], &in), ERR_VALIDATION);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(test_all_types),
                                              TEST(test_missing_keeps_default),
                                              TEST(test_not_json),
                                              TEST(test_duplicates),
                                              TEST(test_str),
                                              TEST(test_numbers),
                                              TEST(test_values),
                                              TEST(test_null),
                                              TEST(test_required),
                                              TEST(test_arrays),
                                              TEST(test_all_problems_at_once),
                                              TEST(test_sentences),
                                              TEST(test_long_key_is_cut),
                                              TEST(test_read),
                                              TEST(test_read_typed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
