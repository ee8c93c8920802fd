#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int64_t at_us;
    const char *back;
} good[] = {
    {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000000Z"},
    {"1970-01-01t00:00:00.5z", 500000, "1970-01-01T00:00:00.500000Z"},
    {"1970-01-01 01:00:00+01:00", 0, "1970-01-01T00:00:00.000000Z"},
    {"1969-12-31T23:59:59.999999-00:00", -1, "1969-12-31T23:59:59.999999Z"},
    {"2026-11-22T14:28:19.123456789Z", INT64_C(1795357699123456), "2026-11-22T14:28:19.123456Z"},
    {"2026-11-22T14:28:19.1234567890123456789Z", INT64_C(1795357699123456), "2026-11-22T14:28:19.123456Z"},
    {"2024-02-29T00:00:00-12:30", INT64_C(1709209800000000), "2024-02-29T12:30:00.000000Z"},
    {"0000-01-01T00:00:00Z", INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z"},
    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
};

static void test_parse_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[TIME_TEXT_SIZE];
        int64_t at_us;
        if (!time_parse(str_from(good[i].text), &at_us))
            fail_msg("refused: %s", good[i].text);
        assert_int_equal(at_us, good[i].at_us);
        time_format(at_us, text);
        assert_string_equal(text, good[i].back);
    }
}

static void test_parse_refuses(void **state)
{
    static const char *const bad[] = {"",
                                      "2026-11-22",
                                      "2026-11-22T14:28:19", /* no offset */
                                      "2026-11-22T14:28Z",
                                      "2026-11-22T14:28:19.Z",
                                      "2026-11-22T14:28:19,5Z",
                                      "2026-11-22T14:28:19Z ",
                                      " 2026-11-22T14:28:19Z",
                                      "2026-11-22T14:28:19+0100",
                                      "2026-11-22T14:28:19+24:00",
                                      "2026-11-22T14:28:19+00:60",
                                      "2026-11-22T14:28:19+01",
                                      "2026-11-22X14:28:19Z",
                                      "2026-11-22T24:00:00Z",
                                      "2026-11-22T23:60:00Z",
                                      "2026-11-22T23:59:60Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-02-30T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "2026-00-10T00:00:00Z",
                                      "2026-13-10T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-1-01T00:00:00Z",
                                      "+026-01-01T00:00:00Z",
                                      "1763821699"};
    int64_t at_us = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (time_parse(str_from(bad[i]), &at_us))
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(at_us, 5);
}

static void test_clocks(void **state)
{
    int64_t now = clock_now_us(), mono = clock_mono_us();

    (void)state;
    assert_true(now > INT64_C(1700000000) * US_PER_SEC);
    assert_true(clock_mono_us() >= mono);
}

/* Each by the file of its name alone. */
static void test_clocks_that_tests_move(void **state)
{
    static const int64_t by_us = 3600 * US_PER_SEC, little_us = 600 * US_PER_SEC;
    char dir[] = "/tmp/unit-clock-XXXXXX", path[200];
    int64_t now_us = clock_now_us(), mono_us = clock_mono_us();

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(setenv("MARKETINGCLI_TEST_DIR", dir, 1), 0);
    (void)snprintf(path, sizeof path, "%s/patience", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "%lld", (long long)by_us) > 0);
    assert_int_equal(fclose(f), 0);
    assert_in_range(clock_patience_us() - mono_us, by_us, by_us + little_us);
    assert_true(clock_now_us() - now_us < little_us && clock_mono_us() - mono_us < little_us);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_in_range(clock_patience_us() - mono_us, 0, little_us);
    assert_int_equal(unsetenv("MARKETINGCLI_TEST_DIR"), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse_format), cmocka_unit_test(test_parse_refuses),
                                              cmocka_unit_test(test_clocks),
                                              cmocka_unit_test(test_clocks_that_tests_move)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
