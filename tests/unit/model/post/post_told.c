#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/post/post_state.h"
#include "model/post/post_told.h"

#define IDS "7300000000000000001"
#define PUBLIC "PUBLIC_TO_EVERYONE"

/* A post, what TikTok says of it, and what comes of that; event NULL: nothing new. */
static const struct row {
    enum post_state state;
    const char *failure, *ids, *privacy; /* privacy NULL: a draft */
    enum tiktok_publish_status said;
    const char *said_ids, *reason, *event, *code;
    bool more;
} rows[] = {
    {POST_PROCESSING, NULL, NULL, PUBLIC, TIKTOK_PROCESSING, NULL, NULL, NULL, NULL, true},
    {POST_PROCESSING, NULL, NULL, PUBLIC, TIKTOK_COMPLETE, NULL, NULL, "published", NULL, true},
    {POST_PROCESSING, NULL, NULL, PUBLIC, TIKTOK_COMPLETE, IDS, NULL, "published", NULL, false},
    {POST_PROCESSING, NULL, NULL, "SELF_ONLY", TIKTOK_COMPLETE, NULL, NULL, "published", NULL, false},
    {POST_PROCESSING, NULL, NULL, NULL, TIKTOK_INBOX, NULL, NULL, "inbox", NULL, true},
    {POST_PROCESSING, NULL, NULL, NULL, TIKTOK_FAILED, NULL, "spam_risk", "platform_failed", "spam_risk", false},
    {POST_PROCESSING, NULL, NULL, NULL, TIKTOK_FAILED, NULL, "new_word", "platform_failed", "tiktok_refused", false},
    {POST_IN_INBOX, NULL, NULL, NULL, TIKTOK_INBOX, NULL, NULL, NULL, NULL, true},
    {POST_IN_INBOX, NULL, NULL, NULL, TIKTOK_COMPLETE, NULL, NULL, "published", NULL, true},
    {POST_IN_INBOX, NULL, NULL, NULL, TIKTOK_FAILED, NULL, "spam_risk", NULL, NULL, false},
    {POST_PUBLISHED, NULL, NULL, PUBLIC, TIKTOK_COMPLETE, NULL, NULL, NULL, NULL, true},
    {POST_PUBLISHED, NULL, NULL, PUBLIC, TIKTOK_COMPLETE, IDS, NULL, "published", NULL, false},
    {POST_PUBLISHED, NULL, NULL, PUBLIC, TIKTOK_FAILED, NULL, "spam_risk", NULL, NULL, false},
    {POST_FAILED, "unconfirmed", NULL, PUBLIC, TIKTOK_PROCESSING, NULL, NULL, NULL, NULL, true},
    {POST_FAILED, "unconfirmed", NULL, PUBLIC, TIKTOK_COMPLETE, IDS, NULL, "late_published", NULL, false},
    {POST_FAILED, "unconfirmed", NULL, PUBLIC, TIKTOK_COMPLETE, NULL, NULL, "late_published", NULL, true},
    {POST_FAILED, "confirmation_timeout", NULL, NULL, TIKTOK_INBOX, NULL, NULL, "late_inbox", NULL, true},
    {POST_FAILED, "unconfirmed", NULL, PUBLIC, TIKTOK_FAILED, NULL, "auth_removed", "late_failed", "auth_removed",
     false},
    {POST_FAILED, "spam_risk", NULL, PUBLIC, TIKTOK_FAILED, NULL, "spam_risk", NULL, NULL, false},
    {POST_FAILED, "outcome_unknown", NULL, PUBLIC, TIKTOK_INBOX, NULL, NULL, NULL, NULL, true},
};

static struct str or_absent(const char *s)
{
    return s == NULL ? (struct str){0} : str_from(s);
}

static void test_what_an_answer_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        const struct post post = {.state = r->state,
                                  .post_mode = r->privacy == NULL ? POST_MEDIA_UPLOAD : POST_DIRECT_POST,
                                  .privacy_level = or_absent(r->privacy),
                                  .failure_code = or_absent(r->failure),
                                  .tiktok_post_ids = or_absent(r->ids),
                                  .publish_id = STR("p")};
        const struct tiktok_status status = {.status = r->said,
                                             .status_text = STR("WORD"),
                                             .fail_reason = or_absent(r->reason),
                                             .post_ids = or_absent(r->said_ids),
                                             .log_id = STR("log")};
        struct post_told told = post_told(&post, &status, STR("request"));
        enum post_state to;

        assert_int_equal(told.is_news, r->event != NULL);
        assert_int_equal(told.more, r->more);
        if (r->event == NULL)
            continue;
        assert_string_equal(told.move.event, r->event);
        assert_int_equal(post_state_next(str_from(r->event), r->state, post.failure_code, &to), OK);
        assert_true(str_eq(told.move.failure_code, or_absent(r->code)));
        assert_true(str_eqc(told.move.platform_code, r->code == NULL ? "WORD" : r->reason));
        assert_true(str_eq(told.move.tiktok_post_ids, status.post_ids) && str_eqc(told.move.platform_log_id, "log"));
        assert_true(str_eqc(told.move.request_id, "request"));
    }
}

static void test_what_is_asked_about(void **state)
{
    struct post post = {.publish_id = STR("p")};

    (void)state;
    for (int s = 0; s < POST_STATE__MAX; s++) {
        post.state = s;
        assert_int_equal(post_is_open(&post), s == POST_PROCESSING || s == POST_IN_INBOX || s == POST_PUBLISHED);
    }
    post.state = POST_FAILED;
    post.failure_code = STR(POST_UNCONFIRMED);
    assert_true(post_is_open(&post));
    post.publish_id = (struct str){0};
    assert_false(post_is_open(&post));
    post = (struct post){.state = POST_PUBLISHED, .publish_id = STR("p"), .tiktok_post_ids = STR(IDS)};
    assert_false(post_is_open(&post));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_an_answer_does),
        cmocka_unit_test(test_what_is_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
