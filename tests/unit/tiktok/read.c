#include "with_arena.h"

#include <stdio.h>

#include "tiktok/tiktok.h"

static struct tiktok_error error;

static int clear(void **state)
{
    memset(&error, 0xff, sizeof error);
    return arena_set_up(state);
}

static struct net_result answer(int status, const char *body)
{
    return (struct net_result){.err = OK, .status = status, .body = str_from(body)};
}

/* What holds for every reader, shown by the one that matters most. */

static enum err init_err(struct net_result r)
{
    struct str publish_id = {0};

    return tiktok_read_init(&r, &arena, &publish_id, &error);
}

static void test_init_ok(void **state)
{
    struct net_result r = answer(200, "{\"data\":{\"publish_id\":\"p_pub_url~v2.123\"},\"error\":{\"code\":\"ok\","
                                      "\"message\":\"\",\"log_id\":\"20261122ABC\"}}");
    struct str publish_id;
    (void)state;

    assert_int_equal(tiktok_read_init(&r, &arena, &publish_id, &error), OK);
    assert_str(publish_id, "p_pub_url~v2.123");
    assert_str(error.log_id, "20261122ABC");
    assert_int_equal(error.http_status, 200);
}

static void test_init_refused(void **state)
{
    (void)state;

    assert_int_equal(init_err(answer(403, "{\"error\":{\"code\":\"url_ownership_unverified\",\"message\":\"Please\","
                                          "\"logid\":\"L1\"}}")),
                     ERR_TIKTOK_REFUSED);
    assert_str(error.code, "url_ownership_unverified");
    assert_str(error.message, "Please");
    assert_str(error.log_id, "L1"); /* the other spelling */
    assert_int_equal(error.http_status, 403);
    /* An error code with status 200 is an error all the same. */
    assert_int_equal(init_err(answer(200, "{\"data\":{},\"error\":{\"code\":\"invalid_param\"}}")), ERR_TIKTOK_REFUSED);
    assert_str(error.code, "invalid_param");
    assert_int_equal(init_err(answer(429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}")), ERR_TIKTOK_REFUSED);
}

/* Others have met codes that are numbers; they are read as text. */
static void test_init_refused_by_number(void **state)
{
    (void)state;

    assert_int_equal(init_err(answer(401, "{\"error\":{\"code\":10002,\"message\":\"\",\"log_id\":\"L6\"}}")),
                     ERR_TIKTOK_REFUSED);
    assert_str(error.code, "10002");
    assert_str(error.log_id, "L6");
    assert_int_equal(init_err(answer(200, "{\"data\":{},\"error\":{\"code\":0}}")), ERR_TIKTOK_REFUSED);
    assert_str(error.code, "0");
}

/* Whatever the error says: what has a publish_id is a post. */
static void test_init_refused_with_a_publish_id(void **state)
{
    static const struct {
        const char *publish_id; /* JSON */
        enum err e;
    } ids[] = {
        {"\"p1\"", ERR_NET_UNKNOWN},   {"17", ERR_NET_UNKNOWN},   {"\" \"", ERR_NET_UNKNOWN},
        {"[\"p1\"]", ERR_NET_UNKNOWN}, {"true", ERR_NET_UNKNOWN}, {"\"\"", ERR_TIKTOK_REFUSED},
        {"null", ERR_TIKTOK_REFUSED},
    };
    static const struct {
        int status;
        const char *code;
    } errors[] = {{200, "access_token_expired"}, {401, "access_token_invalid"}, {429, "something_new"}};
    char body[300];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        for (size_t j = 0; j < ARRAY_LEN(errors); j++) {
            snprintf(body, sizeof body, "{\"data\":{\"publish_id\":%s},\"error\":{\"code\":\"%s\",\"log_id\":\"L9\"}}",
                     ids[i].publish_id, errors[j].code);
            if (init_err(answer(errors[j].status, body)) != ids[i].e)
                fail_msg("%d %s", errors[j].status, body);
            assert_str(error.code, errors[j].code); /* the receipt shows it */
            assert_str(error.log_id, "L9");
        }
}

/* Neither ok nor a documented refusal: the post may exist. */
static void test_init_unknown(void **state)
{
    static const char ok[] = "{\"data\":{\"publish_id\":\"p1\"},\"error\":{\"code\":\"ok\"}}";
    (void)state;

    assert_int_equal(init_err(answer(200, ok)), OK);
    assert_int_equal(init_err(answer(500, "{\"error\":{\"code\":\"internal_error\",\"log_id\":\"L2\"}}")),
                     ERR_NET_UNKNOWN);
    assert_str(error.code, "internal_error");
    assert_str(error.log_id, "L2");
    assert_int_equal(init_err(answer(503, ok)), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(302, ok)), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(403, ok)), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(403, "<html>blocked</html>")), ERR_NET_UNKNOWN);
    assert_null(error.code.p);
    assert_int_equal(init_err(answer(200, "")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{}")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "null")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "[]")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":{\"publish_id\":\"p1\"}")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":{\"publish_id\":\"p1\"}}")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":{},\"error\":{\"code\":\"ok\"}}")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":{\"publish_id\":\"\"},\"error\":{\"code\":\"ok\"}}")),
                     ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":\"x\",\"error\":\"y\"}")), ERR_NET_UNKNOWN);
    assert_int_equal(init_err(answer(200, "{\"data\":null,\"error\":{\"code\":\"ok\"}}")), ERR_NET_UNKNOWN);
}

