#include "json/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/buf.h"
#include "leftovers.h"

/* What the text becomes when json-c writes it again, into *out when it is not NULL. */
static enum err parse_into(struct str text, bool lenient, struct buf *out)
{
    _cleanup_(arena_done) struct arena arena;
    _cleanup_(parse_freep) struct json_object *tree = NULL;

    arena_init(&arena, 1 << 20);
    enum err e = parse_object(&arena, text, lenient, &tree);
    assert_true((e == OK) == (tree != NULL));
    if (e == OK && out != NULL)
        buf_puts(out, json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    return e;
}

/* One value, in an object. */
static enum err parse(const char *value)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(30000);

    buf_printf(&b, "{\"v\":%s}", value);
    return parse_into(buf_str(&b), false, NULL);
}

static void becomes(const char *text, bool lenient, const char *want)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1000);

    assert_int_equal(parse_into(str_from(text), lenient, &b), OK);
    assert_string_equal(b.p, want);
}

static void test_numbers(void **state)
{
    static const char *const good[] = {"0",   "-0",   "10",       "1.5",  "0.0",
                                       "1e5", "1E+5", "-1.25e-7", "0e00", "123456789012345678901234567890"};
    static const char *const bad[] = {"01",  "-",   "+1",       "1.",        ".5", "1e",  "1e+",  "0x10", "-01",
                                      "-.1", "NaN", "Infinity", "-Infinity", "1-", "--1", "nulL", "True", "1e5.5"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(parse(good[i]), OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(parse(bad[i]), ERR_BAD_JSON);
}

static void test_numbers_keep_their_text(void **state)
{
    (void)state;
    becomes("{\"1\":-2.50e3,\"\\\"4\":[1, true,99999999999999999999 ,0\n,-0.0,1E400]}", false,
            "{\"1\":-2.50e3,\"\\\"4\":[1,true,99999999999999999999,0,-0.0,1E400]}");
}

static void test_strings(void **state)
{
    (void)state;
    assert_int_equal(parse("\"a\\n\\u00e9\\\\\\\"\""), OK);
    assert_int_equal(parse("\"a"), ERR_BAD_JSON);
    assert_int_equal(parse("\"a\\"), ERR_BAD_JSON);
    assert_int_equal(parse("\"\\x41\""), ERR_BAD_JSON);
    assert_int_equal(parse("\"\\u12g4\""), ERR_BAD_JSON);
    assert_int_equal(parse("\"\\u12"), ERR_BAD_JSON);
    assert_int_equal(parse("\"a\nb\""), ERR_BAD_JSON);
    assert_int_equal(parse("\"\x1f\""), ERR_BAD_JSON);
    assert_int_equal(parse("\"\x7f\""), OK);
    assert_int_equal(parse("\"\xc3\xa9\""), OK);
    assert_int_equal(parse("\"\xc3\""), ERR_BAD_UTF8);
    assert_int_equal(parse("'a'"), ERR_BAD_JSON);
    assert_int_equal(parse("/* a */"), ERR_BAD_JSON);
}

static void test_escapes(void **state)
{
    (void)state;
    becomes("{\"\\u0061\\\"\":\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001F\\u00e9\\u20AC\\ud83d\\ude00.\"}", false,
            "{\"a\\\"\":\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.\"}");
}

static void test_surrogates(void **state)
{
    (void)state;
    assert_int_equal(parse("\"\\ud83d\\ude00\""), OK);
    assert_int_equal(parse("\"\\ud83d\""), ERR_BAD_UTF8);
    assert_int_equal(parse("\"\\ud83dx\""), ERR_BAD_UTF8);
    assert_int_equal(parse("\"\\ud83d\\u0041\""), ERR_BAD_UTF8);
    assert_int_equal(parse("\"\\ude00\""), ERR_BAD_UTF8);
    becomes("{\"\\udfff\":\"\\ud83d\\ud83d\\ude00\\ud800\\u0041\\ud800\\n\"}", true,
            "{\"\xef\xbf\xbd\":\"\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd"
            "A\xef\xbf\xbd\\n\"}");
    assert_int_equal(parse_into(STR("{\"a\":\"\\ud83d\\u12g4\"}"), true, NULL), ERR_BAD_JSON);
}

static void test_nul(void **state)
{
    (void)state;
    assert_int_equal(parse("\"\\u0000\""), OK);
    assert_int_equal(parse("{\"a\\u0000\":1}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\\u0000\" \n :1}"), ERR_BAD_JSON);
    assert_int_equal(parse_into(STR("{}\0"), false, NULL), ERR_BAD_JSON);
    assert_int_equal(parse_into(STR("{\"a\":\"\0\"}"), false, NULL), ERR_BAD_JSON);
    assert_int_equal(parse_into(STR("{\"a\0\":1}"), false, NULL), ERR_BAD_JSON);
    assert_int_equal(parse_into(STR("{\"a\":\0 1}"), false, NULL), ERR_BAD_JSON);
}

/* A text that ends anywhere is refused, and nothing past its end is looked at (the sanitizer would say so). */
static void test_heads(void **state)
{
    struct str text = STR("{\"a\\u00e9\":[-1.5e+3,\"\\ud83d\\ude00\\n\",true,null,{\"b\":false}]}");

    (void)state;
    assert_int_equal(parse_into(text, false, NULL), OK);
    for (size_t n = 0; n < text.n; n++)
        assert_int_not_equal(parse_into(str_head(text, n), false, NULL), OK);
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(parse("[[[[[[[1]]]]]]]"), OK);
    assert_int_equal(parse("[[[[[[[[]]]]]]]]"), ERR_JSON_TOO_DEEP);
    assert_int_equal(parse("{\"a\":[[[[[[{}]]]]]]}"), ERR_JSON_TOO_DEEP);
    assert_int_equal(parse("[[[[[[[],[]]]]]]]"), OK);
    assert_int_equal(parse("\"[[[[[[[[[[[[\""), OK);
    assert_int_equal(parse("]"), ERR_BAD_JSON);
}

/* A provider's answer of that depth is usual. */
static void test_lenient_limits(void **state)
{
    (void)state;
    for (int n = 31; n <= 32; n++) { /* and the object around them */
        _cleanup_(buf_done) struct buf b = BUF_MAX(200);
        buf_puts(&b, "{\"a\":");
        for (int i = 0; i < n; i++)
            buf_putc(&b, '[');
        for (int i = 0; i < n; i++)
            buf_putc(&b, ']');
        buf_putc(&b, '}');
        assert_int_equal(parse_into(buf_str(&b), true, NULL), n == 31 ? OK : ERR_JSON_TOO_DEEP);
    }
    for (int n = 8191; n <= 8192; n++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(80000);
        buf_puts(&b, "{\"a\":[");
        for (int i = 2; i <= n; i++)
            buf_puts(&b, i == 2 ? "[]" : ",{}");
        buf_puts(&b, "]}");
        assert_int_equal(parse_into(buf_str(&b), true, NULL), n == 8191 ? OK : ERR_BAD_JSON);
    }
}

static void test_containers(void **state)
{
    (void)state;
    for (int n = 4095; n <= 4096; n++) { /* and the object around them */
        _cleanup_(buf_done) struct buf b = BUF_MAX(20000);
        buf_puts(&b, "[");
        for (int i = 1; i < n; i++)
            buf_puts(&b, i == 1 ? "[]" : ",{}");
        buf_puts(&b, "]");
        assert_int_equal(parse(b.p), n == 4095 ? OK : ERR_BAD_JSON);
    }
}

static void test_keys(void **state)
{
    (void)state;
    becomes(" { \"a\" : 1 , \"b:\" : { \"c\" : [ { \"a\" : 2 } , { \"a\" : [ ] } ] } , \"\" : \"\" } ", false,
            "{\"a\":1,\"b:\":{\"c\":[{\"a\":2},{\"a\":[]}]},\"\":\"\"}");
    assert_int_equal(parse("{\"a\":1,\"b\":2,\"a\":1}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\":null,\"\\u0061\":null}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\"}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\":}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\":1,}"), ERR_BAD_JSON);
    assert_int_equal(parse("{\"a\":1]"), ERR_BAD_JSON);
    assert_int_equal(parse("{1:1}"), ERR_BAD_JSON);
}

/* Of several faults the first is told, except that text which is not UTF-8 is not looked at any further. */
static void test_first_fault(void **state)
{
    (void)state;
    assert_int_equal(parse("[1 2,[[[[[[[[[]]]]]]]]]"), ERR_BAD_JSON);
    assert_int_equal(parse("[[[[[[[[[]]]]]]]],1 2]"), ERR_JSON_TOO_DEEP);
    assert_int_equal(parse("[\"\\ud83d\",1 2]"), ERR_BAD_UTF8);
    assert_int_equal(parse("[1 2,\"\xff\"]"), ERR_BAD_UTF8);
}

/* Neither of what was read nor of what was refused half-way. */
static void test_nothing_is_left_of_strings(void **state)
{
    static const char *const ends[] = {"\"}", "\"", "\",1}", "\",\"x\":[{\"y\":\"z\"}]}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct buf b = BUF_MAX(1000);
        struct arena arena;
        struct json_object *tree = NULL;

        arena_init(&arena, 1 << 20);
        buf_puts(&b, "{\"v\":\"");
        leftovers_put(&b, 1);
        buf_puts(&b, ends[i]);
        enum err e = parse_object(&arena, buf_str(&b), false, &tree);
        assert_int_equal(e == OK, i == 0 || i == 3);
        assert_true(leftovers_of(1) >= 2); /* at least here and in the arena */
        parse_freep(&tree);
        buf_done(&b);
        arena_done(&arena);
        assert_int_equal(leftovers_of(1), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                              cmocka_unit_test(test_numbers_keep_their_text),
                                              cmocka_unit_test(test_strings),
                                              cmocka_unit_test(test_escapes),
                                              cmocka_unit_test(test_surrogates),
                                              cmocka_unit_test(test_nul),
                                              cmocka_unit_test(test_heads),
                                              cmocka_unit_test(test_depth),
                                              cmocka_unit_test(test_containers),
                                              cmocka_unit_test(test_keys),
                                              cmocka_unit_test(test_lenient_limits),
                                              cmocka_unit_test(test_first_fault),
                                              cmocka_unit_test(test_nothing_is_left_of_strings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
