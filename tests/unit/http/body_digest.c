#include "http/body_digest.h"

#include "with_arena.h"

#include "base/buf.h"
#include "http/multipart.h"

#define LARGE (3 * MULTIPART_WINDOW + 17)

/* As a program reads it: its parts, each to its end or (skip) not at all; or as it is. */
static struct sha256 digest_of(const char *boundary, struct str text, bool skip)
{
    struct body body = body_of_memory(&text);
    struct body_digest digest;
    struct multipart mp;
    struct multipart_part part;
    char chunk[1000];
    size_t n;

    body_digest_init(&digest, &arena);
    body.digest = &digest;
    if (boundary != NULL) {
        struct str type = arena_printf(&arena, "multipart/form-data; boundary=%s", boundary);
        assert_int_equal(multipart_init(&mp, &arena, type, &body), OK);
        while (multipart_next(&mp, &part) == OK && part.name.p != NULL)
            do
                assert_int_equal(skip ? (int)(n = 0) : (int)multipart_read(&mp, chunk, sizeof chunk, &n), OK);
            while (n > 0);
    } else {
        do
            assert_int_equal(body_read(&body, chunk, sizeof chunk, &n), OK);
        while (n > 0);
    }
    struct sha256 all = body_digest_end(&digest);
    body_digest_done(&digest);
    return all;
}

static struct str form(const char *boundary, const char *const (*parts)[2])
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1u << 20);

    for (; (*parts)[0] != NULL; parts++)
        buf_printf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n\r\n%s\r\n", boundary,
                   (*parts)[0], boundary, (*parts)[1]);
    buf_printf(&b, "--%s--\r\nwhat follows", boundary);
    return arena_str(&arena, buf_str(&b));
}

static bool same(struct sha256 a, struct sha256 b)
{
    return memcmp(a.b, b.b, sizeof a.b) == 0;
}

#define PARTS_MAX 5 /* the last one without a name */

static void test_what_is_the_same(void **state)
{
    static const char *const first[PARTS_MAX][2] = {{"title", "t"}, {"images", "1"}, {"images", "2"}, {"a", ""}};
    static const char *const again[PARTS_MAX][2] = {{"images", "1"}, {"a", ""}, {"images", "2"}, {"title", "t"}};
    struct sha256 want = digest_of("b", form("b", first), false);

    (void)state;
    assert_true(same(want, digest_of("another", form("another", first), false)));
    assert_true(same(want, digest_of("b", form("b", again), false)));
    assert_true(same(want, digest_of("b", form("b", first), true)));
}

static void test_what_is_another(void **state)
{
    static const char *const first[PARTS_MAX][2] = {{"title", "t"}, {"images", "1"}, {"images", "2"}};
    static const char *const others[][PARTS_MAX][2] = {
        {{"title", "u"}, {"images", "1"}, {"images", "2"}}, {{"title", "t"}, {"images", "2"}, {"images", "1"}},
        {{"title", "t"}, {"images", "1"}, {"image", "2"}},  {{"title", "t"}, {"images", "1"}},
        {{"title", "t"}, {"images", "12"}, {"images", ""}}, {{NULL}}};
    struct sha256 want = digest_of("b", form("b", first), false);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(same(want, digest_of("b", form("b", others[i]), false)));
}

/* As PHP names what is of one list; whoever reads it goes by the order of the parts. */
static void test_the_order_of_a_list(void **state)
{
    static const char *const lists[][2][PARTS_MAX][2] = {
        {{{"images[0]", "1"}, {"a", ""}, {"images[1]", "2"}}, {{"images[1]", "2"}, {"images[0]", "1"}, {"a", ""}}},
        {{{"images", "1"}, {"images[]", "2"}}, {{"images[]", "2"}, {"images", "1"}}},
        {{{"images[]", "1"}, {"images[]", "2"}}, {{"images[]", "2"}, {"images[]", "1"}}},
    };
    static const char *const moved[PARTS_MAX][2] = {{"images[0]", "1"}, {"images[1]", "2"}, {"a", ""}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        assert_false(
            same(digest_of("b", form("b", lists[i][0]), false), digest_of("b", form("b", lists[i][1]), false)));
    assert_true(same(digest_of("b", form("b", lists[0][0]), false), digest_of("b", form("b", moved), false)));
}

static void test_a_part_larger_than_the_window(void **state)
{
    char *large = arena_alloc(&arena, LARGE + 1);
    const char *const parts[][2] = {{"images", large}, {"images", "2"}, {NULL, NULL}};

    (void)state;
    memset(large, 'x', LARGE);
    struct sha256 want = digest_of("b", form("b", parts), false);
    assert_true(same(want, digest_of("b", form("b", parts), true)));
    large[LARGE / 2] = 'y';
    assert_false(same(want, digest_of("b", form("b", parts), false)));
}

static void test_a_body_that_is_no_form(void **state)
{
    (void)state;
    assert_true(same(digest_of(NULL, STR("{}"), false), digest_of(NULL, STR("{}"), false)));
    assert_false(same(digest_of(NULL, STR("{}"), false), digest_of(NULL, STR("{ }"), false)));
    assert_false(same(digest_of(NULL, STR(""), false), digest_of(NULL, STR("{}"), false)));
}

/* Reading stops at an error: nothing is left behind. */
static void test_ended_early(void **state)
{
    struct str text = STR("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf");
    struct body body = body_of_memory(&text);
    struct body_digest digest, none = {0};
    struct multipart mp;
    struct multipart_part part;

    (void)state;
    body_digest_init(&digest, &arena);
    body.digest = &digest;
    assert_int_equal(multipart_init(&mp, &arena, STR("multipart/form-data; boundary=b"), &body), OK);
    assert_int_equal(multipart_next(&mp, &part), OK);
    assert_int_equal(multipart_next(&mp, &part), ERR_MULTIPART_TRUNCATED);
    body_digest_done(&digest);
    body_digest_done(&none);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_the_same),       cmocka_unit_test(test_what_is_another),
        cmocka_unit_test(test_the_order_of_a_list),    cmocka_unit_test(test_a_part_larger_than_the_window),
        cmocka_unit_test(test_a_body_that_is_no_form), cmocka_unit_test(test_ended_early)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