static void test_transport_errors_stay(void **state)
{
    static const enum err errs[] = {ERR_NET_NOT_SENT, ERR_NET_UNKNOWN, ERR_NET_FORBIDDEN};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
        assert_int_equal(init_err((struct net_result){.err = errs[i]}), errs[i]);
        assert_null(error.code.p);
        assert_int_equal(error.http_status, 0);
    }
}

/* At both ends of what fits into posts.publish_id. */
static void test_publish_id_length(void **state)
{
    char body[300];
    (void)state;

    snprintf(body, sizeof body, "{\"data\":{\"publish_id\":\"%064d\"},\"error\":{\"code\":\"ok\"}}", 1);
    assert_int_equal(init_err(answer(200, body)), OK);
    snprintf(body, sizeof body, "{\"data\":{\"publish_id\":\"%065d\"},\"error\":{\"code\":\"ok\"}}", 1);
    assert_int_equal(init_err(answer(200, body)), ERR_NET_UNKNOWN);
}

/* The OAuth endpoints */

static enum err tokens_of(struct net_result r, struct tiktok_tokens *ret)
{
    return tiktok_read_tokens(&r, &arena, ret, &error);
}

static void test_tokens(void **state)
{
    struct tiktok_tokens t;
    (void)state;

    assert_int_equal(tokens_of(answer(200, "{\"open_id\":\"o1\",\"scope\":\"user.info.basic,video.publish\","
                                           "\"access_token\":\"act.1\",\"expires_in\":7200,\"refresh_token\":\"rft.1\","
                                           "\"refresh_expires_in\":15552000,\"token_type\":\"Bearer\"}"),
                               &t),
                     OK);
    assert_str(t.open_id, "o1");
    assert_str(t.scope, "user.info.basic,video.publish");
    assert_str(t.access_token, "act.1");
    assert_str(t.refresh_token, "rft.1");
    assert_int_equal(t.expires_in_sec, 7200);
    assert_int_equal(t.refresh_expires_in_sec, 15552000);
}

/* What is added to the time now must fit. */
static void test_tokens_for_ever(void **state)
{
    struct tiktok_tokens t;
    (void)state;

    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"a\",\"expires_in\":9223372036854775807,"
                                           "\"refresh_expires_in\":9223372036854775807}"),
                               &t),
                     OK);
    assert_int_equal(t.expires_in_sec, 315360000);
    assert_int_equal(t.refresh_expires_in_sec, 315360000);
}

