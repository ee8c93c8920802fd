#include "with_arena.h"

#include "answers.h"
#include "stripe/read.h"

#define USER_ID "01890a5d-ac96-774b-bcce-b302099a8057"

static struct stripe_error error;

static enum err read_customer(const char *body, struct stripe_customer *ret)
{
    struct net_result r = answer(200, body);

    memset(ret, 0, sizeof *ret);
    return stripe_read_customer(&r, &arena, ret, &error);
}

static enum err read_session(const char *body, struct stripe_session *ret)
{
    struct net_result r = answer(200, body);

    memset(ret, 0, sizeof *ret);
    return stripe_read_session(&r, &arena, ret, &error);
}

static void test_customer(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"id\":\"cus_1\",\"object\":\"customer\"}",
        "{\"id\":\"cus_1\",\"object\":\"card\",\"livemode\":true}",
        "{\"id\":\"sub_1\",\"object\":\"customer\",\"livemode\":true}",
        "{\"id\":\"cus_1\",\"object\":\"customer\",\"livemode\":\"true\"}",
        "{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":\"yes\"}",
        "{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":false}",
    };
    struct stripe_customer c;
    (void)state;

    assert_int_equal(
        read_customer("{\"id\":\"cus_1\",\"object\":\"customer\",\"livemode\":true,\"email\":\"a@example.org\","
                      "\"metadata\":{\"user_id\":\"" USER_ID "\"}}",
                      &c),
        OK);
    assert_str(c.id, "cus_1");
    assert_true(c.livemode && !c.deleted);
    assert_string_equal(uuid_text(&c.user_id).s, USER_ID);
    assert_int_equal(read_customer("{\"id\":\"cus_1\",\"object\":\"customer\",\"deleted\":true}", &c), OK);
    assert_true(c.deleted);
    assert_true(uuid_is_none(&c.user_id));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(read_customer(bad[i], &c), ERR_NET_UNKNOWN);
}

#define SESSION \
    "{\"id\":\"cs_test_1\",\"object\":\"checkout.session\",\"livemode\":false,\"client_reference_id\":\"" USER_ID "\"" \
    ","

static void test_session(void **state)
{
    static const char *const bad[] = {
        SESSION "\"status\":\"open\",\"url\":null}",
        SESSION "\"status\":\"open\"}",
        SESSION "\"status\":\"open\",\"url\":\"http://checkout.stripe.com/\"}",
        SESSION "\"status\":\"open\",\"url\":\"https://checkout.stripe.com/\\r\\nSet-Cookie: a=b\"}",
        SESSION "\"status\":\"closed\"}",
        SESSION "\"status\":null}",
        "{\"id\":\"cs_test_1\",\"object\":\"checkout.session\",\"status\":\"complete\"}",
        "{\"id\":\"bps_1\",\"object\":\"checkout.session\",\"livemode\":true,\"status\":\"complete\"}",
    };
    struct stripe_session s;
    (void)state;

    assert_int_equal(read_session(SESSION "\"status\":\"open\",\"customer\":\"cus_1\",\"subscription\":null,"
                                          "\"url\":\"https://checkout.stripe.com/c/pay/cs_test_1#a%2F\"}",
                                  &s),
                     OK);
    assert_str(s.id, "cs_test_1");
    assert_str(s.customer, "cus_1");
    assert_null(s.subscription.p);
    assert_string_equal(uuid_text(&s.user_id).s, USER_ID);
    assert_int_equal(s.status, STRIPE_SESSION_OPEN);
    assert_str(s.url, "https://checkout.stripe.com/c/pay/cs_test_1#a%2F");
    assert_int_equal(read_session(SESSION "\"status\":\"complete\",\"customer\":{\"id\":\"cus_1\"},"
                                          "\"subscription\":{\"id\":\"sub_1\",\"items\":{}},\"url\":null}",
                                  &s),
                     OK);
    assert_int_equal(s.status, STRIPE_SESSION_COMPLETE);
    assert_str(s.subscription, "sub_1");
    assert_null(s.url.p);
    assert_int_equal(read_session(SESSION "\"status\":\"expired\",\"url\":\"https://e.org\"}", &s), OK);
    assert_int_equal(s.status, STRIPE_SESSION_EXPIRED);
    assert_null(s.url.p);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(read_session(bad[i], &s), ERR_NET_UNKNOWN);
}

