#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_text(void **state)
{
    static const char text[] = "019aaa00-1234-7abc-8def-0123456789ab";
    static const char *const bad[] = {"",
                                      "019aaa00-1234-7abc-8def-0123456789a",
                                      "019aaa00-1234-7abc-8def-0123456789abc",
                                      "019aaa0001234-7abc-8def-0123456789ab",
                                      "019aaa00-1234-7abc-8def-0123456789ag",
                                      "{19aaa00-1234-7abc-8def-0123456789a}",
                                      "019aaa00-1234-7abc-8def_0123456789ab"};
    struct uuid id, upper;

    (void)state;
    assert_true(uuid_parse(str_from(text), &id));
    assert_string_equal(uuid_text(&id).s, text);
    assert_true(uuid_parse(STR("019AAA00-1234-7ABC-8DEF-0123456789AB"), &upper));
    assert_true(uuid_eq(&id, &upper));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(uuid_parse(str_from(bad[i]), &upper));
}

static void test_new(void **state)
{
    struct uuid ids[200];
    int64_t before_ms = clock_now_us() / US_PER_MS, after_ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ids[i] = uuid_new();
        assert_int_equal(ids[i].b[6] >> 4, 7);
        assert_int_equal(ids[i].b[8] >> 6, 2);
        for (size_t k = 0; k < i; k++)
            assert_false(uuid_eq(&ids[i], &ids[k]));
    }
    after_ms = clock_now_us() / US_PER_MS;
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | ids[0].b[i];
    assert_true(ms >= before_ms && ms <= after_ms);
}

/* The clock of tests, which stands in a file. */
static void move_clock(const char *dir, int64_t by_us)
{
    char path[200];

    (void)snprintf(path, sizeof path, "%s/clock", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "%lld", (long long)by_us) > 0);
    assert_int_equal(fclose(f), 0);
}

/* The order in which posts go out. */
static void test_each_is_above_the_one_before(void **state)
{
    static const int64_t moves_us[] = {0, -1, -1000, -US_PER_SEC, -50 * US_PER_SEC, 3 * US_PER_SEC};
    char dir[] = "/tmp/unit-uuid-XXXXXX", path[200];
    struct uuid last = UUID_NONE, id;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(setenv("MARKETINGCLI_TEST_DIR", dir, 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(moves_us); i++) {
        move_clock(dir, moves_us[i]);
        for (int k = 0; k < 10000; k++) { /* more than two milliseconds have ticks */
            id = uuid_new();
            assert_true(uuid_cmp(&last, &id) < 0);
            struct uuid above = uuid_ceiling(uuid_made_us(&last)); /* what a disconnect cancels ends here */
            assert_true(uuid_is_none(&last) || uuid_cmp(&above, &id) <= 0);
            last = id;
        }
    }
    move_clock(dir, -3600 * US_PER_SEC); /* it was wrong before */
    id = uuid_new();
    struct uuid later = uuid_floor(clock_now_us() + US_PER_SEC);
    assert_true(uuid_cmp(&id, &last) < 0 && uuid_cmp(&id, &later) < 0);
    (void)snprintf(path, sizeof path, "%s/clock", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(unsetenv("MARKETINGCLI_TEST_DIR"), 0);
}

static void test_floor(void **state)
{
    int64_t before_us = clock_now_us();
    struct uuid floor = uuid_floor(before_us), later = uuid_floor(before_us + 2 * US_PER_MS + US_PER_SEC),
                id = uuid_new();

    (void)state;
    assert_true(uuid_cmp(&floor, &id) < 0);
    assert_true(uuid_cmp(&floor, &later) < 0);
    id = uuid_floor(0);
    assert_true(uuid_is_none(&id));
}

/* The time of an id, and what is just above all of that time. */
static void test_made_and_ceiling(void **state)
{
    int64_t before_us = clock_now_us();
    struct uuid id = uuid_new();
    int64_t made_us = uuid_made_us(&id);
    struct uuid above = uuid_ceiling(made_us), far = uuid_floor(made_us + 2 * US_PER_MS);

    (void)state;
    assert_true(made_us >= before_us && made_us <= clock_now_us() + 1);
    assert_true(uuid_cmp(&id, &above) < 0 && uuid_cmp(&above, &far) < 0);
    id = uuid_floor(1700000000123000);
    assert_int_equal(uuid_made_us(&id), 1700000000123000);
}

static void test_none_and_order(void **state)
{
    struct uuid a = UUID_NONE, b = UUID_NONE;

    (void)state;
    assert_true(uuid_is_none(&a));
    b.b[15] = 1;
    assert_false(uuid_is_none(&b));
    assert_true(uuid_cmp(&a, &b) < 0);
    assert_true(uuid_cmp(&b, &a) > 0);
    assert_int_equal(uuid_cmp(&b, &b), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_text),
                                              cmocka_unit_test(test_new),
                                              cmocka_unit_test(test_each_is_above_the_one_before),
                                              cmocka_unit_test(test_floor),
                                              cmocka_unit_test(test_made_and_ceiling),
                                              cmocka_unit_test(test_none_and_order)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