static void test_tokens_refused(void **state)
{
    struct tiktok_tokens t;
    (void)state;

    /* Measured by others: invalid_grant comes with 200. */
    assert_int_equal(tokens_of(answer(200, "{\"error\":\"invalid_grant\",\"error_description\":\"Expired\","
                                           "\"log_id\":\"L3\"}"),
                               &t),
                     ERR_TIKTOK_REFUSED);
    assert_str(error.code, "invalid_grant");
    assert_str(error.message, "Expired");
    assert_str(error.log_id, "L3");
    assert_int_equal(tokens_of(answer(401, "{\"error\":\"invalid_client\"}"), &t), ERR_TIKTOK_REFUSED);
    assert_int_equal(tokens_of(answer(400, "{\"error\":{\"code\":\"invalid_params\",\"log_id\":\"L4\"}}"), &t),
                     ERR_TIKTOK_REFUSED);
    assert_str(error.code, "invalid_params");
    assert_str(error.log_id, "L4");
    assert_int_equal(tokens_of(answer(500, "{\"error\":\"server_error\"}"), &t), ERR_NET_UNKNOWN);
}

static void test_tokens_unreadable(void **state)
{
    struct tiktok_tokens t;
    (void)state;

    assert_int_equal(tokens_of(answer(200, "{\"open_id\":\"o1\"}"), &t), ERR_NET_UNKNOWN);
    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"\",\"expires_in\":7200}"), &t), ERR_NET_UNKNOWN);
    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"a\"}"), &t), ERR_NET_UNKNOWN);
    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"a\",\"expires_in\":-1}"), &t), ERR_NET_UNKNOWN);
    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":1}"), &t),
                     ERR_NET_UNKNOWN);
    /* Without a new refresh token the old one stays: that is for the caller. */
    assert_int_equal(tokens_of(answer(200, "{\"access_token\":\"a\",\"expires_in\":1,\"refresh_token\":\"\"}"), &t),
                     OK);
    assert_null(t.refresh_token.p);
}

static void test_revoke(void **state)
{
    struct net_result empty = answer(200, ""), object = answer(200, "{}"),
                      refused = answer(200, "{\"error\":\"invalid_request\"}"), broken = answer(502, "");
    (void)state;

    assert_int_equal(tiktok_read_revoke(&empty, &arena, &error), OK);
    assert_int_equal(tiktok_read_revoke(&object, &arena, &error), OK);
    assert_int_equal(tiktok_read_revoke(&refused, &arena, &error), ERR_TIKTOK_REFUSED);
    assert_int_equal(tiktok_read_revoke(&broken, &arena, &error), ERR_NET_UNKNOWN);
}

/* User and creator */

static enum err user_of(const char *body, struct tiktok_user *ret)
{
    struct net_result r = answer(200, body);

    return tiktok_read_user(&r, &arena, ret, &error);
}

static void test_user(void **state)
{
    struct tiktok_user u;
    (void)state;

    assert_int_equal(user_of("{\"data\":{\"user\":{\"open_id\":\"o1\",\"display_name\":\"Ada \\ud83d\\udc1d\","
                             "\"avatar_url\":\"https://p16/a.jpeg\"}},\"error\":{\"code\":\"ok\"}}",
                             &u),
                     OK);
    assert_str(u.open_id, "o1");
    assert_str(u.display_name, "Ada \xf0\x9f\x90\x9d");
    assert_str(u.avatar_url, "https://p16/a.jpeg");
    assert_int_equal(user_of("{\"data\":{\"user\":{\"open_id\":\"o1\",\"display_name\":\"\","
                             "\"avatar_url\":\"javascript:alert(1)\"}},\"error\":{\"code\":\"ok\"}}",
                             &u),
                     OK);
    assert_null(u.display_name.p);
    assert_null(u.avatar_url.p);
    assert_int_equal(user_of("{\"data\":{\"user\":{\"display_name\":\"x\"}},\"error\":{\"code\":\"ok\"}}", &u),
                     ERR_NET_UNKNOWN);
}

static enum err creator_of(int status, const char *body, struct tiktok_creator *ret)
{
    struct net_result r = answer(status, body);

    return tiktok_read_creator(&r, &arena, ret, &error);
}