static void test_sessions(void **state)
{
    struct net_result r =
        answer(200, "{\"object\":\"list\",\"has_more\":false,\"data\":[" SESSION "\"status\":\"complete\"}," SESSION
                    "\"status\":\"open\",\"url\":\"https://c.org\"}]}");
    struct stripe_sessions page;
    (void)state;

    assert_int_equal(stripe_read_sessions(&r, &arena, &page, &error), OK);
    assert_int_equal(page.n, 2);
    assert_false(page.has_more);
    assert_str(page.v[1].url, "https://c.org");
    r = answer(200, "{\"object\":\"list\",\"has_more\":false,\"data\":[" SESSION "\"status\":\"x\"}]}");
    assert_int_equal(stripe_read_sessions(&r, &arena, &page, &error), ERR_NET_UNKNOWN);
    r = answer(200, "{\"object\":\"list\",\"has_more\":false,\"data\":{}}");
    assert_int_equal(stripe_read_sessions(&r, &arena, &page, &error), ERR_NET_UNKNOWN);
}

static void test_portal_and_charge(void **state)
{
    struct net_result r = answer(
        200, "{\"id\":\"bps_1\",\"object\":\"billing_portal.session\",\"url\":\"https://billing.stripe.com/p/1\"}");
    struct str got = {0};
    (void)state;

    assert_int_equal(stripe_read_portal(&r, &arena, &got, &error), OK);
    assert_str(got, "https://billing.stripe.com/p/1");
    r = answer(200,
               "{\"id\":\"bps_1\",\"object\":\"billing_portal.session\",\"url\":\"ftp://billing.stripe.com/p/1\"}");
    assert_int_equal(stripe_read_portal(&r, &arena, &got, &error), ERR_NET_UNKNOWN);
    r = answer(200, "{\"id\":\"bps_1\",\"object\":\"billing_portal.session\"}");
    assert_int_equal(stripe_read_portal(&r, &arena, &got, &error), ERR_NET_UNKNOWN);

    r = answer(200, "{\"id\":\"ch_1\",\"object\":\"charge\",\"customer\":\"cus_1\",\"status\":\"succeeded\"}");
    assert_int_equal(stripe_read_charge(&r, &arena, &got, &error), OK);
    assert_str(got, "cus_1");
    r = answer(200, "{\"id\":\"ch_1\",\"object\":\"charge\",\"customer\":null}");
    assert_int_equal(stripe_read_charge(&r, &arena, &got, &error), OK);
    assert_null(got.p);
    r = answer(200, "{\"id\":\"pi_1\",\"object\":\"charge\"}");
    assert_int_equal(stripe_read_charge(&r, &arena, &got, &error), ERR_NET_UNKNOWN);
}

static void test_refusals_pass(void **state)
{
    struct net_result r = answer(404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\"}}");
    struct net_result unsent = {.err = ERR_NET_NOT_SENT};
    struct stripe_customer c;
    struct stripe_session s;
    struct str text;
    (void)state;

    assert_int_equal(stripe_read_customer(&r, &arena, &c, &error), ERR_STRIPE_REFUSED);
    assert_true(stripe_error_is_missing(&error));
    assert_int_equal(stripe_read_session(&r, &arena, &s, &error), ERR_STRIPE_REFUSED);
    assert_int_equal(stripe_read_portal(&r, &arena, &text, &error), ERR_STRIPE_REFUSED);
    assert_int_equal(stripe_read_charge(&unsent, &arena, &text, &error), ERR_NET_NOT_SENT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_customer, arena_set_up),
        cmocka_unit_test_setup(test_session, arena_set_up),
        cmocka_unit_test_setup(test_sessions, arena_set_up),
        cmocka_unit_test_setup(test_portal_and_charge, arena_set_up),
        cmocka_unit_test_setup(test_refusals_pass, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
