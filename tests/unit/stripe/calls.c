#include "with_arena.h"

#include "base/clock.h"
#include "stripe/calls.h"
#include "stripe/error.h"

static const struct conf conf = {
    .service_url = {"https://example.org", 19},
    .stripe_api_url = {"https://api.stripe.com", 22},
    .stripe_ca_file = {"", 0},
    .stripe_timeout_sec = 30,
    .stripe_interactive_timeout_sec = 15,
};
static char key_text[] = "rk_test_1";
static struct secret_ring keys = {.v = {{key_text, 9}}, .n = 1};
static const struct stripe s = {.conf = &conf, .keys = &keys};
static const struct stripe user_waits = {.conf = &conf, .keys = &keys, .interactive = true};

#define USER_ID "01890a5d-ac96-774b-bcce-b302099a8057"

static struct uuid user_id(void)
{
    struct uuid id;

    assert_true(uuid_parse(STR(USER_ID), &id));
    return id;
}

/* What every call has. */
static void assert_call(const struct net_call *call, const char *method, const char *url, const char *idempotency_key)
{
    assert_string_equal(call->method, method);
    assert_string_equal(call->url, url);
    assert_str(call->bearer, "rk_test_1");
    assert_string_equal(call->headers[0].name, "Stripe-Version");
    assert_str(call->headers[0].value, "2026-10-28.endive");
    assert_int_equal(call->n_headers, idempotency_key == NULL ? 1 : 2);
    if (idempotency_key != NULL) {
        assert_string_equal(call->headers[1].name, "Idempotency-Key");
        assert_str(call->headers[1].value, idempotency_key);
    }
    assert_string_equal(call->wanted[STRIPE_HEADER_REQUEST_ID], "Request-Id");
    assert_string_equal(call->wanted[STRIPE_HEADER_SHOULD_RETRY], "Stripe-Should-Retry");
    assert_string_equal(call->wanted[STRIPE_HEADER_REPLAYED], "Idempotent-Replayed");
    assert_false(call->allow_private);
    assert_null(call->unix_socket);
    assert_int_equal(call->connect_timeout_sec, 5);
    bool post = strcmp(method, "POST") == 0;
    assert_int_equal(call->fresh, post && idempotency_key == NULL);
    if (post)
        assert_string_equal(call->content_type, "application/x-www-form-urlencoded");
    else
        assert_null(call->content_type);
    if (!post)
        assert_int_equal(call->body.n, 0);
}