static void test_creator(void **state)
{
    struct tiktok_creator c;
    (void)state;

    assert_int_equal(creator_of(200,
                                "{\"data\":{\"creator_username\":\"ada\",\"creator_nickname\":\"Ada L\","
                                "\"privacy_level_options\":[\"PUBLIC_TO_EVERYONE\",\"x,y\",\"SELF_ONLY\"],"
                                "\"comment_disabled\":true,\"duet_disabled\":false},\"error\":{\"code\":\"ok\"}}",
                                &c),
                     OK);
    assert_str(c.username, "ada");
    assert_str(c.nickname, "Ada L");
    assert_str(c.privacy_level_options, "PUBLIC_TO_EVERYONE,SELF_ONLY");
    assert_true(c.comment_disabled);
    assert_null(c.post_block.p);
    assert_int_equal(creator_of(200, "{\"data\":{\"creator_username\":\"ada\"},\"error\":{\"code\":\"ok\"}}", &c),
                     ERR_NET_UNKNOWN);
}

/* Said with 200, on purpose, and with or without data. */
static void test_creator_who_cannot_post(void **state)
{
    static const char *const codes[] = {"spam_risk_too_many_posts", "spam_risk_user_banned_from_posting",
                                        "reached_active_user_cap"};
    struct tiktok_creator c;
    char body[200];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        snprintf(body, sizeof body, "{\"data\":{},\"error\":{\"code\":\"%s\"}}", codes[i]);
        assert_int_equal(creator_of(200, body, &c), OK);
        assert_str(c.post_block, codes[i]);
    }
    assert_int_equal(creator_of(401, "{\"error\":{\"code\":\"access_token_invalid\"}}", &c), ERR_TIKTOK_REFUSED);
}

/* Status */

static struct tiktok_status status_of(const char *data)
{
    char body[1000];
    struct tiktok_status s = {0};

    snprintf(body, sizeof body, "{\"data\":%s,\"error\":{\"code\":\"ok\",\"log_id\":\"L5\"}}", data);
    struct net_result r = answer(200, body);
    assert_int_equal(tiktok_read_status(&r, &arena, &s, &error), OK);
    return s;
}

static void test_statuses(void **state)
{
    static const struct {
        const char *text;
        enum tiktok_publish_status status;
    } rows[] = {
        {"PROCESSING_UPLOAD", TIKTOK_PROCESSING}, {"PROCESSING_DOWNLOAD", TIKTOK_PROCESSING},
        {"SEND_TO_USER_INBOX", TIKTOK_INBOX},     {"PUBLISH_COMPLETE", TIKTOK_COMPLETE},
        {"PUBLISH_SUCCESS", TIKTOK_COMPLETE},     {"FAILED", TIKTOK_FAILED},
        {"SOMETHING_NEW", TIKTOK_PROCESSING},     {"publish_complete", TIKTOK_PROCESSING},
    };
    char data[100];
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(data, sizeof data, "{\"status\":\"%s\"}", rows[i].text);
        struct tiktok_status s = status_of(data);
        assert_int_equal(s.status, rows[i].status);
        assert_str(s.status_text, rows[i].text);
        assert_str(s.log_id, "L5");
        assert_null(s.post_ids.p);
        assert_null(s.fail_reason.p);
    }
}

