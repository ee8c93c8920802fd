#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "model/post/post.h"

static struct arena arena;
static struct problems problems;
static struct account account;
static struct post_draft draft;

static int fresh(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    problems = (struct problems){0};
    draft = (struct post_draft){0};
    account = (struct account){.scopes = STR("user.info.basic,video.publish,video.upload"),
                               .privacy_level_options = STR("PUBLIC_TO_EVERYONE,MUTUAL_FOLLOW_FRIENDS,SELF_ONLY"),
                               .snapshot_at_us = clock_now_us()};
    return 0;
}

static int gone(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void check(size_t images_n)
{
    problems.n = 0;
    post_check(&account, &draft, images_n, &arena, &problems);
}

static void assert_problem(size_t i, enum err code, const char *param)
{
    assert_true(i < problems.n);
    assert_string_equal(err_slug(problems.v[i].code), err_slug(code));
    assert_int_equal(problems.v[i].param.n, strlen(param));
    assert_memory_equal(problems.v[i].param.p, param, strlen(param));
}

static void assert_only(enum err code, const char *param)
{
    assert_int_equal(problems.n, 1);
    assert_problem(0, code, param);
}

/* n times unit, then tail. */
static struct str text(const char *unit, size_t n, const char *tail)
{
    size_t size = strlen(unit) * n + strlen(tail);
    char *p = arena_alloc(&arena, size + 1);

    for (size_t i = 0; i < n; i++)
        memcpy(p + i * strlen(unit), unit, strlen(unit));
    memcpy(p + strlen(unit) * n, tail, strlen(tail));
    return str_of(p, size);
}

static void direct(const char *privacy_level)
{
    draft.options.post_mode = STR("DIRECT_POST");
    draft.options.privacy_level = str_from(privacy_level);
}

static void test_nothing_but_images_is_a_draft(void **state)
{
    (void)state;
    check(1);
    assert_int_equal(problems.n, 0);
    assert_true(str_eqc(draft.options.post_mode, "MEDIA_UPLOAD"));
    assert_false(draft.options.disable_comment);
}

static void test_images(void **state)
{
    (void)state;
    check(0);
    assert_only(ERR_IMAGES_MISSING, "images");
    check(35);
    assert_int_equal(problems.n, 0);
    check(36);
    assert_only(ERR_IMAGES_TOO_MANY, "images");
    draft.by_upload_ids = true;
    check(0);
    assert_only(ERR_IMAGES_MISSING, "upload_ids");
}

static void test_title(void **state)
{
    (void)state;
    draft.title = text("a", 90, "");
    check(1);
    assert_int_equal(problems.n, 0);
    draft.title = text("a", 91, "");
    check(1);
    assert_only(ERR_TITLE_TOO_LONG, "title");
    draft.title = text("\xf0\x9f\x98\x80", 45, ""); /* an emoji is 2 units */
    check(1);
    assert_int_equal(problems.n, 0);
    draft.title = text("\xf0\x9f\x98\x80", 45, "a");
    check(1);
    assert_only(ERR_TITLE_TOO_LONG, "title");
    draft.title = text("\xc3\xa4", 90, ""); /* two bytes, one unit */
    check(1);
    assert_int_equal(problems.n, 0);
    assert_false(draft.title_was_cut);
}

static void test_title_overflow(void **state)
{
    (void)state;
    draft.title_overflow = STR("truncate");
    draft.title = text("a", 89, "\xf0\x9f\x98\x80"); /* 91: the emoji must go as a whole */
    check(1);
    assert_int_equal(problems.n, 0);
    assert_int_equal(draft.title.n, 89);
    assert_true(draft.title_was_cut);
    draft.title_overflow = STR("reject");
    draft.title = text("a", 91, "");
    check(1);
    assert_only(ERR_TITLE_TOO_LONG, "title");
    draft.title = STR("x");
    draft.title_overflow = STR("cut");
    check(1);
    assert_only(ERR_FIELD_VALUE, "title_overflow");
}

static void test_description(void **state)
{
    (void)state;
    draft.description = text("\xf0\x9f\x98\x80", 2000, "");
    check(1);
    assert_int_equal(problems.n, 0);
    draft.description = text("\xf0\x9f\x98\x80", 2000, "a");
    check(1);
    assert_only(ERR_DESCRIPTION_TOO_LONG, "description");
    draft.description = text("a", 4001, "");
    check(1);
    assert_only(ERR_DESCRIPTION_TOO_LONG, "description");
}

static void test_texts(void **state)
{
    (void)state;
    draft.title = STR("");
    draft.description = STR("two\nlines\tand #tag");
    check(1);
    assert_int_equal(problems.n, 0);
    assert_null(draft.title.p); /* empty is none */
    draft.title = STR("\xff");
    check(1);
    assert_only(ERR_BAD_UTF8, "title");
    draft.title = STR("a\0b");
    check(1);
    assert_only(ERR_FIELD_CHARACTERS, "title");
}

static void test_cover(void **state)
{
    (void)state;
    draft.options.photo_cover_index = 2;
    check(3);
    assert_int_equal(problems.n, 0);
    check(2);
    assert_only(ERR_COVER_RANGE, "platform_options.photo_cover_index");
    draft.options.photo_cover_index = -1;
    check(2);
    assert_only(ERR_COVER_RANGE, "platform_options.photo_cover_index");
}

static void test_direct_needs_privacy(void **state)
{
    (void)state;
    direct(NULL);
    check(1);
    assert_only(ERR_PRIVACY_REQUIRED, "platform_options.privacy_level");
    direct("EVERYONE");
    check(1);
    assert_only(ERR_PRIVACY_UNKNOWN, "platform_options.privacy_level");
    direct("FOLLOWER_OF_CREATOR");
    check(1);
    assert_only(ERR_PRIVACY_NOT_OFFERED, "platform_options.privacy_level");
    direct("SELF_ONLY");
    check(1);
    assert_int_equal(problems.n, 0);
}

/* What an old snapshot says is not held against anybody: the worker asks again. */
static void test_old_snapshot(void **state)
{
    (void)state;
    account.snapshot_at_us = clock_now_us() - SNAPSHOT_FRESH_US - US_PER_SEC;
    assert_false(post_snapshot_is_fresh(&account));
    direct("FOLLOWER_OF_CREATOR");
    check(1);
    assert_int_equal(problems.n, 0);
    account.snapshot_at_us = 0;
    assert_false(post_snapshot_is_fresh(&account));
    account.snapshot_at_us = clock_now_us() - SNAPSHOT_FRESH_US + 60 * US_PER_SEC;
    assert_true(post_snapshot_is_fresh(&account));
    check(1);
    assert_only(ERR_PRIVACY_NOT_OFFERED, "platform_options.privacy_level");
}

static void test_comments_are_off_unless_asked_for(void **state)
{
    (void)state;
    direct("SELF_ONLY");
    check(1);
    assert_true(draft.options.disable_comment);
    draft.options.disable_comment = false;
    draft.options.disable_comment_given = true;
    check(1);
    assert_int_equal(problems.n, 0);
    assert_false(draft.options.disable_comment);
}

static void test_branded_is_not_private(void **state)
{
    (void)state;
    direct("SELF_ONLY");
    draft.options.brand_content_toggle = true;
    check(1);
    assert_only(ERR_BRANDED_PRIVATE, "platform_options.brand_content_toggle");
    direct("PUBLIC_TO_EVERYONE");
    check(1);
    assert_int_equal(problems.n, 0);
    direct("SELF_ONLY");
    draft.options.brand_content_toggle = false;
    draft.options.brand_organic_toggle = true;
    check(1);
    assert_int_equal(problems.n, 0);
}

static void test_direct_options_on_a_draft(void **state)
{
    (void)state;
    draft.options = (struct post_options){.privacy_level = STR("SELF_ONLY"),
                                          .disable_comment = true,
                                          .auto_add_music = true,
                                          .brand_content_toggle = true,
                                          .brand_organic_toggle = true,
                                          .is_aigc = true};
    check(1);
    assert_int_equal(problems.n, 6);
    for (size_t i = 0; i < problems.n; i++)
        assert_int_equal(problems.v[i].code, ERR_DIRECT_POST_ONLY);
    draft.options = (struct post_options){.disable_comment_given = true};
    check(1);
    assert_int_equal(problems.n, 0); /* a plain no asks for nothing */
}

static void test_post_mode(void **state)
{
    (void)state;
    draft.options.post_mode = STR("DIRECT POST");
    check(1);
    assert_only(ERR_FIELD_VALUE, "platform_options.post_mode");
}

static void test_scopes(void **state)
{
    (void)state;
    account.scopes = STR("user.info.basic,video.upload");
    check(1);
    assert_int_equal(problems.n, 0);
    direct("SELF_ONLY");
    check(1);
    assert_only(ERR_TIKTOK_SCOPE, "platform_options.post_mode");
    account.scopes = STR("user.info.basic,video.publish");
    check(1);
    assert_int_equal(problems.n, 0);
    draft.options = (struct post_options){0};
    check(1);
    assert_only(ERR_TIKTOK_SCOPE, "platform_options.post_mode");
}

static void test_all_problems_at_once(void **state)
{
    (void)state;
    draft.title = text("a", 91, "");
    draft.description = text("a", 4001, "");
    direct("NOBODY");
    check(0);
    assert_int_equal(problems.n, 4);
    assert_problem(0, ERR_IMAGES_MISSING, "images");
    assert_problem(1, ERR_TITLE_TOO_LONG, "title");
    assert_problem(2, ERR_DESCRIPTION_TOO_LONG, "description");
    assert_problem(3, ERR_PRIVACY_UNKNOWN, "platform_options.privacy_level");
    assert_int_equal(problems_err(&problems), ERR_VALIDATION);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_but_images_is_a_draft),
        TEST(test_images),
        TEST(test_title),
        TEST(test_title_overflow),
        TEST(test_description),
        TEST(test_texts),
        TEST(test_cover),
        TEST(test_direct_needs_privacy),
        TEST(test_old_snapshot),
        TEST(test_comments_are_off_unless_asked_for),
        TEST(test_branded_is_not_private),
        TEST(test_direct_options_on_a_draft),
        TEST(test_post_mode),
        TEST(test_scopes),
        TEST(test_all_problems_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
