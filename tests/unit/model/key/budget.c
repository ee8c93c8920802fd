#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "model/key/budget.h"

enum { PUBLIC, FRIENDS, FOLLOWERS, SELF }; /* the places in privacy_level_names */

static struct uuid one[] = {{{1}}}, other[] = {{{2}}}, both[] = {{{2}}, {{1}}};
static const struct budget none = {0};

static struct budget by(struct uuid *accounts, size_t n)
{
    return (struct budget){.by_account = true, .accounts = {.v = accounts, .n = n}};
}

static void assert_wider(struct budget to, struct budget from)
{
    assert_true(budget_is_wider(&to, &from));
}

static void assert_not_wider(struct budget to, struct budget from)
{
    assert_false(budget_is_wider(&to, &from));
}

static void test_accounts(void **state)
{
    (void)state;
    assert_wider(none, by(one, 1));
    assert_wider(by(both, 2), by(one, 1));
    assert_wider(by(other, 1), by(one, 1));
    assert_not_wider(by(one, 1), none);
    assert_not_wider(by(one, 1), by(both, 2));
    assert_not_wider(by(one, 1), by(one, 1));
    assert_not_wider(none, none);
}

static void test_posts_per_day(void **state)
{
    const struct budget five = {.by_day = true, .posts_per_day = 5}, six = {.by_day = true, .posts_per_day = 6};

    (void)state;
    assert_wider(none, five);
    assert_wider(six, five);
    assert_not_wider(five, six);
    assert_not_wider(five, five);
    assert_not_wider(five, none);
}

static void test_levels(void **state)
{
    static const int narrow_to_wide[] = {SELF, FRIENDS, FOLLOWERS, PUBLIC};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(narrow_to_wide); i++)
        for (size_t j = 0; j < ARRAY_LEN(narrow_to_wide); j++) {
            const struct budget a = {.max_privacy_level = narrow_to_wide[i]},
                                b = {.max_privacy_level = narrow_to_wide[j]};
            assert_int_equal(budget_is_wider(&a, &b), i > j);
        }
}

static void test_what_a_level_allows(void **state)
{
    const struct budget friends = {.max_privacy_level = FRIENDS};

    (void)state;
    assert_true(budget_allows_level(&friends, STR("SELF_ONLY")));
    assert_true(budget_allows_level(&friends, STR("MUTUAL_FOLLOW_FRIENDS")));
    assert_false(budget_allows_level(&friends, STR("FOLLOWER_OF_CREATOR")));
    assert_false(budget_allows_level(&friends, STR("PUBLIC_TO_EVERYONE")));
    assert_true(budget_allows_level(&friends, (struct str){0})); /* a draft */
    assert_true(budget_allows_level(&none, STR("PUBLIC_TO_EVERYONE")));
}

static void test_approval(void **state)
{
    const struct budget asks = {.needs_approval = true};

    (void)state;
    assert_wider(none, asks);
    assert_not_wider(asks, none);
    assert_not_wider(asks, asks);
}

/* A count is of today; of tomorrow by a clock that is ahead; and else over. */
static void test_the_count_of_a_day(void **state)
{
    static const struct {
        int64_t day, left;
        bool is_ahead, at_noon; /* tomorrow is nowhere before the last hour */
    } rows[] = {
        {10, 2, false, false}, {11, 2, false, true}, {9, 5, false, false}, {12, 5, true, true}, {0, 5, false, false}};
    struct arena arena;

    (void)state;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct budget_row row = {.posts_per_day = 5, .posts = 3, .day = rows[i].day};
        struct budget b = budget_of(&arena, &row, 10 * US_PER_DAY + US_PER_DAY - 1);
        assert_true(b.is_limited && b.by_day);
        assert_int_equal(b.is_ahead, rows[i].is_ahead);
        assert_int_equal(budget_of(&arena, &row, 10 * US_PER_DAY + US_PER_DAY / 2).is_ahead, rows[i].at_noon);
        assert_int_equal(b.posts_left, rows[i].left);
        assert_int_equal(b.resets_at_us, 11 * US_PER_DAY);
    }
    const struct budget_row more = {.posts_per_day = 5, .posts = 30, .day = 10}; /* the number was made smaller */
    assert_int_equal(budget_of(&arena, &more, 10 * US_PER_DAY).posts_left, 0);
    assert_false(budget_of(&arena, &(struct budget_row){0}, 0).is_limited);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts), cmocka_unit_test(test_posts_per_day),
        cmocka_unit_test(test_levels),   cmocka_unit_test(test_what_a_level_allows),
        cmocka_unit_test(test_approval), cmocka_unit_test(test_the_count_of_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