/* Beyond 2^53 a double would round them, beyond 2^63 an int64 would not hold them. */
static void test_post_ids_keep_every_digit(void **state)
{
    (void)state;

    assert_str(
        status_of("{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":[7412345678901234567]}").post_ids,
        "7412345678901234567");
    assert_str(status_of("{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":"
                         "[9007199254740993, \"7412345678901234569\",18446744073709551615]}")
                   .post_ids,
               "9007199254740993,7412345678901234569,18446744073709551615");
    assert_str(status_of("{\"status\":\"PUBLISH_COMPLETE\",\"publicly_available_post_id\":[1]}").post_ids, "1");
    assert_null(status_of("{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":[]}").post_ids.p);
    assert_null(status_of("{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":null}").post_ids.p);
}

static void test_fail_reason(void **state)
{
    (void)state;

    struct tiktok_status s = status_of("{\"status\":\"FAILED\",\"fail_reason\":\"picture_size_check_failed\"}");
    assert_int_equal(s.status, TIKTOK_FAILED);
    assert_str(s.fail_reason, "picture_size_check_failed");
    assert_null(status_of("{\"status\":\"FAILED\",\"fail_reason\":\"\"}").fail_reason.p);
}

/* Others have met it. It is an end without a fail_reason, so it is its own; one that is given stays. */
static void test_expired(void **state)
{
    (void)state;

    struct tiktok_status s = status_of("{\"status\":\"EXPIRED\"}");
    assert_int_equal(s.status, TIKTOK_FAILED);
    assert_str(s.status_text, "EXPIRED");
    assert_str(s.fail_reason, "EXPIRED");
    assert_str(status_of("{\"status\":\"EXPIRED\",\"fail_reason\":\"photo_pull_failed\"}").fail_reason,
               "photo_pull_failed");
}

static void test_no_status(void **state)
{
    struct net_result missing = answer(200, "{\"data\":{},\"error\":{\"code\":\"ok\"}}"),
                      refused = answer(400, "{\"error\":{\"code\":\"invalid_publish_id\"}}");
    struct tiktok_status s;
    (void)state;

    assert_int_equal(tiktok_read_status(&missing, &arena, &s, &error), ERR_NET_UNKNOWN);
    assert_int_equal(tiktok_read_status(&refused, &arena, &s, &error), ERR_TIKTOK_REFUSED);
}

static enum err consent_err(int status, const char *location, struct str *ret_code)
{
    struct net_result r = {.err = OK, .status = status};

    if (location != NULL)
        r.headers[0] = str_from(location);
    return tiktok_read_test_consent(&r, &arena, ret_code);
}

static void test_test_consent(void **state)
{
    struct net_result away = {.err = ERR_NET_NOT_SENT};
    struct str code = {0};
    (void)state;

    assert_int_equal(consent_err(303, "https://example.org/cb?code=a%2Ab&scopes=x", &code), OK);
    assert_str(code, "a*b");
    assert_int_equal(tiktok_read_test_consent(&away, &arena, &code), ERR_NET_NOT_SENT);
    static const char *const bad[] = {NULL,
                                      "",
                                      "https://example.org/cb",
                                      "?",
                                      "https://example.org/cb?error=access_denied",
                                      "https://example.org/cb?code=",
                                      "https://example.org/cb?code=%zz"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(consent_err(303, bad[i], &code), ERR_NET_UNKNOWN);
    assert_int_equal(consent_err(200, "https://example.org/cb?code=a", &code), ERR_NET_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_init_ok, clear),
        cmocka_unit_test_setup(test_init_refused, clear),
        cmocka_unit_test_setup(test_init_refused_by_number, clear),
        cmocka_unit_test_setup(test_init_refused_with_a_publish_id, clear),
        cmocka_unit_test_setup(test_init_unknown, clear),
        cmocka_unit_test_setup(test_transport_errors_stay, clear),
        cmocka_unit_test_setup(test_publish_id_length, clear),
        cmocka_unit_test_setup(test_tokens, clear),
        cmocka_unit_test_setup(test_tokens_for_ever, clear),
        cmocka_unit_test_setup(test_tokens_refused, clear),
        cmocka_unit_test_setup(test_tokens_unreadable, clear),
        cmocka_unit_test_setup(test_revoke, clear),
        cmocka_unit_test_setup(test_user, clear),
        cmocka_unit_test_setup(test_creator, clear),
        cmocka_unit_test_setup(test_creator_who_cannot_post, clear),
        cmocka_unit_test_setup(test_statuses, clear),
        cmocka_unit_test_setup(test_post_ids_keep_every_digit, clear),
        cmocka_unit_test_setup(test_fail_reason, clear),
        cmocka_unit_test_setup(test_expired, clear),
        cmocka_unit_test_setup(test_no_status, clear),
        cmocka_unit_test_setup(test_test_consent, clear),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
