#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/post/post_digest.h"

static struct post post;
static struct post_image images[3];

static int fresh(void **state)
{
    (void)state;
    post = (struct post){.account_id = {{1}},
                         .title = STR("title"),
                         .description = STR("description"),
                         .post_mode = POST_DIRECT_POST,
                         .privacy_level = STR("SELF_ONLY"),
                         .photo_cover_index = 1};
    for (uint8_t i = 0; i < ARRAY_LEN(images); i++)
        images[i] = (struct post_image){.position = i, .sha256 = {{i}}};
    return 0;
}

static struct sha256 digest(void)
{
    return post_digest(&post, images, ARRAY_LEN(images));
}

static void assert_differs(const struct sha256 *before)
{
    struct sha256 now = digest();

    assert_memory_not_equal(&now, before, sizeof now);
    (void)fresh(NULL);
    now = digest();
    assert_memory_equal(&now, before, sizeof now);
}

/* Whatever TikTok is told of. */
static void test_all_that_is_sent(void **state)
{
    struct sha256 before = digest();

    (void)state;
    post.account_id.b[15] = 1;
    assert_differs(&before);
    post.title = STR("Title");
    assert_differs(&before);
    post.description = STR("description ");
    assert_differs(&before);
    post.post_mode = POST_MEDIA_UPLOAD;
    assert_differs(&before);
    post.privacy_level = STR("PUBLIC_TO_EVERYONE");
    assert_differs(&before);
    post.photo_cover_index = 0;
    assert_differs(&before);
    images[2].sha256.b[31] = 1;
    assert_differs(&before);
}

static void test_every_switch(void **state)
{
    struct sha256 before = digest();
    bool *const switches[] = {&post.disable_comment, &post.auto_add_music, &post.brand_content_toggle,
                              &post.brand_organic_toggle, &post.is_aigc};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(switches); i++) {
        *switches[i] = true;
        assert_differs(&before);
    }
}

static void test_order_and_number_of_images(void **state)
{
    struct sha256 before = digest(), fewer = post_digest(&post, images, ARRAY_LEN(images) - 1);

    (void)state;
    assert_memory_not_equal(&fewer, &before, sizeof fewer);
    images[0].sha256 = (struct sha256){{1}};
    images[1].sha256 = (struct sha256){{0}};
    assert_differs(&before);
}

/* What moves from one text to the next is another post. */
static void test_texts_do_not_run_together(void **state)
{
    struct sha256 before = digest();

    (void)state;
    post.title = STR("titled");
    post.description = STR("escription");
    assert_differs(&before);
    post.title = (struct str){0};
    struct sha256 absent = digest();
    post.title = STR("");
    struct sha256 empty = digest();
    assert_memory_not_equal(&absent, &empty, sizeof empty);
}

static void test_not_what_becomes_of_it(void **state)
{
    struct sha256 before = digest();

    (void)state;
    post.state = POST_PUBLISHED;
    post.publish_id = STR("p");
    post.ended_at_us = 1;
    post.id.b[0] = 1;
    images[0].deleted_at_us = 1;
    images[0].upload_id.b[0] = 1;
    struct sha256 now = digest();
    assert_memory_equal(&now, &before, sizeof now);
}

static void test_as_approved(void **state)
{
    (void)state;
    assert_false(post_is_approved(&post));
    assert_true(post_is_as_approved(&post, images, ARRAY_LEN(images))); /* nobody was asked */
    post.approved_digest = digest();
    assert_true(post_is_approved(&post));
    assert_true(post_is_as_approved(&post, images, ARRAY_LEN(images)));
    post.title = STR("another");
    assert_false(post_is_as_approved(&post, images, ARRAY_LEN(images)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_that_is_sent, fresh),
        cmocka_unit_test_setup(test_every_switch, fresh),
        cmocka_unit_test_setup(test_order_and_number_of_images, fresh),
        cmocka_unit_test_setup(test_texts_do_not_run_together, fresh),
        cmocka_unit_test_setup(test_not_what_becomes_of_it, fresh),
        cmocka_unit_test_setup(test_as_approved, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
