#include "json/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static enum err scan(const char *text)
{
    struct scan s = {0};

    return scan_text(str_from(text), &s);
}

static void test_numbers(void **state)
{
    static const char *const good[] = {"0",   "-0",   "10",       "1.5",
                                       "1e5", "1E+5", "-1.25e-7", "123456789012345678901234567890"};
    static const char *const bad[] = {"01",  "-",        "+1",        "1.", ".5",  "1e",   "1e+",  "0x10",
                                      "NaN", "Infinity", "-Infinity", "1-", "--1", "nulL", "True", "1e5.5"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(scan(good[i]), OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(scan(bad[i]), ERR_BAD_JSON);
}

static void test_strings(void **state)
{
    (void)state;
    assert_int_equal(scan("\"a\\n\\u00e9\\\\\\\"\""), OK);
    assert_int_equal(scan("\"a"), ERR_BAD_JSON);
    assert_int_equal(scan("\"a\\"), ERR_BAD_JSON);
    assert_int_equal(scan("\"\\x41\""), ERR_BAD_JSON);
    assert_int_equal(scan("\"\\u12g4\""), ERR_BAD_JSON);
    assert_int_equal(scan("\"\\u12"), ERR_BAD_JSON);
    assert_int_equal(scan("\"a\nb\""), ERR_BAD_JSON);
    assert_int_equal(scan("\"\x1f\""), ERR_BAD_JSON);
    assert_int_equal(scan("\"\x7f\""), OK);
    assert_int_equal(scan("\"\xc3\xa9\""), OK);
    assert_int_equal(scan("\"\xc3\""), ERR_BAD_UTF8);
    assert_int_equal(scan("'a'"), ERR_BAD_JSON);
    assert_int_equal(scan("/* a */"), ERR_BAD_JSON);
}

static void test_surrogates(void **state)
{
    struct scan lenient = {.lenient = true};

    (void)state;
    assert_int_equal(scan("\"\\ud83d\\ude00\""), OK);
    assert_int_equal(scan("\"\\ud83d\""), ERR_BAD_UTF8);
    assert_int_equal(scan("\"\\ud83dx\""), ERR_BAD_UTF8);
    assert_int_equal(scan("\"\\ud83d\\u0041\""), ERR_BAD_UTF8);
    assert_int_equal(scan("\"\\ude00\""), ERR_BAD_UTF8);
    assert_int_equal(scan_text(STR("\"\\ud83d\""), &lenient), OK);
}

static void test_nul(void **state)
{
    struct scan s = {0};

    (void)state;
    assert_int_equal(scan("{\"a\":\"\\u0000\"}"), OK);
    assert_int_equal(scan("{\"a\\u0000\":1}"), ERR_BAD_JSON);
    assert_int_equal(scan("{\"a\\u0000\" \n :1}"), ERR_BAD_JSON);
    assert_int_equal(scan_text(STR("{}\0"), &s), ERR_BAD_JSON);
    assert_int_equal(scan_text(STR("{\"a\":\"\0\"}"), &s), ERR_BAD_JSON);
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(scan("[[[[[[[[1]]]]]]]]"), OK);
    assert_int_equal(scan("[[[[[[[[[]]]]]]]]]"), ERR_JSON_TOO_DEEP);
    assert_int_equal(scan("[[[[[[[[],[]]]]]]]]"), OK);
    assert_int_equal(scan("\"[[[[[[[[[[[[\""), OK);
    assert_int_equal(scan("]"), ERR_BAD_JSON);
}

static void test_containers(void **state)
{
    (void)state;
    for (int n = 4096; n <= 4097; n++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(20000);
        buf_puts(&b, "[");
        for (int i = 1; i < n; i++)
            buf_puts(&b, i == 1 ? "[]" : ",{}");
        buf_puts(&b, "]");
        assert_int_equal(scan(b.p), n == 4096 ? OK : ERR_BAD_JSON);
    }
}

static void test_members(void **state)
{
    struct scan s = {0};

    (void)state;
    assert_int_equal(scan_text(STR("{\"a\":1,\"b:\":{\"c\":[{\"d\":2}]}}"), &s), OK);
    assert_int_equal(s.members_n, 4);
}

static void test_next_number(void **state)
{
    struct str text = STR("{\"1\":-2.5e3,\"\\\"4\":[true,99999999999999999999,0]}");
    size_t at = 0;

    (void)state;
    assert_true(str_eqc(scan_next_number(text, &at), "-2.5e3"));
    assert_true(str_eqc(scan_next_number(text, &at), "99999999999999999999"));
    assert_true(str_eqc(scan_next_number(text, &at), "0"));
    assert_null(scan_next_number(text, &at).p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),    cmocka_unit_test(test_strings),
                                              cmocka_unit_test(test_surrogates), cmocka_unit_test(test_nul),
                                              cmocka_unit_test(test_depth),      cmocka_unit_test(test_members),
                                              cmocka_unit_test(test_containers), cmocka_unit_test(test_next_number)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
