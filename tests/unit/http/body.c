#include "http/body.h"

#include "with_arena.h"

static void test_read(void **state)
{
    struct str text = STR("hello");
    struct body b = body_of_memory(&text);
    char p[10];
    size_t n;

    (void)state;
    assert_int_equal(body_read(&b, p, 3, &n), OK);
    assert_int_equal(n, 3);
    assert_int_equal(body_read(&b, p, sizeof p, &n), OK);
    assert_int_equal(n, 2);
    assert_memory_equal(p, "lo", 2);
    assert_int_equal(body_read(&b, p, sizeof p, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(b.read_bytes, 5);
}

static void test_truncated(void **state)
{
    struct str text = STR("hello"), all;
    struct body b = body_of_memory(&text);
    char p[10];
    size_t n;

    (void)state;
    b.content_length = 6;
    assert_int_equal(body_read(&b, p, sizeof p, &n), OK);
    assert_int_equal(body_read(&b, p, sizeof p, &n), ERR_BODY_TRUNCATED);
    assert_int_equal(body_read(&b, p, sizeof p, &n), ERR_BODY_TRUNCATED);
    text = STR("hello");
    b = body_of_memory(&text);
    b.content_length = 6;
    assert_int_equal(body_read_all(&b, &arena, 100, &all), ERR_BODY_TRUNCATED);
}

/* More than was announced is not read; draining takes it. */
static void test_longer_than_announced(void **state)
{
    struct str text = STR("hello"), all;
    struct body b = body_of_memory(&text);

    (void)state;
    b.content_length = 2;
    assert_int_equal(body_read_all(&b, &arena, 100, &all), OK);
    assert_true(str_eqc(all, "he"));
    assert_int_equal(text.n, 3);
    body_drain(&b);
    assert_int_equal(text.n, 0);
}

static void test_max_bytes(void **state)
{
    (void)state;
    for (int known = 0; known <= 1; known++)
        for (uint64_t max = 4; max <= 5; max++) {
            struct str text = STR("hello"), all;
            struct body b = body_of_memory(&text);
            b.content_length = known ? 5 : -1;
            b.max_bytes = max;
            assert_int_equal(body_read_all(&b, &arena, 100, &all), max == 5 ? OK : ERR_BODY_TOO_LARGE);
            if (max == 5)
                assert_true(str_eqc(all, "hello"));
        }
}

static void test_too_large_stays(void **state)
{
    struct str text = STR("hello");
    struct body b = body_of_memory(&text);
    char p[10];
    size_t n;

    (void)state;
    b.content_length = -1;
    b.max_bytes = 4;
    assert_int_equal(body_read(&b, p, 4, &n), OK);
    assert_int_equal(body_read(&b, p, 4, &n), ERR_BODY_TOO_LARGE);
    assert_int_equal(body_read(&b, p, 4, &n), ERR_BODY_TOO_LARGE);
}

static void test_read_all_max(void **state)
{
    (void)state;
    for (int known = 0; known <= 1; known++)
        for (size_t max = 4; max <= 5; max++) {
            struct str text = STR("hello"), all;
            struct body b = body_of_memory(&text);
            b.content_length = known ? 5 : -1;
            assert_int_equal(body_read_all(&b, &arena, max, &all), max == 5 ? OK : ERR_BODY_TOO_LARGE);
        }
}

static void test_empty(void **state)
{
    (void)state;
    for (int known = 0; known <= 1; known++) {
        struct str text = STR(""), all = {0};
        struct body b = body_of_memory(&text);
        b.content_length = known ? 0 : -1;
        assert_int_equal(body_read_all(&b, &arena, 0, &all), OK);
        assert_non_null(all.p);
        assert_int_equal(all.n, 0);
    }
}

static void test_drain(void **state)
{
    struct str text = STR("hello");
    struct body b = body_of_memory(&text);
    char p[10];
    size_t n;

    (void)state;
    body_drain(&b);
    assert_int_equal(text.n, 0);
    assert_int_equal(body_read(&b, p, sizeof p, &n), OK);
    assert_int_equal(n, 0);
}

static bool is_broken(void *arg)
{
    (void)arg;
    return true;
}

static void test_broken_without_a_length(void **state)
{
    struct str text = STR("hello"), all;
    struct body b = body_of_memory(&text);

    (void)state;
    b.content_length = -1;
    b.broken = is_broken;
    assert_int_equal(body_read_all(&b, &arena, 100, &all), ERR_BODY_TRUNCATED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_read),
                                              cmocka_unit_test(test_truncated),
                                              cmocka_unit_test(test_longer_than_announced),
                                              cmocka_unit_test(test_max_bytes),
                                              cmocka_unit_test(test_too_large_stays),
                                              cmocka_unit_test(test_read_all_max),
                                              cmocka_unit_test(test_empty),
                                              cmocka_unit_test(test_drain),
                                              cmocka_unit_test(test_broken_without_a_length)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
