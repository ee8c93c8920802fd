#include "with_arena.h"

#include "model/billing/fetch.h"
#include "stripe/answers.h"

static const struct plans plans = {.v = {{.name = "free", .is_free = true},
                                         {.name = "small", .price_test = "price_small", .price_live = "price_l_small"},
                                         {.name = "by hand"},
                                         {.name = "big", .price_test = "price_big"}},
                                   .n = 4};
static const struct conf conf = {.stripe_api_url = {"https://api.stripe.com", 22},
                                 .stripe_ca_file = {"", 0},
                                 .stripe_timeout_sec = 30,
                                 .plans = &plans};
static char key_text[] = "rk_test_1";
static struct secret_ring keys = {.v = {{key_text, 9}}, .n = 1};
static const struct stripe s = {.conf = &conf, .keys = &keys};

#define URL "https://api.stripe.com/v1"
#define PAGE URL "/subscriptions?customer=cus_1&status=all&limit=20"
#define SUBSCRIPTION(id, status, price) \
    "{\"id\":\"" id "\",\"object\":\"subscription\",\"customer\":\"cus_1\",\"livemode\":false,\"status\":\"" status \
    "\",\"created\":1700000000,\"items\":{\"object\":\"list\",\"has_more\":false,\"data\":[{\"id\":\"si_1\"," \
    "\"price\":{\"id\":\"" price "\"},\"current_period_end\":1800000000,\"current_period_start\":1790000000}]}}"
#define LIST(has_more, data) "{\"object\":\"list\",\"has_more\":" has_more ",\"data\":[" data "]}"
#define MISSING "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\",\"param\":\"customer\"}}"

static struct fetch f;

static enum fetch_step take(int status, const char *body)
{
    struct net_result r = answer(status, body);

    return fetch_take(&f, &r);
}

static void begin(enum fetch_from from)
{
    fetch_begin(&f, &s, &arena, STR("cus_1"), from);
    assert_string_equal(f.call.method, "GET");
}

static void test_prices(void **state)
{
    struct conf live = conf;
    struct strs prices = fetch_prices(&arena, &conf);
    (void)state;

    live.stripe_livemode = true;
    assert_int_equal(prices.n, 2);
    assert_str(prices.v[0], "price_big");
    assert_str(prices.v[1], "price_small");
    prices = fetch_prices(&arena, &live);
    assert_int_equal(prices.n, 1);
    assert_str(prices.v[0], "price_l_small");
}

static void test_pages(void **state)
{
    (void)state;
    begin(FETCH_SUBSCRIPTIONS);
    assert_string_equal(f.call.url, PAGE);
    assert_int_equal(take(200, LIST("true", SUBSCRIPTION("sub_3", "canceled", "price_big"))), FETCH_CALL);
    assert_string_equal(f.call.url, PAGE "&starting_after=sub_3");
    assert_int_equal(take(200, LIST("false", SUBSCRIPTION("sub_2", "active", "price_small") "," SUBSCRIPTION(
                                                 "sub_1", "active", "price_other"))),
                     FETCH_DONE);
    assert_str(f.state.subscription, "sub_2");
    assert_str(f.state.price, "price_small");
    assert_int_equal(f.state.foreign_n, 1);
    assert_str(f.error.request_id, "req_1");
    assert_int_equal(fetch_find(&f, STR("sub_3"))->status, STRIPE_CANCELED);
    assert_int_equal(fetch_find(&f, STR("sub_2"))->status, STRIPE_ACTIVE);
    assert_null(fetch_find(&f, STR("sub_1"))); /* of a price that no plan has */
    assert_true(fetch_is_foreign(&f, STR("sub_1")));
    assert_null(fetch_find(&f, STR("sub_9"))); /* not there */
    assert_false(fetch_is_foreign(&f, STR("sub_9")) || fetch_is_foreign(&f, STR("sub_2")));
}

