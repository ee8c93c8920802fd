#include "with_arena.h"

#include "stripe/derive.h"

static struct str our_prices[] = {{"price_best", 10}, {"price_good", 10}, {"price_small", 11}};
static const struct stripe_rules rules = {
    .livemode = true, .customer = {"cus_1", 5}, .prices = {.v = our_prices, .n = ARRAY_LEN(our_prices)}};

static struct stripe_subscription one(const char *id, enum stripe_status status, const char *price, int64_t end_us)
{
    struct str *prices = arena_array(&arena, 1, sizeof *prices);

    prices[0] = str_from(price);
    return (struct stripe_subscription){
        .id = str_from(id),
        .customer = STR("cus_1"),
        .livemode = true,
        .status = status,
        .status_text = str_from(stripe_status_word(status)),
        .prices = {.v = prices, .n = 1},
        .period_end_us = end_us,
        .next_bill_us = end_us,
    };
}

static struct stripe_state derive(const struct stripe_subscription *v, size_t n)
{
    struct stripe_state s;

    memset(&s, 0xff, sizeof s);
    stripe_derive(&rules, v, n, &s);
    return s;
}

static void test_none(void **state)
{
    struct stripe_state s = derive(NULL, 0);
    (void)state;

    assert_null(s.subscription.p);
    assert_null(s.price.p);
    assert_int_equal(s.access, STRIPE_ACCESS_NO);
    assert_int_equal(s.others_alive_n + s.foreign_n + s.unknown_n, 0);
}

static void test_one(void **state)
{
    struct stripe_subscription v = one("sub_1", STRIPE_PAST_DUE, "price_good", 7);
    (void)state;

    v.cancel_at_period_end = true;
    v.trial_end_us = 3;
    v.collection_paused = true;
    v.next_bill_us = 5;
    v.period_start_us = 2;
    struct stripe_state s = derive(&v, 1);
    assert_str(s.subscription, "sub_1");
    assert_str(s.price, "price_good");
    assert_int_equal(s.status, STRIPE_PAST_DUE);
    assert_str(s.status_text, "past_due");
    assert_int_equal(s.access, STRIPE_ACCESS_GRACE);
    assert_int_equal(s.period_end_us, 7);
    assert_int_equal(s.next_bill_us, 5);
    assert_int_equal(s.period_start_us, 2);
    assert_true(s.will_end);
    assert_int_equal(s.ends_us, 7);
    assert_int_equal(s.trial_end_us, 3);
    assert_true(s.collection_paused);
    v.cancel_at_us = 9;
    assert_int_equal(derive(&v, 1).ends_us, 9);
}

/* Another product's, another customer's, another mode's: as if they were not there; the first are counted. */
static void test_foreign(void **state)
{
    struct stripe_subscription v[] = {
        one("sub_1", STRIPE_ACTIVE, "price_other", 9),
        one("sub_2", STRIPE_ACTIVE, "price_best", 9),
        one("sub_3", STRIPE_ACTIVE, "price_best", 9),
        one("sub_4", STRIPE_CANCELED, "price_small", 1),
    };
    (void)state;

    v[1].customer = STR("cus_2");
    v[2].livemode = false;
    struct stripe_state s = derive(v, ARRAY_LEN(v));
    assert_str(s.subscription, "sub_4");
    assert_int_equal(s.access, STRIPE_ACCESS_NO);
    assert_int_equal(s.foreign_n, 1);
    assert_int_equal(s.others_alive_n, 0);
    assert_null(derive(v, 3).subscription.p);
}

