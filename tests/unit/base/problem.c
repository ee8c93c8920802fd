#include "base/problem.h"

#include <stdio.h>

#include "with_arena.h"

#include "base/text.h"

static void test_add(void **state)
{
    struct problems p = {0};

    (void)state;
    assert_int_equal(problems_err(&p), OK);
    problem_add(&p, ERR_IMAGE_TYPE, &arena, "images[%d]", 2);
    assert_true(str_eqc(p.v[0].param, "images[2]"));
    assert_null(p.v[0].message.p);
    assert_int_equal(problems_err(&p), ERR_IMAGE_TYPE);
    problem_add(&p, ERR_IMAGE_TYPE, &arena, NULL);
    assert_null(p.v[1].param.p);
    assert_int_equal(problems_err(&p), ERR_IMAGE_TYPE);
    problem_add_text(&p, ERR_IMAGE_CORRUPT, STR("x"), STR("m"));
    assert_true(str_eqc(p.v[2].message, "m"));
    assert_int_equal(problems_err(&p), ERR_VALIDATION);
}

static void test_max(void **state)
{
    struct problems p = {0};

    (void)state;
    for (int i = 0; i < PROBLEMS_MAX + 5; i++)
        problem_add(&p, ERR_FIELD_TYPE, &arena, "f%d", i);
    assert_int_equal(p.n, PROBLEMS_MAX);
    assert_true(str_eqc(p.v[PROBLEMS_MAX - 1].param, "f49"));
}

static void test_long_param_is_cut(void **state)
{
    struct problems p = {0};

    (void)state;
    problem_add(&p, ERR_FIELD_TYPE, &arena, "%0500d", 1);
    assert_in_range(p.v[0].param.n, 100, 499);
    /* between characters: whatever stands before, a piece of one is never left */
    for (int i = 0; i < 4; i++) {
        char name[500] = "xxx";
        for (size_t k = (size_t)i; k + 4 < sizeof name; k += 4)
            memcpy(name + k, "\xf0\x9f\x90\x9d", 5);
        problem_add(&p, ERR_FIELD_UNKNOWN, &arena, "%s", name);
        assert_true(text_is_utf8(p.v[p.n - 1].param));
        assert_in_range(p.v[p.n - 1].param.n, 100, 499);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_add), cmocka_unit_test(test_max),
                                              cmocka_unit_test(test_long_param_is_cut)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
