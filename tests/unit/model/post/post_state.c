#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/post/post_state.h"

/* What each event may do, written down once more and the other way round: a row per state, "-" where it is refused. The
 * last state is a post that does not exist yet. */
static const char *const expected[][POST_STATE__MAX + 2] = {
    /* event, draft, awaiting_approval, scheduled, queued, publishing, processing, deferred, published, in_inbox,
       failed, canceled, none */
    {"created", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "queued"},
    {"submitted", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "awaiting_approval"},
    {"approved", "-", "queued", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"refused", "-", "canceled", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"approval_expired", "-", "canceled", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"attempt", "-", "-", "-", "publishing", "-", "-", "publishing", "-", "-", "-", "-", "-"},
    {"accepted", "-", "-", "-", "-", "processing", "-", "-", "-", "-", "-", "-", "-"},
    {"refused_retry", "-", "-", "-", "-", "queued", "-", "-", "-", "-", "-", "-", "-"},
    {"not_sent", "-", "-", "-", "-", "queued", "-", "-", "-", "-", "-", "-", "-"},
    {"deferred", "-", "-", "-", "deferred", "deferred", "-", "deferred", "-", "-", "-", "-", "-"},
    {"rejected", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"needs_reconnect", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"tiktok_unreachable", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"service_fault", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"images_gone", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"privacy_not_offered", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"worker_crashed", "-", "-", "-", "failed", "failed", "failed", "failed", "-", "-", "-", "-", "-"},
    {"over_budget", "-", "-", "-", "failed", "-", "-", "failed", "-", "-", "-", "-", "-"},
    {"not_as_approved", "-", "-", "-", "failed", "-", "-", "failed", "-", "-", "-", "-", "-"},
    {"user_disabled", "-", "-", "-", "failed", "-", "-", "failed", "-", "-", "-", "-", "-"},
    {"outcome_unknown", "-", "-", "-", "-", "failed", "-", "-", "-", "-", "-", "-", "-"},
    {"inbox", "-", "-", "-", "-", "-", "in_inbox", "-", "-", "-", "-", "-", "-"},
    {"published", "-", "-", "-", "-", "-", "published", "-", "published", "published", "-", "-", "-"},
    {"platform_failed", "-", "-", "-", "-", "-", "failed", "-", "-", "-", "-", "-", "-"},
    {"confirmation_timeout", "-", "-", "-", "-", "-", "failed", "-", "-", "-", "-", "-", "-"},
    {"unconfirmed", "-", "-", "-", "-", "-", "failed", "-", "-", "-", "-", "-", "-"},
    {"late_accepted", "-", "-", "-", "-", "-", "-", "-", "-", "-", "failed", "-", "-"},
    {"late_published", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"late_inbox", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"late_failed", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
    {"account_disconnected", "canceled", "canceled", "canceled", "canceled", "-", "-", "canceled", "-", "-", "-", "-",
     "-"},
    {"canceled", "canceled", "canceled", "canceled", "canceled", "-", "-", "canceled", "-", "-", "-", "-", "-"},
    {"retried", "-", "-", "-", "-", "-", "-", "-", "-", "-", "queued", "queued", "-"},
    {"earlier_accepted", "-", "-", "-", "processing", "-", "-", "processing", "-", "-", "-", "-", "-"},
    {"earlier_published", "-", "-", "-", "published", "-", "-", "published", "-", "-", "-", "-", "-"},
    {"earlier_inbox", "-", "-", "-", "in_inbox", "-", "-", "in_inbox", "-", "-", "-", "-", "-"},
};

static void test_every_event_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        for (int from = 0; from <= POST_STATE__MAX; from++) {
            const char *want = expected[i][from + 1];
            enum post_state to = POST_STATE__MAX;
            enum err e = post_state_next(str_from(expected[i][0]), (enum post_state)from, (struct str){0}, &to);
            if (strcmp(want, "-") == 0) {
                assert_int_equal(e, ERR_CONFLICT);
                assert_int_equal(to, POST_STATE__MAX); /* an output only on success */
            } else {
                assert_int_equal(e, OK);
                assert_string_equal(post_state_names[to], want);
            }
        }
}

