/* What the simulator writes is what lib/stripe reads. Stripe's own client judges it in tests/api/test_stripe_client.py. */
#include "with_arena.h"

#include "sandbox/stripe/object.h"
#include "stripe/event.h"
#include "stripe/signature.h"

#define USER_ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define NOW_US (INT64_C(1789000000) * US_PER_SEC)

static struct buf b = BUF_MAX(STRIPE_OBJECT_MAX_BYTES), whole = BUF_MAX(2 * STRIPE_OBJECT_MAX_BYTES);
static struct stripe_error error;
static const struct stripe_life_plan plan = {
    .period_us = 30 * US_PER_DAY, .trial_us = 14 * US_PER_DAY, .cancels_by_time = true};

static int empty(void **state)
{
    buf_clear(&b);
    buf_clear(&whole);
    return arena_set_up(state);
}

static struct uuid user(void)
{
    struct uuid id;

    assert_true(uuid_parse(STR(USER_ID), &id));
    return id;
}

static struct net_result written(int status)
{
    assert_false(b.overflow);
    return (struct net_result){.err = OK, .status = status, .body = buf_str(&b)};
}

static void test_customer(void **state)
{
    const struct stripe_object_customer c = {
        .id = STR("cus_1"), .email = STR("\"a\"@example.org"), .user_id = user(), .created_us = NOW_US};
    struct stripe_customer got;
    struct net_result r;
    (void)state;

    stripe_object_put_customer(&b, &c);
    r = written(200);
    assert_int_equal(stripe_read_customer(&r, &arena, &got, &error), OK);
    assert_str(got.id, "cus_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    assert_false(got.livemode || got.deleted);
    buf_clear(&b);
    stripe_object_put_deleted_customer(&b, STR("cus_1"));
    r = written(200);
    assert_int_equal(stripe_read_customer(&r, &arena, &got, &error), OK);
    assert_true(got.deleted);
}

static void test_subscription(void **state)
{
    struct stripe_life life;
    struct stripe_life_events events = {.n = 0};
    const struct stripe_object_subscription s = {.id = STR("sub_1"),
                                                 .item_id = STR("si_1"),
                                                 .customer = STR("cus_1"),
                                                 .price = STR("price_1"),
                                                 .user_id = user(),
                                                 .life = &life};
    struct stripe_subscriptions page;
    (void)state;

    stripe_life_begin(&life, &plan, STRIPE_CARD_PAYS, NOW_US, &events);
    assert_true(stripe_life_cancel(&life, &plan, false, &events));
    assert_true(stripe_life_pause_collection(&life, true, &events));
    stripe_object_put_subscription(&b, &s);
    stripe_object_put_list(&whole, "/v1/subscriptions", buf_str(&b), false);
    struct net_result r = {.err = OK, .status = 200, .body = buf_str(&whole)};
    assert_int_equal(stripe_read_subscriptions(&r, &arena, &page, &error), OK);
    assert_int_equal(page.n, 1);
    assert_str(page.v[0].id, "sub_1");
    assert_int_equal(page.v[0].status, STRIPE_TRIALING);
    assert_str(page.v[0].prices.v[0], "price_1");
    assert_int_equal(page.v[0].period_start_us, NOW_US);
    assert_int_equal(page.v[0].period_end_us, life.period_end_us);
    assert_int_equal(page.v[0].trial_end_us, life.trial_end_us);
    assert_int_equal(page.v[0].cancel_at_us, life.trial_end_us);
    assert_true(page.v[0].collection_paused);
    assert_string_equal(uuid_text(&page.v[0].user_id).s, USER_ID);
}

static void test_session_and_portal(void **state)
{
    struct stripe_object_session s = {.id = STR("cs_test_1"),
                                      .customer = STR("cus_1"),
                                      .url = STR("https://sandbox.example.org/c/cs_test_1"),
                                      .user_id = user(),
                                      .created_us = NOW_US};
    struct stripe_session got;
    struct str url;
    (void)state;

    stripe_object_put_session(&b, &s);
    struct net_result r = written(200);
    assert_int_equal(stripe_read_session(&r, &arena, &got, &error), OK);
    assert_str(got.url, "https://sandbox.example.org/c/cs_test_1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    s.status = STRIPE_SESSION_COMPLETE;
    s.subscription = STR("sub_1");
    s.url = (struct str){0};
    buf_clear(&b);
    stripe_object_put_session(&b, &s);
    r = written(200);
    assert_int_equal(stripe_read_session(&r, &arena, &got, &error), OK);
    assert_str(got.subscription, "sub_1");
    buf_clear(&b);
    stripe_object_put_portal(&b, STR("bps_1"), STR("cus_1"), STR("https://sandbox.example.org/p/1"), NOW_US);
    r = written(200);
    assert_int_equal(stripe_read_portal(&r, &arena, &url, &error), OK);
    assert_str(url, "https://sandbox.example.org/p/1");
}

static void test_signed_event(void **state)
{
    const struct stripe_object_invoice i = {.id = STR("in_1"),
                                            .customer = STR("cus_1"),
                                            .subscription = STR("sub_1"),
                                            .status = STR("open"),
                                            .link = STR("https://sandbox.example.org/i/1"),
                                            .user_id = user(),
                                            .created_us = NOW_US,
                                            .amount_cents = 1900,
                                            .tries = 2};
    const struct stripe_object_event e = {.id = STR("evt_1"), .type = "invoice.payment_failed", .created_us = NOW_US};
    struct stripe_secrets secrets = {.v = {STR("whsec_1")}, .n = 1};
    struct stripe_event got;
    const char *why;
    (void)state;

    stripe_object_put_invoice(&b, &i);
    stripe_object_put_event(&whole, &e, buf_str(&b));
    assert_int_equal(stripe_read_event(&arena, buf_str(&whole), &got, &why), OK);
    assert_str(got.customer, "cus_1");
    assert_str(got.subscription, "sub_1");
    assert_str(got.link, "https://sandbox.example.org/i/1");
    assert_string_equal(uuid_text(&got.user_id).s, USER_ID);
    assert_int_equal(got.created_us, NOW_US);
    struct str header = timed_signature_make(&arena, "v1", secrets.v, 1, buf_str(&whole), NOW_US);
    assert_int_equal(stripe_signature_check(header, buf_str(&whole), &secrets, NOW_US), TIMED_SIGNATURE_GOOD);
}

/* A complete session that waits for its first payment says so. */
static void test_unpaid_session(void **state)
{
    const struct stripe_object_session s = {.id = STR("cs_test_1"),
                                            .customer = STR("cus_1"),
                                            .subscription = STR("sub_1"),
                                            .status = STRIPE_SESSION_COMPLETE,
                                            .is_unpaid = true,
                                            .created_us = NOW_US};
    (void)state;

    stripe_object_put_session(&b, &s);
    assert_non_null(strstr(b.p, "\"payment_status\":\"unpaid\""));
    assert_non_null(strstr(b.p, "\"status\":\"complete\""));
}

static void test_charge(void **state)
{
    static const struct {
        const char *type, *object, *id, *status;
    } told[] = {{"charge.dispute.created", "dispute", "du_1", "needs_response"},
                {"radar.early_fraud_warning.created", "radar.early_fraud_warning", "issfr_1", NULL}};
    const struct stripe_object_charge c = {
        .id = STR("ch_1"), .customer = STR("cus_1"), .amount_cents = 1900, .created_us = NOW_US, .is_refunded = true};
    struct stripe_event got;
    struct str customer;
    const char *why;
    (void)state;

    stripe_object_put_charge(&b, &c);
    struct net_result r = written(200);
    assert_int_equal(stripe_read_charge(&r, &arena, &customer, &error), OK);
    assert_str(customer, "cus_1");
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        const struct stripe_object_of_charge o = {.object = told[i].object,
                                                  .id = str_from(told[i].id),
                                                  .charge = STR("ch_1"),
                                                  .status = str_from(told[i].status),
                                                  .created_us = NOW_US};
        const struct stripe_object_event e = {.id = STR("evt_1"), .type = told[i].type, .created_us = NOW_US};
        buf_clear(&b);
        buf_clear(&whole);
        stripe_object_put_of_charge(&b, &o);
        stripe_object_put_event(&whole, &e, buf_str(&b));
        assert_int_equal(stripe_read_event(&arena, buf_str(&whole), &got, &why), OK);
        assert_str(got.charge, "ch_1");
        assert_null(got.customer.p);
        assert_true(str_eq(got.status, str_from(told[i].status)));
    }
}

static void test_error(void **state)
{
    (void)state;
    stripe_object_put_error(&b, "invalid_request_error", "resource_missing", "customer", "No such customer: 'cus_2'");
    struct net_result r = written(404);
    assert_int_equal(stripe_read_answer(&r, &arena, &error), ERR_STRIPE_REFUSED);
    assert_true(stripe_error_is_missing(&error));
    assert_str(error.param, "customer");
    buf_clear(&b);
    stripe_object_put_error(&b, "api_error", NULL, NULL, "Later.");
    r = written(500);
    assert_int_equal(stripe_read_answer(&r, &arena, &error), ERR_NET_UNKNOWN);
    assert_null(error.code.p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_customer, empty),
        cmocka_unit_test_setup(test_subscription, empty),
        cmocka_unit_test_setup(test_session_and_portal, empty),
        cmocka_unit_test_setup(test_signed_event, empty),
        cmocka_unit_test_setup(test_unpaid_session, empty),
        cmocka_unit_test_setup(test_charge, empty),
        cmocka_unit_test_setup(test_error, empty),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buf_done(&b);
    buf_done(&whole);
    arena_done(&arena);
    return failed;
}
