#include "with_arena.h"

#include "base/clock.h"
#include "tiktok/tiktok.h"

static const struct conf conf = {
    .service_url = {"https://example.org", 19},
    .tiktok_client_key = {"key 1", 5},
    .tiktok_scopes = {"user.info.basic,video.publish", 29},
    .tiktok_authorize_url = {"https://www.tiktok.com", 22},
    .tiktok_api_url = {"https://open.tiktokapis.com", 27},
    .tiktok_ca_file = {"", 0},
    .tiktok_timeout_sec = 30,
    .tiktok_interactive_timeout_sec = 10,
    .sandbox_url = {"https://sandbox.example.org", 27},
    .sandbox_socket = {"/run/simulator.sock", 19},
};
static char secret_text[] = "s&ecret";
static struct secret_ring client_secrets = {.v = {{secret_text, 7}}, .n = 1};
static const struct tiktok t = {.conf = &conf, .client_secrets = &client_secrets};

static void test_authorize_url(void **state)
{
    (void)state;

    assert_str(tiktok_authorize_url(&t, &arena, STR("st")),
               "https://www.tiktok.com/v2/auth/authorize/?client_key=key%201&response_type=code"
               "&scope=user.info.basic%2Cvideo.publish"
               "&redirect_uri=https%3A%2F%2Fexample.org%2Fapi%2Fv1%2Ftiktok%2Fcallback&state=st");
}

static void test_exchange(void **state)
{
    struct net_call call;
    (void)state;

    tiktok_exchange(&t, &arena, STR("c+/="), &call);
    assert_string_equal(call.method, "POST");
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/oauth/token/");
    assert_string_equal(call.content_type, "application/x-www-form-urlencoded");
    assert_str(call.body, "client_key=key%201&client_secret=s%26ecret&code=c%2B%2F%3D&grant_type=authorization_code"
                          "&redirect_uri=https%3A%2F%2Fexample.org%2Fapi%2Fv1%2Ftiktok%2Fcallback");
    assert_null(call.bearer.p);
    assert_true(call.fresh);
    assert_int_equal(call.timeout_sec, 10);
}

static void test_refresh_and_revoke(void **state)
{
    struct net_call call;
    (void)state;

    tiktok_refresh(&t, &arena, STR("rft.1"), &call);
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/oauth/token/");
    assert_str(call.body, "client_key=key%201&client_secret=s%26ecret&grant_type=refresh_token&refresh_token=rft.1");
    assert_true(call.fresh);
    assert_int_equal(call.timeout_sec, 30);

    tiktok_revoke(&t, &arena, STR("act.1"), &call);
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/oauth/revoke/");
    assert_str(call.body, "client_key=key%201&client_secret=s%26ecret&token=act.1");
    assert_int_equal(call.timeout_sec, 5);
}

static struct net_result answer(int status, const char *body)
{
    return (struct net_result){.status = status, .body = str_from(body)};
}

/* Only an answer that says that the client is wrong, whatever its status, is one to the secret: code and token are untouched by it. */
static void test_next_secret(void **state)
{
    static const struct {
        int status;
        const char *body;
        bool again;
    } rows[] = {
        {200, "{\"access_token\":\"act.2\",\"error\":\"\"}", false},
        {401, "{\"error\":\"invalid_client\",\"error_description\":\"Client key or secret is incorrect.\"}", true},
        {200, "{\"error\":\"invalid_client\",\"log_id\":\"1\"}", true},
        {400, "{\"error\":\"invalid_grant\"}", false},
        {400, "{\"error\":\"invalid_request\"}", false},
        {400, "{\"error\":\"unauthorized_client\"}", false},
        {500, "{\"error\":\"invalid_client\"}", false},
        {401, "<html>", false},
        {401, "", false},
    };
    struct secret_ring ring = {.v = {{(char *)"new", 3}, {(char *)"o&d", 3}}, .n = 2};
    const struct tiktok two = {.conf = &conf, .client_secrets = &ring};
    struct net_call call;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_result r = answer(rows[i].status, rows[i].body);
        tiktok_refresh(&two, &arena, STR("rft.1"), &call);
        if (net_call_again(&call, &arena, &r, clock_mono_us()) != rows[i].again)
            fail_msg("%d %s", rows[i].status, rows[i].body);
        if (rows[i].again)
            assert_str(call.body,
                       "client_key=key%201&client_secret=o%26d&grant_type=refresh_token&refresh_token=rft.1");
        tiktok_refresh(&t, &arena, STR("rft.1"), &call);
        assert_false(net_call_again(&call, &arena, &r, clock_mono_us())); /* there is only one */
    }
    tiktok_exchange(&two, &arena, STR("c"), &call);
    struct net_result r = answer(401, "{\"error\":\"invalid_client\"}");
    assert_true(net_call_again(&call, &arena, &r, clock_mono_us()));
    assert_str(call.body, "client_key=key%201&client_secret=o%26d&code=c&grant_type=authorization_code"
                          "&redirect_uri=https%3A%2F%2Fexample.org%2Fapi%2Fv1%2Ftiktok%2Fcallback");
    assert_false(net_call_again(&call, &arena, &r, clock_mono_us())); /* nor is another left */
    tiktok_status(&two, &arena, STR("act.1"), STR("p"), &call);
    assert_null(call.sign_in);
}

