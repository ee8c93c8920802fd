#include "with_arena.h"

#include "base/clock.h"
#include "tiktok/webhook.h"

#define AT_SEC INT64_C(1789000000)
#define BODY "{\"event\":\"x\"}"
#define HEAD "\"client_key\":\"aw1\",\"create_time\":1789000000"

/* HMAC-SHA256 by Python's hmac, not by us: key secret, message 1789000000.{"event":"x"} */
#define BY_SECRET "9eeee1b1774e003601b985bd923070adf039756ac730fbf7d39094f4252e2e63"

static const struct secret_ring secrets = {.v = {{(char *)"secret", 6}}, .n = 1};

static enum timed_signature check(const char *header, int64_t now_sec)
{
    return tiktok_signature_check(str_from(header), STR(BODY), &secrets, now_sec * US_PER_SEC);
}

/* While it is replaced, TikTok may sign with the one or the other. */
static void test_two_secrets(void **state)
{
    static const char good[] = "t=1789000000,s=" BY_SECRET;
    struct secret_ring ring = {.v = {{(char *)"newer", 5}, {(char *)"secret", 6}, {(char *)"third", 5}}, .n = 3};
    (void)state;

    assert_int_equal(tiktok_signature_check(str_from(good), STR(BODY), &ring, AT_SEC * US_PER_SEC),
                     TIMED_SIGNATURE_GOOD);
    ring.v[1] = ring.v[2];
    ring.n = 2;
    assert_int_equal(tiktok_signature_check(str_from(good), STR(BODY), &ring, AT_SEC * US_PER_SEC),
                     TIMED_SIGNATURE_WRONG);
}

static void test_signature(void **state)
{
    static const char good[] = "t=1789000000,s=" BY_SECRET;
    (void)state;

    assert_int_equal(check(good, AT_SEC), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check("s=" BY_SECRET ",t=1789000000", AT_SEC), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check("t=1789000000,v1=" BY_SECRET, AT_SEC), TIMED_SIGNATURE_NONE); /* Stripe's name */
    assert_int_equal(check("t=1789000001,s=" BY_SECRET, AT_SEC), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check("t=1789000000", AT_SEC), TIMED_SIGNATURE_NONE);
    assert_int_equal(check("", AT_SEC), TIMED_SIGNATURE_MISSING);
}

/* TikTok tries for 72 hours, and may not sign anew. */
static void test_age(void **state)
{
    static const char good[] = "t=1789000000,s=" BY_SECRET;
    (void)state;

    assert_int_equal(check(good, AT_SEC + 73 * 3600), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check(good, AT_SEC + 73 * 3600 + 1), TIMED_SIGNATURE_TOO_OLD);
    assert_int_equal(check(good, AT_SEC - 300), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check(good, AT_SEC - 301), TIMED_SIGNATURE_TOO_NEW);
}

static void test_events(void **state)
{
    static const struct {
        const char *body;
        enum tiktok_use use;
        const char *open_id, *publish_id, *post_id, *reason;
    } rows[] = {
        {"{" HEAD ",\"event\":\"authorization.removed\",\"user_openid\":\"o-1\",\"content\":\"{\\\"reason\\\":1}\"}",
         TIKTOK_USE_REMOVED, "o-1", "", "", "1"},
        {"{" HEAD ",\"event\":\"authorization.removed\",\"user_openid\":\"o-1\",\"content\":\"{\\\"rea\"}",
         TIKTOK_USE_REMOVED, "o-1", "", "", ""},
        {"{" HEAD ",\"event\":\"authorization.removed\",\"user_openid\":\"o-1\"}", TIKTOK_USE_REMOVED, "o-1", "", "",
         ""},
        {"{" HEAD
         ",\"event\":\"post.publish.failed\",\"user_openid\":\"o-1\",\"content\":\"{\\\"publish_id\\\":\\\"p~1\\\","
         "\\\"fail_reason\\\":\\\"spam\\\"}\",\"more\":{\"a\":[1]}}",
         TIKTOK_USE_POST, "o-1", "p~1", "", "spam"},
        {"{" HEAD ",\"event\":\"post.publish.publicly_available\",\"user_openid\":\"o-1\",\"content\":"
         "\"{\\\"publish_id\\\":\\\"p\\\",\\\"post_id\\\":7435678901234567890}\"}",
         TIKTOK_USE_POST, "o-1", "p", "7435678901234567890", ""},
        {"{" HEAD ",\"event\":\"portability.download.ready\",\"content\":\"{\\\"request_id\\\":1}\"}", TIKTOK_USE_NONE,
         "", "", "", ""},
        {"{" HEAD ",\"event\":\"authorization.removed.later\",\"user_openid\":\"o-1\"}", TIKTOK_USE_NONE, "o-1", "", "",
         ""},
        {"{" HEAD
         ",\"event\":\"post.publish.failed\",\"content\":\"{\\\"publish_id\\\":\\\"a b\\\",\\\"reason\\\":[]}\"}",
         TIKTOK_USE_POST, "", "", "", ""},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tiktok_event event;
        const char *why;
        if (tiktok_read_event(&arena, str_from(rows[i].body), &event, &why) != OK)
            fail_msg("%s: %s", rows[i].body, why);
        assert_int_equal(event.use, rows[i].use);
        assert_str(event.client_key, "aw1");
        assert_str(event.open_id, rows[i].open_id);
        assert_str(event.publish_id, rows[i].publish_id);
        assert_str(event.post_id, rows[i].post_id);
        assert_str(event.reason, rows[i].reason);
        assert_true(event.created_us == AT_SEC * US_PER_SEC);
    }
}

static void test_what_is_no_event(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"event\":\"authorization.removed\",\"create_time\":1,\"user_openid\":\"o\"}",
        "{" HEAD "}",
        "{" HEAD ",\"event\":\"\"}",
        "{" HEAD ",\"event\":\"a b\"}",
        "{" HEAD ",\"event\":\"authorization.removed\"}",
        "{" HEAD ",\"event\":\"authorization.removed\",\"user_openid\":\"\"}",
        "{" HEAD ",\"event\":\"authorization.removed\",\"user_openid\":\"a b\"}",
        "{" HEAD ",\"event\":\"x\",\"user_openid\":\"a\\u0000b\"}",
        "{\"client_key\":\"aw1\",\"event\":\"authorization.removed\",\"user_openid\":\"o\"}",
        "{\"client_key\":\"aw1\",\"create_time\":-1,\"event\":\"authorization.removed\",\"user_openid\":\"o\"}",
        "{\"client_key\":\"aw1\",\"create_time\":9223372036854775807,\"event\":\"x\",\"user_openid\":\"o\"}",
        "{\"client_key\":\"aw1\",\"create_time\":1789000000000,\"event\":\"x\",\"user_openid\":\"o\"}",
        "{\"client_key\":\"aw1\",\"client_key\":\"aw2\",\"create_time\":1,\"event\":\"x\"}",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct tiktok_event event;
        const char *why = NULL;
        if (tiktok_read_event(&arena, str_from(bodies[i]), &event, &why) == OK || why == NULL)
            fail_msg("%s is taken", bodies[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature), cmocka_unit_test(test_two_secrets),      cmocka_unit_test(test_age),
        cmocka_unit_test(test_events),    cmocka_unit_test(test_what_is_no_event),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
