#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tiktok/tiktok.h"

/* Each code that TikTok documents for init, status and fail_reason, and what is done about it. */
static const struct {
    const char *code;
    int http_status;
    enum tiktok_action action;
} documented[] = {
    {"invalid_param", 400, TIKTOK_FINAL},
    {"invalid_params", 400, TIKTOK_FINAL},
    {"app_version_check_failed", 400, TIKTOK_FINAL},
    {"spam_risk_too_many_posts", 403, TIKTOK_DEFER},
    {"spam_risk_user_banned_from_posting", 403, TIKTOK_FINAL},
    {"spam_risk_too_many_pending_share", 403, TIKTOK_DEFER},
    {"reached_active_user_cap", 403, TIKTOK_DEFER},
    {"unaudited_client_can_only_post_to_private_accounts", 403, TIKTOK_FINAL},
    {"url_ownership_unverified", 403, TIKTOK_FINAL},
    {"privacy_level_option_mismatch", 403, TIKTOK_FINAL},
    {"access_token_invalid", 401, TIKTOK_REFRESH},
    {"scope_not_authorized", 401, TIKTOK_RECONNECT},
    {"rate_limit_exceeded", 429, TIKTOK_RETRY},
    {"invalid_publish_id", 400, TIKTOK_FINAL},
    {"token_not_authorized_for_specified_publish_id", 400, TIKTOK_FINAL},
    {"file_format_check_failed", 0, TIKTOK_FINAL},
    {"picture_size_check_failed", 0, TIKTOK_FINAL},
    {"duration_check_failed", 0, TIKTOK_FINAL},
    {"frame_rate_check_failed", 0, TIKTOK_FINAL},
    {"photo_pull_failed", 0, TIKTOK_FINAL},
    {"video_pull_failed", 0, TIKTOK_FINAL},
    {"internal", 0, TIKTOK_FINAL},
    {"publish_cancelled", 0, TIKTOK_FINAL},
    {"auth_removed", 0, TIKTOK_RECONNECT},
    {"spam_risk_text", 0, TIKTOK_FINAL},
    {"spam_risk", 0, TIKTOK_FINAL},
    /* documented elsewhere, or met by others */
    {"scope_permission_missed", 400, TIKTOK_RECONNECT},
    {"invalid_file_upload", 400, TIKTOK_FINAL},
    {"access_token_expired", 401, TIKTOK_REFRESH},
    {"10001", 401, TIKTOK_REFRESH_ONCE},
    {"10002", 401, TIKTOK_REFRESH_ONCE},
    {"EXPIRED", 0, TIKTOK_FINAL},
};

static void test_documented_codes(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(documented); i++) {
        const struct tiktok_code *c = tiktok_code_find(str_from(documented[i].code));
        assert_non_null(c);
        assert_int_equal(c->http_status, documented[i].http_status);
        assert_int_equal(c->action, documented[i].action);
        assert_true(c->action != TIKTOK_DEFER || c->retry_after_sec > 0);
        assert_true(c->action != TIKTOK_RETRY || c->retry_after_sec > 0);
        assert_non_null(tiktok_failure_message(str_from(c->failure)));
        assert_string_equal(tiktok_failure_message(str_from(c->failure)), c->message);
        assert_true(strlen(c->failure) <= 64);
    }
}

/* Words for a server that broke are in no table, and neither are codes that nobody has met. */
static void test_other_codes(void **state)
{
    (void)state;

    assert_null(tiktok_code_find(STR("internal_error")));
    assert_null(tiktok_code_find(STR("ok")));
    assert_null(tiktok_code_find(STR("")));
    assert_null(tiktok_code_find((struct str){0}));
    assert_null(tiktok_failure_message(STR("something_else")));
    assert_false(tiktok_failure_retryable(STR("something_else")));
}