static void test_customers(void **state)
{
    struct uuid id = user_id();
    struct net_call call;
    (void)state;

    stripe_customer_create(&s, &arena, STR("a+b@example.org"), &id, STR("k-1"), &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/customers", "k-1");
    assert_str(call.body, "email=a%2Bb%40example.org&metadata[user_id]=" USER_ID);
    assert_int_equal(call.timeout_sec, 30);

    stripe_customer_update(&s, &arena, STR("cus_1"), STR("c@example.org"), STR("k-2"), &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/customers/cus_1", "k-2");
    assert_str(call.body, "email=c%40example.org");

    stripe_customers_list(&s, &arena, 1767225600000000, STR("cus_1"), &call);
    assert_string_equal(call.url,
                        "https://api.stripe.com/v1/customers?created[gte]=1767225600&limit=100&starting_after=cus_1");
    stripe_customer_get(&s, &arena, STR("cus_1"), &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/customers/cus_1", NULL);
    stripe_customer_delete(&s, &arena, STR("cus_1"), &call);
    assert_call(&call, "DELETE", "https://api.stripe.com/v1/customers/cus_1", NULL);
    /* Whatever stands there as an id, it leads nowhere else. */
    stripe_customer_delete(&s, &arena, STR("../events?a=b#c"), &call);
    assert_call(&call, "DELETE", "https://api.stripe.com/v1/customers/..%2Fevents%3Fa%3Db%23c", NULL);
}

static void test_checkout(void **state)
{
    struct stripe_checkout checkout = {.customer = STR("cus_1"), .price = STR("price_1"), .user_id = user_id()};
    struct net_call call;
    (void)state;

    stripe_checkout_create(&user_waits, &arena, &checkout, STR("k"), &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/checkout/sessions", "k");
#define PLAIN \
    "mode=subscription&customer=cus_1&client_reference_id=" USER_ID "&line_items[0][price]=price_1" \
    "&line_items[0][quantity]=1" \
    "&success_url=https%3A%2F%2Fexample.org%2Fbilling%2Fdone%3Fsession_id%3D%7BCHECKOUT_SESSION_ID%7D" \
    "&cancel_url=https%3A%2F%2Fexample.org%2Fbilling%2Fcanceled&metadata[user_id]=" USER_ID \
    "&subscription_data[metadata][user_id]=" USER_ID
    assert_str(call.body, PLAIN);
    assert_int_equal(call.timeout_sec, 15);

    checkout.trial_days = 14;
    checkout.expires_at_us = 1789000000 * US_PER_SEC + 1;
    checkout.ask_consent = true;
    stripe_checkout_create(&user_waits, &arena, &checkout, (struct str){0}, &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/checkout/sessions", NULL);
    assert_str(call.body, PLAIN "&subscription_data[trial_period_days]=14&expires_at=1789000000"
                                "&consent_collection[terms_of_service]=required");

    stripe_checkout_get(&s, &arena, STR("cs_test_1"), &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/checkout/sessions/cs_test_1", NULL);
    stripe_checkout_expire(&s, &arena, STR("cs_test_1"), STR("k"), &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/checkout/sessions/cs_test_1/expire", "k");
    assert_int_equal(call.body.n, 0);
    stripe_checkouts_list(&s, &arena, STR("cus_1"), &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/checkout/sessions?customer=cus_1&status=open&limit=20", NULL);

    stripe_portal_create(&user_waits, &arena, STR("cus_1"), (struct str){0}, &call);
    assert_call(&call, "POST", "https://api.stripe.com/v1/billing_portal/sessions", NULL);
    assert_str(call.body, "customer=cus_1&return_url=https%3A%2F%2Fexample.org%2Fbilling");
}

static void test_reading(void **state)
{
    static const char *const types[] = {"invoice.paid", "customer.deleted"};
    struct stripe_events_query query = {.types = types, .types_n = 2, .newer_than = STR("evt_1")};
    struct net_call call;
    (void)state;

    stripe_subscriptions_list(&s, &arena, STR("cus_1"), (struct str){0}, &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/subscriptions?customer=cus_1&status=all&limit=20", NULL);
    stripe_subscriptions_list(&s, &arena, STR("cus_1"), STR("sub_9"), &call);
    assert_call(&call, "GET",
                "https://api.stripe.com/v1/subscriptions?customer=cus_1&status=all&limit=20&starting_after=sub_9",
                NULL);
    stripe_subscription_get(&s, &arena, STR("sub_1"), &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/subscriptions/sub_1", NULL);
    stripe_charge_get(&s, &arena, STR("ch_1"), &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/charges/ch_1", NULL);

    stripe_events_list(&s, &arena, &query, &call);
    assert_call(
        &call, "GET",
        "https://api.stripe.com/v1/events?delivery_success=false&types[0]=invoice.paid&types[1]=customer.deleted"
        "&ending_before=evt_1&limit=10",
        NULL);
    query = (struct stripe_events_query){.older_than = STR("evt_2")};
    stripe_events_list(&s, &arena, &query, &call);
    assert_call(&call, "GET", "https://api.stripe.com/v1/events?delivery_success=false&starting_after=evt_2&limit=10",
                NULL);
}

static void test_keys(void **state)
{
    static const struct {
        const char *key;
        bool livemode, fits;
    } rows[] = {
        {"rk_test_a", false, true},   {"rk_live_a", true, true},   {"rk_live_a", false, false},
        {"rk_test_a", true, false},   {"sk_test_a", false, false}, {"sk_live_a", true, false},
        {"pk_test_a", false, false},  {"rk_test_", false, false},  {"rk_test_a\n", false, false},
        {" rk_test_a", false, false}, {"", false, false},          {"whsec_a", false, false},
    };
    struct uuid id = user_id();
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf c = {.stripe_livemode = rows[i].livemode};
        struct secret_ring ring = {.v = {{(char *)"rk_test_z", 9}, {(char *)rows[i].key, strlen(rows[i].key)}}, .n = 2};
        const char *why = "";
        if (rows[i].livemode)
            ring.v[0] = (struct secret){(char *)"rk_live_z", 9};
        assert_int_equal(stripe_keys_fit(&c, &ring, &why), rows[i].fits);
        assert_int_equal(why == NULL, rows[i].fits);
        assert_true(why == NULL || strlen(rows[i].key) < 9 || strstr(why, rows[i].key) == NULL); /* it is a secret */
    }
    assert_str(stripe_idempotency_key(&arena, "checkout", &id), "checkout-" USER_ID);
}

/* Whatever the code: Stripe looks at the key first, so the same Idempotency-Key is as good as before. */
static void test_next_key(void **state)
{
    static const struct {
        int status;
        bool again;
    } rows[] = {{200, false}, {400, false}, {401, true}, {403, false}, {429, false}, {500, false}};
    struct secret_ring ring = {.v = {{(char *)"rk_test_new", 11}, {(char *)"rk_test_old", 11}}, .n = 2};
    const struct stripe two = {.conf = &conf, .keys = &ring};
    struct net_call call;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct net_result r = {.status = rows[i].status};
        stripe_portal_create(&two, &arena, STR("cus_1"), STR("portal-1"), &call);
        assert_str(call.bearer, "rk_test_new");
        assert_int_equal(net_call_again(&call, &arena, &r, clock_mono_us()), rows[i].again);
        assert_str(call.bearer, rows[i].again ? "rk_test_old" : "rk_test_new");
        assert_str(call.headers[1].value, "portal-1");
        assert_false(net_call_again(&call, &arena, &r, clock_mono_us()) && rows[i].again);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_customers, arena_set_up), cmocka_unit_test_setup(test_checkout, arena_set_up),
        cmocka_unit_test_setup(test_reading, arena_set_up),   cmocka_unit_test_setup(test_keys, arena_set_up),
        cmocka_unit_test_setup(test_next_key, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