static void test_user_info_asks_for_what_the_policy_names(void **state)
{
    struct net_call call;
    (void)state;

    tiktok_user_info(&t, &arena, STR("act.1"), &call);
    assert_string_equal(call.method, "GET");
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/user/info/?fields=open_id,display_name,avatar_url");
    assert_str(call.bearer, "act.1");
}

static void test_publishing_calls(void **state)
{
    struct net_call call;
    (void)state;

    tiktok_init(&t, &arena, STR("act.1"), STR("{}"), &call);
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/post/publish/content/init/");
    assert_string_equal(call.content_type, "application/json; charset=UTF-8");
    assert_str(call.bearer, "act.1");
    assert_str(call.body, "{}");
    assert_true(call.fresh);
    assert_int_equal(call.timeout_sec, 30);

    tiktok_creator_info(&t, &arena, STR("act.1"), &call);
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/post/publish/creator_info/query/");
    assert_string_equal(call.method, "POST");
    assert_int_equal(call.body.n, 0);

    tiktok_status(&t, &arena, STR("act.1"), STR("p\"1"), &call);
    assert_string_equal(call.url, "https://open.tiktokapis.com/v2/post/publish/status/fetch/");
    assert_str(call.body, "{\"publish_id\":\"p\\\"1\"}");
}

/* Every call of one mode goes to its provider, with its client. */
static void assert_provider(int mode, const struct net_call *call)
{
    if (mode == MODE_LIVE) {
        assert_null(call->unix_socket);
        assert_memory_equal(call->url, "https://open.tiktokapis.com/", 28);
        assert_null(memmem(call->body.p, call->body.n, TIKTOK_TEST_CLIENT, strlen(TIKTOK_TEST_CLIENT)));
        return;
    }
    assert_string_equal(call->unix_socket, "/run/simulator.sock");
    assert_memory_equal(call->url, "http://simulator/", 17);
    assert_null(memmem(call->body.p, call->body.n, "s%26ecret", 9));
}

static void test_each_mode_has_its_provider(void **state)
{
    (void)state;

    for (int mode = MODE_LIVE; mode < MODE__MAX; mode++) {
        struct tiktok p = {.conf = &conf, .client_secrets = mode == MODE_LIVE ? &client_secrets : NULL, .mode = mode};
        struct net_call calls[7];

        tiktok_exchange(&p, &arena, STR("code"), &calls[0]);
        tiktok_refresh(&p, &arena, STR("rft.1"), &calls[1]);
        tiktok_revoke(&p, &arena, STR("act.1"), &calls[2]);
        tiktok_user_info(&p, &arena, STR("act.1"), &calls[3]);
        tiktok_creator_info(&p, &arena, STR("act.1"), &calls[4]);
        tiktok_init(&p, &arena, STR("act.1"), STR("{}"), &calls[5]);
        tiktok_status(&p, &arena, STR("act.1"), STR("p"), &calls[6]);
        for (size_t i = 0; i < ARRAY_LEN(calls); i++)
            assert_provider(mode, &calls[i]);
    }
}

static void test_test_consent(void **state)
{
    const struct tiktok p = {.conf = &conf, .mode = MODE_TEST};
    const struct tiktok_test_creator creator = {.username = STR("test.a"), .private_account = true};
    struct net_call call;
    (void)state;

    tiktok_test_consent(&p, &arena, &creator, &call);
    assert_provider(MODE_TEST, &call);
    assert_str(call.body, "client_key=marketingcli-test&response_type=code&scope=user.info.basic%2Cvideo.publish"
                          "&redirect_uri=https%3A%2F%2Fexample.org%2Fapi%2Fv1%2Ftiktok%2Fcallback&username=test.a"
                          "&post_block=&private=on&grant=user.info.basic&grant=video.publish&decision=allow");
    assert_true(str_starts(tiktok_authorize_url(&p, &arena, STR("st")),
                           STR("https://sandbox.example.org/v2/auth/authorize/?client_key=marketingcli-test&")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_authorize_url, arena_set_up),
        cmocka_unit_test_setup(test_exchange, arena_set_up),
        cmocka_unit_test_setup(test_refresh_and_revoke, arena_set_up),
        cmocka_unit_test_setup(test_next_secret, arena_set_up),
        cmocka_unit_test_setup(test_user_info_asks_for_what_the_policy_names, arena_set_up),
        cmocka_unit_test_setup(test_publishing_calls, arena_set_up),
        cmocka_unit_test_setup(test_each_mode_has_its_provider, arena_set_up),
        cmocka_unit_test_setup(test_test_consent, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