static void test_which_counts(void **state)
{
    /* the first of each pair */
    const struct stripe_subscription pairs[][2] = {
        {one("sub_1", STRIPE_ACTIVE, "price_small", 1), one("sub_2", STRIPE_PAST_DUE, "price_best", 9)},
        {one("sub_1", STRIPE_TRIALING, "price_small", 1), one("sub_2", STRIPE_PAST_DUE, "price_best", 9)},
        {one("sub_1", STRIPE_PAST_DUE, "price_small", 1), one("sub_2", STRIPE_UNPAID, "price_best", 9)},
        {one("sub_1", STRIPE_PAST_DUE, "price_small", 1), one("sub_2", STRIPE_UNKNOWN, "price_best", 9)},
        {one("sub_1", STRIPE_UNPAID, "price_small", 1), one("sub_2", STRIPE_CANCELED, "price_best", 9)},
        {one("sub_1", STRIPE_UNKNOWN, "price_small", 1), one("sub_2", STRIPE_INCOMPLETE_EXPIRED, "price_best", 9)},
        {one("sub_1", STRIPE_TRIALING, "price_best", 1), one("sub_2", STRIPE_ACTIVE, "price_good", 9)},
        {one("sub_1", STRIPE_ACTIVE, "price_good", 9), one("sub_2", STRIPE_ACTIVE, "price_good", 8)},
        {one("sub_2", STRIPE_ACTIVE, "price_good", 9), one("sub_1", STRIPE_ACTIVE, "price_good", 9)},
        {one("sub_10", STRIPE_ACTIVE, "price_good", 9), one("sub_1", STRIPE_ACTIVE, "price_good", 9)},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        for (int turned = 0; turned < 2; turned++) {
            const struct stripe_subscription v[] = {pairs[i][turned], pairs[i][1 - turned]};
            struct stripe_state s = derive(v, 2);
            if (!str_eq(s.subscription, pairs[i][0].id) || s.status != pairs[i][0].status)
                fail_msg("pair %zu: %.*s", i, STR_FMT(s.subscription));
            assert_int_equal(s.others_alive_n, !stripe_status_is_over(pairs[i][1].status));
        }
}

static void test_later_beginning(void **state)
{
    struct stripe_subscription v[] = {one("sub_1", STRIPE_ACTIVE, "price_good", 9),
                                      one("sub_2", STRIPE_ACTIVE, "price_good", 9)};
    (void)state;

    v[0].created_us = 1;
    assert_str(derive(v, 2).subscription, "sub_1");
}

/* As pages of a list may have it: the same one again, as it was or as it has become. */
static void test_repeats(void **state)
{
    struct stripe_subscription v[] = {
        one("sub_1", STRIPE_ACTIVE, "price_best", 9),   one("sub_2", STRIPE_ACTIVE, "price_good", 9),
        one("sub_2", STRIPE_ACTIVE, "price_good", 9),   one("sub_2", STRIPE_CANCELED, "price_good", 9),
        one("sub_3", STRIPE_ACTIVE, "price_other", 9),  one("sub_3", STRIPE_ACTIVE, "price_other", 9),
        one("sub_4", STRIPE_UNKNOWN, "price_small", 9), one("sub_4", STRIPE_UNKNOWN, "price_small", 9),
    };
    struct stripe_state s = derive(v, ARRAY_LEN(v));
    (void)state;

    assert_str(s.subscription, "sub_1");
    assert_int_equal(s.others_alive_n, 2);
    assert_int_equal(s.foreign_n, 1);
    assert_int_equal(s.unknown_n, 1);
    v[6].status_text = STR("new_word");
    v[7].status_text = STR("newer_word");
    struct stripe_subscription turned[] = {v[7], v[6]};
    assert_str(derive(v + 6, 2).status_text, "newer_word");
    assert_str(derive(turned, 2).status_text, "newer_word");
}

static void test_several_prices(void **state)
{
    struct str prices[] = {STR("price_other"), STR("price_small"), STR("price_good")};
    struct stripe_subscription v = one("sub_1", STRIPE_ACTIVE, "", 1);
    (void)state;

    v.prices = (struct strs){.v = prices, .n = 3};
    assert_str(derive(&v, 1).price, "price_good");
    assert_int_equal(derive(&v, 1).foreign_n, 0);
    v.prices.n = 0;
    assert_null(derive(&v, 1).subscription.p);
    assert_int_equal(derive(&v, 1).foreign_n, 1);
    v.status = STRIPE_CANCELED; /* nobody pays for it */
    assert_int_equal(derive(&v, 1).foreign_n, 0);
}

static void assert_same(const struct stripe_state *a, const struct stripe_state *b)
{
    assert_true(str_eq(a->subscription, b->subscription) && str_eq(a->price, b->price) &&
                str_eq(a->status_text, b->status_text));
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->access, b->access);
    assert_int_equal(a->period_end_us, b->period_end_us);
    assert_int_equal(a->next_bill_us, b->next_bill_us);
    assert_int_equal(a->ends_us, b->ends_us);
    assert_int_equal(a->will_end, b->will_end);
    assert_int_equal(a->period_start_us, b->period_start_us);
    assert_int_equal(a->trial_end_us, b->trial_end_us);
    assert_int_equal(a->collection_paused, b->collection_paused);
    assert_int_equal(a->others_alive_n, b->others_alive_n);
    assert_int_equal(a->foreign_n, b->foreign_n);
    assert_int_equal(a->unknown_n, b->unknown_n);
}

static uint32_t drawn(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* Sets of subscriptions that are close to each other, in any order, some of them twice, also with another reading. */
static void test_any_order(void **state)
{
    static const char *const ids[] = {"sub_1", "sub_2", "sub_3", "sub_4"};
    static const char *const prices[] = {"price_best", "price_good", "price_small", "price_other"};
    enum { MOST = 8 };
    struct arena_mark mark;
    (void)state;

    mark = arena_mark(&arena);
    for (uint32_t seed = 0; seed < 1000; seed++) {
        uint32_t at = seed;
        struct stripe_subscription v[MOST];
        size_t n = 1 + drawn(&at, MOST);
        for (size_t i = 0; i < n; i++) {
            v[i] = one(ids[drawn(&at, 4)], (enum stripe_status)drawn(&at, STRIPE_STATUS__MAX), prices[drawn(&at, 4)],
                       drawn(&at, 2));
            v[i].livemode = drawn(&at, 8) > 0;
            v[i].created_us = drawn(&at, 2);
            v[i].trial_end_us = drawn(&at, 2);
            v[i].collection_paused = drawn(&at, 2);
            v[i].cancel_at_us = drawn(&at, 2);
            v[i].cancel_at_period_end = drawn(&at, 2);
            v[i].period_start_us = drawn(&at, 2);
            if (i > 0 && drawn(&at, 3) == 0)
                v[i] = v[i - 1];
        }
        struct stripe_state first = derive(v, n);
        for (int again = 0; again < 10; again++) {
            for (size_t i = n - 1; i > 0; i--) {
                size_t j = drawn(&at, (uint32_t)i + 1);
                struct stripe_subscription t = v[i];
                v[i] = v[j], v[j] = t;
            }
            struct stripe_state s = derive(v, n);
            assert_same(&first, &s);
        }
        arena_back(&arena, &mark);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_none, arena_set_up),
        cmocka_unit_test_setup(test_one, arena_set_up),
        cmocka_unit_test_setup(test_foreign, arena_set_up),
        cmocka_unit_test_setup(test_which_counts, arena_set_up),
        cmocka_unit_test_setup(test_later_beginning, arena_set_up),
        cmocka_unit_test_setup(test_several_prices, arena_set_up),
        cmocka_unit_test_setup(test_repeats, arena_set_up),
        cmocka_unit_test_setup(test_any_order, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