/* What an init's answer with this status and code says; "-": it does not say that nothing was posted. */
static const struct {
    int http_status;
    const char *code, *log_id, *failure;
} inits[] = {
    /* in the table, whether TikTok gives its log_id or not */
    {400, "invalid_param", NULL, "tiktok_invalid_param"},
    {403, "invalid_param", "L", "tiktok_invalid_param"},
    {401, "access_token_invalid", NULL, "account_needs_reconnect"},
    {401, "access_token_expired", "L", "account_needs_reconnect"},
    {400, "10002", "L", "tiktok_refused"}, /* unless a refresh helps */
    {400, "invalid_file_upload", "L", "invalid_file_upload"},
    /* in the table, with a status that is no refusal's */
    {200, "invalid_param", "L", "-"},
    {200, "url_ownership_unverified", "L", "-"},
    {200, "spam_risk_too_many_posts", "L", "-"},
    {500, "access_token_invalid", "L", "-"},
    {500, "invalid_param", "L", "-"},
    {302, "access_token_invalid", "L", "-"},
    {408, "rate_limit_exceeded", "L", "-"},
    {409, "spam_risk_too_many_posts", "L", "-"},
    {425, "invalid_param", "L", "-"},
    {499, "access_token_invalid", "L", "-"},
    {402, "scope_not_authorized", "L", "-"},
    /* a dead token was found before anything was posted: TikTok's API puts refusals into a 200, too */
    {200, "access_token_invalid", "L", "account_needs_reconnect"},
    {200, "access_token_expired", "L", "account_needs_reconnect"},
    {200, "10001", "L", "tiktok_refused"},
    {200, "10002", "L", "tiktok_refused"},
    {202, "access_token_invalid", "L", "-"},
    {202, "10001", "L", "-"},
    /* of status/fetch, so of a post that TikTok had taken: never a refusal of an init */
    {400, "internal", NULL, "-"},
    {400, "EXPIRED", NULL, "-"},
    {400, "photo_pull_failed", "L", "-"},
    {403, "publish_cancelled", "L", "-"},
    {400, "spam_risk_text", "L", "-"},
    {401, "auth_removed", "L", "-"},
    {400, "file_format_check_failed", "L", "-"},
    {400, "invalid_publish_id", "L", "-"},
    {400, "token_not_authorized_for_specified_publish_id", "L", "-"},
    /* in no table: refused when TikTok itself says so, by its envelope with a log_id */
    {400, "something_new", "L", "tiktok_refused"},
    {403, "something_new", "L", "tiktok_refused"},
    {404, "something_new", "L", "tiktok_refused"},
    {405, "something_new", "L", "tiktok_refused"},
    {413, "something_new", "L", "tiktok_refused"},
    {415, "something_new", "L", "tiktok_refused"},
    {422, "something_new", "L", "tiktok_refused"},
    {401, "something_new", "L", "account_needs_reconnect"},
    {429, "something_new", "L", "tiktok_rate_limited"},
    {400, "something_new", NULL, "-"},
    {401, "something_new", NULL, "-"},
    {200, "something_new", "L", "-"},
    {500, "something_new", "L", "-"},
    {503, "internal_error", "L", "-"},
    /* what may come after something was done */
    {400, "internal_error", "L", "-"},
    {400, "internal", "L", "-"},
    {400, "Internal_Server_Error", "L", "-"},
    {400, "server_error", "L", "-"},
    {400, "temporarily_unavailable", "L", "-"},
    {429, "temporarily_unavailable", "L", "-"},
    {408, "something_new", "L", "-"},
    {409, "something_new", "L", "-"},
    {425, "something_new", "L", "-"},
    {499, "something_new", "L", "-"},
    {400, "ok", "L", "-"},
    {400, "", "L", "-"},
};

static void test_what_refuses_an_init(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof inits / sizeof *inits; i++) {
        struct tiktok_error error = {.code = str_from(inits[i].code), .http_status = inits[i].http_status};
        if (inits[i].log_id != NULL)
            error.log_id = str_from(inits[i].log_id);
        const struct tiktok_code *c = tiktok_init_refusal(&error);
        if (strcmp(c == NULL ? "-" : c->failure, inits[i].failure) != 0)
            fail_msg("%d %s: %s", inits[i].http_status, inits[i].code, c == NULL ? "-" : c->failure);
        assert_true(c == NULL || tiktok_failure_message(str_from(c->failure)) != NULL);
    }
}

/* The numbers may mean a dead token, or something else: they never make a user connect again. */
static void test_numbers_never_ask_for_a_reconnection(void **state)
{
    static const char *const numbers[] = {"10001", "10002"};
    static const int statuses[] = {200, 400, 401, 403};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        for (size_t j = 0; j < ARRAY_LEN(statuses); j++) {
            const struct tiktok_error error = {.code = str_from(numbers[i]), .http_status = statuses[j]};
            const struct tiktok_code *c = tiktok_init_refusal(&error);
            assert_non_null(c);
            assert_int_equal(c->action, TIKTOK_REFRESH_ONCE);
            assert_string_equal(c->failure, "tiktok_refused");
        }
}

static void test_outages(void **state)
{
    (void)state;

    assert_true(tiktok_is_outage(STR("internal")));
    assert_true(tiktok_is_outage(STR("internal_error")));
    assert_true(tiktok_is_outage(STR("INTERNAL_ERROR")));
    assert_true(tiktok_is_outage(STR("server_error")));
    assert_true(tiktok_is_outage(STR("temporarily_unavailable")));
    assert_false(tiktok_is_outage(STR("inter")));
    assert_false(tiktok_is_outage(STR("invalid_grant")));
    assert_false(tiktok_is_outage(STR("access_denied")));
    assert_false(tiktok_is_outage((struct str){0}));
}

static void test_failures_of_our_own(void **state)
{
    static const char *const own[] = {"outcome_unknown", "confirmation_timeout", "account_disconnected",
                                      "worker_crashed",  "images_gone",          "tiktok_refused",
                                      "user_disabled"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        assert_non_null(tiktok_failure_message(str_from(own[i])));
    /* Sending again what may be on TikTok already would make two posts of one. */
    assert_false(tiktok_failure_retryable(STR("outcome_unknown")));
    assert_false(tiktok_failure_retryable(STR("confirmation_timeout")));
    assert_false(tiktok_failure_retryable(STR("tiktok_expired")));
    assert_true(tiktok_failure_retryable(STR("photo_pull_failed")));
}

static void test_messages_say_what_to_do(void **state)
{
    (void)state;

    assert_non_null(strstr(tiktok_failure_message(STR("unaudited_client_can_only_post_to_private_accounts")),
                           "Set the TikTok account itself to private"));
    assert_non_null(strstr(tiktok_failure_message(STR("url_ownership_unverified")), "https://HOST/m/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented_codes),
        cmocka_unit_test(test_other_codes),
        cmocka_unit_test(test_what_refuses_an_init),
        cmocka_unit_test(test_failures_of_our_own),
        cmocka_unit_test(test_messages_say_what_to_do),
        cmocka_unit_test(test_numbers_never_ask_for_a_reconnection),
        cmocka_unit_test(test_outages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
