#include "with_arena.h"

#include "base/clock.h"
#include "answers.h"
#include "stripe/error.h"

static struct stripe_error error;

static enum err read_answer(int status, const char *body)
{
    struct net_result r = answer(status, body);

    memset(&error, 0xff, sizeof error);
    return stripe_read_answer(&r, &arena, &error);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_int_equal(read_answer(404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\","
                                      "\"param\":\"customer\",\"message\":\"No such customer: 'a@example.org'\"}}"),
                     ERR_STRIPE_REFUSED);
    assert_str(error.type, "invalid_request_error");
    assert_str(error.code, "resource_missing");
    assert_str(error.param, "customer");
    assert_str(error.request_id, "req_1");
    assert_int_equal(error.http_status, 404);
    assert_true(stripe_error_is_missing(&error));
    assert_false(stripe_error_is_about_us(&error));

    assert_int_equal(read_answer(400, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"resource_missing\"}}"),
                     ERR_STRIPE_REFUSED);
    assert_true(stripe_error_is_missing(&error));
    assert_int_equal(read_answer(401, "{\"error\":{\"type\":\"invalid_request_error\"}}"), ERR_STRIPE_REFUSED);
    assert_null(error.code.p);
    assert_false(stripe_error_is_missing(&error));
    assert_true(stripe_error_is_about_us(&error));
    assert_int_equal(read_answer(403, "{\"error\":{}}"), ERR_STRIPE_REFUSED);
    assert_true(stripe_error_is_about_us(&error));
    /* What is not a word is not kept. */
    assert_int_equal(read_answer(402, "{\"error\":{\"type\":\"card error\",\"code\":7,\"param\":[]}}"),
                     ERR_STRIPE_REFUSED);
    assert_null(error.type.p);
    assert_str(error.code, "7");
    assert_null(error.param.p);
}

static void test_no_refusals(void **state)
{
    struct net_result r = answer(200, "{}");
    (void)state;

    assert_int_equal(read_answer(200, "anything"), OK);
    assert_str(error.request_id, "req_1");
    assert_int_equal(read_answer(500, "{\"error\":{\"type\":\"api_error\"}}"), ERR_NET_UNKNOWN);
    assert_str(error.type, "api_error");
    assert_int_equal(read_answer(404, "<html>"), ERR_NET_UNKNOWN);
    assert_int_equal(read_answer(404, "{}"), ERR_NET_UNKNOWN);
    assert_int_equal(read_answer(404, "{\"error\":\"x\"}"), ERR_NET_UNKNOWN);
    assert_int_equal(read_answer(404, ""), ERR_NET_UNKNOWN);
    assert_int_equal(read_answer(302, "{\"error\":{}}"), ERR_NET_UNKNOWN);
    r.headers[0] = STR("a b\"");
    assert_int_equal(stripe_read_answer(&r, &arena, &error), OK);
    assert_null(error.request_id.p);
    for (enum err e = ERR_NET_NOT_SENT; e <= ERR_NET_FORBIDDEN; e++) {
        struct net_result failed = {.err = e};
        assert_int_equal(stripe_read_answer(&failed, &arena, &error), e);
        assert_null(error.code.p);
    }
}

/* Each case three times: a GET, a POST with a key, one without. */
static void test_next(void **state)
{
    static const char word[] = {[STRIPE_DONE] = 'd', [STRIPE_REFUSED] = 'r', [STRIPE_AGAIN] = 'a', [STRIPE_LOOK] = 'l'};
    static const struct {
        enum err err;
        int status;
        const char *should_retry;
        bool replayed;
        const char *next; /* of GET, POST with a key, POST without */
    } rows[] = {
        {ERR_NET_NOT_SENT, 0, NULL, false, "aaa"},
        {ERR_NET_UNKNOWN, 0, NULL, false, "aal"},
        {ERR_NET_FORBIDDEN, 0, NULL, false, "rrr"},
        {OK, 200, NULL, false, "ddd"},
        {OK, 204, "true", true, "ddd"},
        {OK, 400, NULL, false, "rrr"},
        {OK, 400, "true", false, "aaa"},
        {OK, 401, NULL, false, "rrr"},
        {OK, 402, "false", false, "rrr"},
        {OK, 404, NULL, false, "rrr"},
        {OK, 409, NULL, false, "aar"},
        {OK, 409, "false", false, "rrr"},
        {OK, 409, "true", false, "aaa"},
        {OK, 424, NULL, false, "rrr"},
        {OK, 429, NULL, false, "aaa"},
        {OK, 429, "false", false, "rrr"},
        {OK, 429, "true", false, "aaa"},
        {OK, 500, NULL, false, "aal"},
        {OK, 500, "true", false, "aaa"},
        {OK, 500, "false", false, "lll"},
        {OK, 500, "true", true, "lll"},
        {OK, 500, NULL, true, "lll"},
        {OK, 503, NULL, false, "aal"},
        {OK, 503, "TRUE", false, "aal"},
        {OK, 503, "true, false", false, "aal"},
        {OK, 302, NULL, false, "lll"},
        {OK, 400, NULL, true, "rrr"},
        {OK, 101, "true", false, "lll"},
    };
    const struct net_call calls[] = {{.method = "GET"}, {.method = "POST"}, {.method = "POST", .fresh = true}};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t c = 0; c < ARRAY_LEN(calls); c++) {
            struct net_result r = {.err = rows[i].err, .status = rows[i].status};
            r.headers[STRIPE_HEADER_SHOULD_RETRY] = str_from(rows[i].should_retry);
            r.headers[STRIPE_HEADER_REPLAYED] = str_from(rows[i].replayed ? "true" : NULL);
            char next = word[stripe_next(&calls[c], &r)];
            if (next != rows[i].next[c])
                fail_msg("row %zu, call %zu: %c and not %c", i, c, next, rows[i].next[c]);
        }
}

static void test_delay(void **state)
{
    static const int64_t most_us[] = {500000, 500000, 1000000, 2000000, 4000000, 5000000, 5000000};
    (void)state;

    for (int tries = 0; tries < (int)ARRAY_LEN(most_us); tries++)
        for (uint32_t i = 0; i < 1000; i++)
            assert_in_range(stripe_retry_delay_us(tries, i * 4294967), most_us[tries] / 2, most_us[tries]);
    assert_int_equal(stripe_retry_delay_us(1, 0), 500000);
    assert_int_equal(stripe_retry_delay_us(1, 250000), 250000);
    assert_in_range(stripe_retry_delay_us(INT32_MAX, UINT32_MAX), 2500000, 5000000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, arena_set_up),
        cmocka_unit_test_setup(test_no_refusals, arena_set_up),
        cmocka_unit_test_setup(test_next, arena_set_up),
        cmocka_unit_test_setup(test_delay, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
