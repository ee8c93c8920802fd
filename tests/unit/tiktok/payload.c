#include "with_arena.h"

#include "tiktok/tiktok.h"

static struct tiktok_post post(bool direct)
{
    static struct str urls[] = {{"https://h/m/a/0", 15}, {"https://h/m/a/1", 15}};

    return (struct tiktok_post){.direct = direct,
                                .title = STR("T"),
                                .description = STR("D"),
                                .privacy_level = STR("SELF_ONLY"),
                                .disable_comment = true,
                                .brand_organic_toggle = true,
                                .photo_cover_index = 1,
                                .image_urls = urls,
                                .image_urls_n = 2};
}

static void assert_payload(const struct tiktok_post *p, const char *expected)
{
    struct str s = tiktok_init_payload(&arena, p);

    if (!str_eqc(s, expected))
        fail_msg("'%.*s' is not '%s'", STR_FMT(s), expected);
}

#define SOURCE \
    "\"source_info\":{\"source\":\"PULL_FROM_URL\",\"photo_images\":[\"https://h/m/a/0\",\"https://h/m/a/1\"]," \
    "\"photo_cover_index\":1}"

/* Both brand toggles stand there, also when false. */
static void test_direct(void **state)
{
    struct tiktok_post p = post(true);
    (void)state;

    assert_payload(&p, "{\"media_type\":\"PHOTO\",\"post_mode\":\"DIRECT_POST\",\"post_info\":{\"title\":\"T\","
                       "\"description\":\"D\",\"privacy_level\":\"SELF_ONLY\",\"disable_comment\":true,"
                       "\"auto_add_music\":false,\"brand_content_toggle\":false,\"brand_organic_toggle\":true}," SOURCE
                       "}");
    p.is_aigc = true;
    assert_payload(&p, "{\"media_type\":\"PHOTO\",\"post_mode\":\"DIRECT_POST\",\"post_info\":{\"title\":\"T\","
                       "\"description\":\"D\",\"privacy_level\":\"SELF_ONLY\",\"disable_comment\":true,"
                       "\"auto_add_music\":false,\"brand_content_toggle\":false,\"brand_organic_toggle\":true}," SOURCE
                       ",\"is_aigc\":true}");
}

static void test_draft_has_texts_only(void **state)
{
    struct tiktok_post p = post(false);
    (void)state;

    assert_payload(&p, "{\"media_type\":\"PHOTO\",\"post_mode\":\"MEDIA_UPLOAD\",\"post_info\":{\"title\":\"T\","
                       "\"description\":\"D\"}," SOURCE "}");
    p.title = p.description = (struct str){0};
    assert_payload(&p, "{\"media_type\":\"PHOTO\",\"post_mode\":\"MEDIA_UPLOAD\",\"post_info\":{}," SOURCE "}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_direct, arena_set_up),
        cmocka_unit_test_setup(test_draft_has_texts_only, arena_set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_done(&arena);
    return failed;
}