/* TikTok's word that comes after we gave up corrects that, and only that. */
static void test_late_word(void **state)
{
    static const struct {
        const char *event;
        enum post_state to;
    } late[] = {{"late_published", POST_PUBLISHED}, {"late_inbox", POST_IN_INBOX}, {"late_failed", POST_FAILED}};
    static const char *const unsettled[] = {"confirmation_timeout", "unconfirmed"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        enum post_state to = POST_STATE__MAX;
        assert_int_equal(post_state_next(str_from(late[i].event), POST_FAILED, STR("outcome_unknown"), &to),
                         ERR_CONFLICT);
        for (size_t j = 0; j < ARRAY_LEN(unsettled); j++) {
            struct str code = str_from(unsettled[j]);
            assert_true(post_state_is_unsettled(POST_FAILED, code));
            assert_false(post_state_is_unsettled(POST_PROCESSING, code));
            assert_int_equal(post_state_next(str_from(late[i].event), POST_FAILED, code, &to), OK);
            assert_int_equal(to, late[i].to);
            assert_int_equal(post_state_next(str_from(late[i].event), POST_PROCESSING, code, &to), ERR_CONFLICT);
            assert_int_equal(post_state_next(STR("published"), POST_FAILED, code, &to), ERR_CONFLICT);
        }
    }
    assert_false(post_state_is_unsettled(POST_FAILED, (struct str){0}));
}

static void test_ended(void **state)
{
    (void)state;
    for (int s = 0; s < POST_STATE__MAX; s++)
        assert_int_equal(post_state_has_ended((enum post_state)s),
                         s == POST_PUBLISHED || s == POST_IN_INBOX || s == POST_FAILED || s == POST_CANCELED);
}

/* Of every event that ends a post, from every state from which it can. */
static void test_unsent(void **state)
{
    static const enum post_state waiting[] = {POST_DRAFT, POST_AWAITING_APPROVAL, POST_SCHEDULED, POST_QUEUED,
                                              POST_DEFERRED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        assert_true(post_state_was_unsent(STR("account_disconnected"), waiting[i]));
    assert_true(post_state_was_unsent(STR("needs_reconnect"), POST_QUEUED));
    assert_true(post_state_was_unsent(STR("tiktok_unreachable"), POST_PUBLISHING));
    assert_true(post_state_was_unsent(STR("service_fault"), POST_PUBLISHING));
    assert_false(post_state_was_unsent(STR("rejected"), POST_PUBLISHING));
    assert_false(post_state_was_unsent(STR("outcome_unknown"), POST_PUBLISHING));
    assert_false(post_state_was_unsent(STR("worker_crashed"), POST_PUBLISHING));
    assert_false(post_state_was_unsent(STR("service_fault"), POST_PROCESSING));
    assert_false(post_state_was_unsent(STR("platform_failed"), POST_PROCESSING));
    assert_false(post_state_was_unsent(STR("late_failed"), POST_FAILED));
    assert_true(post_state_was_unsent(STR("canceled"), POST_QUEUED));
    assert_false(post_state_was_unsent(STR("earlier_published"), POST_QUEUED));
    assert_false(post_state_was_unsent(STR("earlier_inbox"), POST_DEFERRED));
}

static void test_names(void **state)
{
    size_t n = 0;

    (void)state;
    while (post_state_names[n] != NULL)
        n++;
    assert_int_equal(n, POST_STATE__MAX);
    assert_string_equal(post_state_names[POST_CANCELED], "canceled");
    assert_string_equal(post_state_names[POST_IN_INBOX], "in_inbox");
    assert_string_equal(post_mode_names[POST_DIRECT_POST], "DIRECT_POST");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_in_every_state),
        cmocka_unit_test(test_late_word),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_unsent),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
