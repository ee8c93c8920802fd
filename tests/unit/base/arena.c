#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_alloc(void **state)
{
    _cleanup_(arena_done) struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_non_null(arena_alloc(&a, 100000)); /* more than a chunk */
}

static void test_shared_memory(void **state)
{
    (void)state;
    for (size_t n = 0; n < 10000; n += 999) {
        unsigned char *p = xshared(n, 3);
        for (size_t i = 0; i < 3 * n; i++)
            assert_int_equal(p[i], 0);
        if (n > 0)
            memset(p, 0xff, 3 * n);
        xshared_free(p, n, 3);
    }
    xshared_free(NULL, 1, 1);
}

static void test_clear_zeroes(void **state)
{
    _cleanup_(arena_done) struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        unsigned char *p = arena_alloc(&a, 1000);
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, 1000);
        arena_clear(&a);
        assert_int_equal(a.used_bytes, 0);
    }
}

/* Something that is tried for ever takes no more than one try does, and what was there before stays. */
static void test_back_to_a_mark(void **state)
{
    _cleanup_(arena_done) struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    struct arena_mark empty = arena_mark(&a);
    char *kept = arena_strdup(&a, STR("kept"));
    struct arena_mark mark = arena_mark(&a);
    size_t used_bytes = a.used_bytes;
    for (int i = 0; i < 1000; i++) {
        unsigned char *small = arena_alloc(&a, 100);
        for (size_t j = 0; j < 100; j++)
            assert_int_equal(small[j], 0);
        memset(small, 0xff, 100);
        memset(arena_alloc(&a, 100000), 0xff, 100000); /* a chunk of its own */
        memset(arena_alloc(&a, 20000), 0xff, 20000);
        arena_back(&a, &mark);
        assert_int_equal(a.used_bytes, used_bytes);
        assert_string_equal(kept, "kept");
    }
    arena_back(&a, &empty);
    assert_int_equal(a.used_bytes, 0);
    assert_null(a.chunk);
}

/* The maximum counts anew after clearing: rounds of nearly all of it go on for ever. */
static void test_max(void **state)
{
    _cleanup_(arena_done) struct arena a;

    (void)state;
    arena_init(&a, 64 << 10);
    for (int round = 0; round < 100; round++) {
        assert_non_null(arena_alloc(&a, 64 << 10));
        assert_int_equal(a.used_bytes, 64 << 10);
        arena_clear(&a);
    }
}

static void test_text(void **state)
{
    _cleanup_(arena_done) struct arena a;
    char source[] = "abc";

    (void)state;
    arena_init(&a, 1 << 20);
    struct str s = arena_str(&a, str_from(source));
    char *copy = arena_strdup(&a, str_of("a\0b", 3));
    source[0] = 'x';
    assert_string_equal(s.p, "abc");
    assert_memory_equal(copy, "a\0b", 4);
    assert_null(arena_str(&a, (struct str){0}).p);
    assert_non_null(arena_str(&a, STR("")).p);
    s = arena_lower(&a, str_of("@AZaz[\0\xc3\x84", 9));
    assert_int_equal(s.n, 9);
    assert_memory_equal(s.p, "@azaz[\0\xc3\x84", 10);
    assert_string_equal(arena_lower(&a, (struct str){0}).p, "");
    s = arena_printf(&a, "%05d|%s", 42, "x");
    assert_string_equal(s.p, "00042|x");
    assert_int_equal(s.n, 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),        cmocka_unit_test(test_shared_memory),
        cmocka_unit_test(test_clear_zeroes), cmocka_unit_test(test_back_to_a_mark),
        cmocka_unit_test(test_max),          cmocka_unit_test(test_text)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