static void test_none(void **state)
{
    (void)state;
    begin(FETCH_SUBSCRIPTIONS);
    assert_int_equal(take(200, LIST("false", "")), FETCH_DONE);
    assert_null(f.state.subscription.p);
    begin(FETCH_SUBSCRIPTIONS); /* more of nothing has no next page */
    assert_int_equal(take(200, LIST("true", "")), FETCH_DONE);
}

/* A list without an end is not read to it. */
static void test_endless(void **state)
{
    size_t n = 0;
    (void)state;

    begin(FETCH_SUBSCRIPTIONS);
    while (take(200, LIST("true", SUBSCRIPTION("sub_1", "active", "price_big"))) == FETCH_CALL)
        n++;
    assert_int_equal(n, FETCH_PAGES_MAX - 1);
    assert_str(f.state.subscription, "sub_1");
}

/* Only Stripe's word that the customer was deleted counts; that there is none is said of another account's customers, too. */
static void test_missing(void **state)
{
    (void)state;
    begin(FETCH_SUBSCRIPTIONS);
    assert_int_equal(take(400, MISSING), FETCH_CALL);
    assert_string_equal(f.call.url, URL "/customers/cus_1");
    assert_int_equal(take(200, "{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":true}"), FETCH_GONE);

    begin(FETCH_SUBSCRIPTIONS);
    assert_int_equal(take(400, MISSING), FETCH_CALL);
    assert_int_equal(take(404, MISSING), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_REFUSED);
    assert_true(stripe_error_is_missing(&f.error));

    begin(FETCH_SUBSCRIPTIONS); /* it was not, and then it was: nobody knows */
    assert_int_equal(take(400, MISSING), FETCH_CALL);
    assert_int_equal(take(200, "{\"id\":\"cus_1\",\"object\":\"customer\",\"livemode\":false}"), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_LOOK);
}

static void test_customer_first(void **state)
{
    (void)state;
    begin(FETCH_CUSTOMER);
    assert_string_equal(f.call.url, URL "/customers/cus_1");
    assert_int_equal(take(200, "{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":true}"), FETCH_GONE);

    begin(FETCH_CUSTOMER);
    assert_int_equal(take(200, "{\"id\":\"cus_1\",\"object\":\"customer\",\"livemode\":false,\"metadata\":{\"user_id\":"
                               "\"01890a5d-ac96-774b-bcce-b302099a8057\"}}"),
                     FETCH_CALL);
    assert_string_equal(f.call.url, PAGE);
    assert_string_equal(uuid_text(&f.owner.user_id).s, "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_int_equal(take(200, LIST("false", "")), FETCH_DONE);

    begin(FETCH_CUSTOMER);
    assert_int_equal(take(200, "{\"id\":\"cus_1\",\"object\":\"customer\",\"livemode\":true}"), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_REFUSED);
    begin(FETCH_CUSTOMER);
    assert_int_equal(take(200, "{\"id\":\"cus_2\",\"object\":\"customer\",\"deleted\":true}"), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_LOOK);
}

static void test_failures(void **state)
{
    struct net_result lost = {.err = ERR_NET_UNKNOWN};
    (void)state;

    begin(FETCH_SUBSCRIPTIONS);
    assert_int_equal(fetch_take(&f, &lost), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_AGAIN);
    assert_string_equal(f.call.url, PAGE); /* which may be made once more */
    assert_int_equal(take(500, "{}"), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_AGAIN);
    assert_int_equal(take(401, "{\"error\":{\"type\":\"invalid_request_error\"}}"), FETCH_FAILED);
    assert_int_equal(f.next, STRIPE_REFUSED);
    assert_true(stripe_error_is_about_us(&f.error));
    assert_int_equal(take(200, "<html>"), FETCH_FAILED); /* somebody in between */
    assert_int_equal(f.next, STRIPE_LOOK);
    assert_int_equal(take(200, LIST("false", "")), FETCH_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices),   cmocka_unit_test(test_pages),   cmocka_unit_test(test_none),
        cmocka_unit_test(test_endless),  cmocka_unit_test(test_missing), cmocka_unit_test(test_customer_first),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
