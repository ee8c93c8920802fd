#include "with_arena.h"

#include "answers.h"
#include "base/clock.h"
#include "stripe/subscription.h"

#define USER_ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define HEAD "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":\"cus_1\",\"livemode\":true"
#define ITEMS(data) ",\"items\":{\"object\":\"list\",\"has_more\":false,\"data\":[" data "]}"
#define ITEM \
    ITEMS("{\"id\":\"si_1\",\"price\":{\"id\":\"price_1\",\"active\":true},\"current_period_end\":1800000000," \
          "\"current_period_start\":1700000001}")

static struct stripe_subscription got;
static struct stripe_error error;

static enum err read_one(const char *body)
{
    struct net_result r = answer(200, body);

    memset(&got, 0, sizeof got);
    return stripe_read_subscription(&r, &arena, &got, &error);
}

static void test_new_version(void **state)
{
    (void)state;
    assert_int_equal(
        read_one(HEAD ",\"status\":\"active\",\"created\":1700000000,\"metadata\":{\"user_id\":\"" USER_ID
                      "\",\"x\":\"y\"},\"cancel_at\":null,\"cancel_at_period_end\":false,\"trial_end\":null,"
                      "\"ended_at\":null,\"pause_collection\":null,\"plan\":{\"tiers\":[[[[[[[[[[]]]]]]]]]]}" ITEM "}"),
        OK);
    assert_str(got.id, "sub_1");
    assert_str(got.customer, "cus_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    assert_int_equal(got.status, STRIPE_ACTIVE);
    assert_str(got.status_text, "active");
    assert_true(got.livemode);
    assert_int_equal(got.prices.n, 1);
    assert_str(got.prices.v[0], "price_1");
    assert_false(got.more_items || got.collection_paused || got.cancel_at_period_end);
    assert_int_equal(got.created_us, 1700000000 * US_PER_SEC);
    assert_int_equal(got.period_start_us, 1700000001 * US_PER_SEC);
    assert_false(stripe_subscription_will_end(&got));
    assert_int_equal(got.period_end_us, 1800000000 * US_PER_SEC);
    assert_int_equal(got.next_bill_us, 1800000000 * US_PER_SEC);
    assert_int_equal(got.cancel_at_us, 0);
    assert_int_equal(got.trial_end_us, 0);
    assert_int_equal(got.ended_at_us, 0);
    assert_int_equal(stripe_subscription_ends_us(&got), 0);
}

/* Before 2025-03-31 the period stood at the subscription; links may be expanded. */
static void test_old_version(void **state)
{
    (void)state;
    assert_int_equal(
        read_one(
            "{\"id\":\"sub_2\",\"object\":\"subscription\",\"customer\":{\"id\":\"cus_2\",\"object\":\"customer\"},"
            "\"livemode\":false,\"status\":\"trialing\",\"current_period_end\":1790000000,\"current_period_start\":"
            "1780000000,\"trial_end\":1790000000,"
            "\"ended_at\":1,\"pause_collection\":{\"behavior\":\"void\",\"resumes_at\":null},\"cancel_at_period_end\":"
            "true,"
            "\"metadata\":{\"user_id\":\"somebody's\"}" ITEMS("{\"price\":\"price_2\"}") "}"),
        OK);
    assert_str(got.customer, "cus_2");
    assert_true(uuid_is_none(&got.user_id));
    assert_false(got.livemode);
    assert_int_equal(got.period_end_us, 1790000000 * US_PER_SEC);
    assert_int_equal(got.next_bill_us, 1790000000 * US_PER_SEC);
    assert_int_equal(got.trial_end_us, 1790000000 * US_PER_SEC);
    assert_int_equal(got.ended_at_us, US_PER_SEC);
    assert_int_equal(got.period_start_us, 1780000000 * US_PER_SEC);
    assert_true(stripe_subscription_will_end(&got));
    assert_true(got.collection_paused);
    assert_str(got.prices.v[0], "price_2");
    assert_int_equal(stripe_subscription_ends_us(&got), 1790000000 * US_PER_SEC);
}

static void test_several_items(void **state)
{
    (void)state;
    assert_int_equal(
        read_one(HEAD
                 ",\"status\":\"active\",\"current_period_end\":5,\"cancel_at\":40,\"cancel_at_period_end\":true"
                 ",\"items\":{\"has_more\":true,\"data\":[{\"price\":{\"id\":\"price_1\"},\"current_period_end\":30},"
                 "{\"price\":{\"id\":\"price_2\"},\"current_period_end\":20},"
                 "{\"price\":{\"id\":\"price_3\"},\"current_period_start\":9}]}}"),
        OK);
    assert_int_equal(got.prices.n, 3);
    assert_true(got.more_items);
    assert_int_equal(got.period_start_us, 9 * US_PER_SEC);
    assert_int_equal(got.period_end_us, 30 * US_PER_SEC);
    assert_int_equal(got.next_bill_us, 20 * US_PER_SEC);
    assert_int_equal(stripe_subscription_ends_us(&got), 40 * US_PER_SEC); /* the time that is said, before the flag */
}

static void test_statuses(void **state)
{
    static const struct {
        const char *word;
        enum stripe_access access;
        bool over;
    } rows[] = {
        {"trialing", STRIPE_ACCESS_YES, false},      {"active", STRIPE_ACCESS_YES, false},
        {"past_due", STRIPE_ACCESS_GRACE, false},    {"unpaid", STRIPE_ACCESS_NO, false},
        {"incomplete", STRIPE_ACCESS_NO, false},     {"incomplete_expired", STRIPE_ACCESS_NO, true},
        {"canceled", STRIPE_ACCESS_NO, true},        {"paused", STRIPE_ACCESS_NO, false},
        {"unknown", STRIPE_ACCESS_NO, false},        {"Active", STRIPE_ACCESS_NO, false},
        {"status_of_2031", STRIPE_ACCESS_NO, false},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(read_one(arena_printf(&arena, HEAD ",\"status\":\"%s\"" ITEM "}", rows[i].word).p), OK);
        assert_str(got.status_text, rows[i].word);
        assert_int_equal(stripe_status_access(got.status), rows[i].access);
        assert_int_equal(stripe_status_is_over(got.status), rows[i].over);
        if (i < STRIPE_STATUS__MAX - 1)
            assert_string_equal(stripe_status_word(got.status), rows[i].word);
        else
            assert_int_equal(got.status, STRIPE_UNKNOWN);
    }
}

static void test_unusable(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"id\":\"sub_1\",\"object\":\"subscription\"}",
        "{\"id\":1,\"object\":\"subscription\",\"customer\":\"cus_1\",\"livemode\":true,\"status\":\"active\"" ITEM "}",
        "{\"id\":\"si_1\",\"object\":\"subscription\",\"customer\":\"cus_1\",\"livemode\":true,\"status\":"
        "\"active\"" ITEM "}",
        "{\"id\":\"sub_1\",\"object\":\"invoice\",\"customer\":\"cus_1\",\"livemode\":true,\"status\":\"active\"" ITEM
        "}",
        "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":\"acct_1\",\"livemode\":true,\"status\":"
        "\"active\"" ITEM "}",
        "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":null,\"livemode\":true,\"status\":\"active\"" ITEM
        "}",
        "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":\"cus_1\",\"livemode\":\"true\",\"status\":"
        "\"active\"" ITEM "}",
        "{\"id\":\"sub_1\",\"object\":\"subscription\",\"customer\":\"cus_1\",\"status\":\"active\"" ITEM "}",
        HEAD ",\"status\":\"\"" ITEM "}",
        HEAD ",\"status\":\"a b\"" ITEM "}",
        HEAD ",\"status\":1" ITEM "}",
        HEAD ",\"status\":\"active\"}",
        HEAD ",\"status\":\"active\",\"items\":[]}",
        HEAD ",\"status\":\"active\",\"items\":{}}",
        HEAD ",\"status\":\"active\"" ITEMS("{}") "}",
        HEAD ",\"status\":\"active\"" ITEMS("1") "}",
        HEAD ",\"status\":\"active\"" ITEMS("{\"price\":7}") "}",
        HEAD ",\"status\":\"active\"" ITEMS("{\"price\":{\"id\":null}}") "}",
        HEAD ",\"status\":\"active\"" ITEMS("{\"price\":\"price_1\",\"current_period_end\":\"1800000000\"}") "}",
        HEAD ",\"status\":\"active\",\"cancel_at\":-1" ITEM "}",
        HEAD ",\"status\":\"active\",\"cancel_at\":253402300800" ITEM "}",
        HEAD ",\"status\":\"active\",\"cancel_at\":1e9" ITEM "}",
        HEAD ",\"status\":\"active\",\"cancel_at_period_end\":0" ITEM "}",
        HEAD ",\"status\":\"active\",\"pause_collection\":true" ITEM "}",
        HEAD ",\"status\":\"active\",\"status\":\"active\"" ITEM "}",
        HEAD ",\"status\":\"\xff\"" ITEM "}",
        HEAD ",\"status\":\"active\"" ITEM "} x",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (read_one(bodies[i]) != ERR_NET_UNKNOWN || got.id.p != NULL)
            fail_msg("taken: %s", bodies[i]);
    assert_int_equal(read_one(HEAD ",\"status\":\"active\",\"items\":{\"data\":[]}}"), OK);
    assert_int_equal(got.prices.n, 0);
}

static void test_list(void **state)
{
    struct net_result r =
        answer(200, "{\"object\":\"list\",\"url\":\"/v1/subscriptions\",\"has_more\":true,\"data\":[" HEAD
                    ",\"status\":\"active\"" ITEM "}," HEAD ",\"status\":\"canceled\"" ITEM "}]}");
    struct stripe_subscriptions page;
    (void)state;

    assert_int_equal(stripe_read_subscriptions(&r, &arena, &page, &error), OK);
    assert_int_equal(page.n, 2);
    assert_true(page.has_more);
    assert_int_equal(page.v[0].status, STRIPE_ACTIVE);
    assert_int_equal(page.v[1].status, STRIPE_CANCELED);

    r = answer(200, "{\"object\":\"list\",\"has_more\":true,\"data\":[]}");
    assert_int_equal(stripe_read_subscriptions(&r, &arena, &page, &error), OK);
    assert_int_equal(page.n, 0);
    assert_false(page.has_more); /* after what would it begin? */

    static const char *const bad[] = {
        "{\"object\":\"list\",\"data\":[]}",
        "{\"object\":\"search_result\",\"has_more\":false,\"data\":[]}",
        "{\"object\":\"list\",\"has_more\":false}",
        "{\"object\":\"list\",\"has_more\":false,\"data\":[" HEAD "}]}",
        "{\"object\":\"list\",\"has_more\":false,\"data\":[7]}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r = answer(200, bad[i]);
        assert_int_equal(stripe_read_subscriptions(&r, &arena, &page, &error), ERR_NET_UNKNOWN);
    }
    r = answer(404, "{\"error\":{\"code\":\"resource_missing\"}}");
    assert_int_equal(stripe_read_subscriptions(&r, &arena, &page, &error), ERR_STRIPE_REFUSED);
    r = answer(404, "{\"error\":{\"code\":\"resource_missing\"}}");
    assert_int_equal(stripe_read_subscription(&r, &arena, &got, &error), ERR_STRIPE_REFUSED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_new_version, arena_set_up),
        cmocka_unit_test_setup(test_old_version, arena_set_up),
        cmocka_unit_test_setup(test_several_items, arena_set_up),
        cmocka_unit_test_setup(test_statuses, arena_set_up),
        cmocka_unit_test_setup(test_unusable, arena_set_up),
        cmocka_unit_test_setup(test_list, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
