#include "with_arena.h"

#include "model/mail/reply.h"
#include "model/mail/sending.h"

static void becomes(struct str said, const char *kept)
{
    assert_str(mail_reply(&arena, said), kept);
}

static void test_words_stay(void **state)
{
    (void)state;
    becomes(STR(""), "");
    becomes(STR("2.0.0 Ok: queued as 4XyZ12"), "2.0.0 Ok: queued as 4XyZ12");
    becomes(STR("bo\xc3\xaete pleine"), "bo\xc3\xaete pleine");
    becomes(STR("5.1.1 \xff"), "(not in UTF-8)");
    assert_null(mail_reply(&arena, (struct str){0}).p);
}

static void test_addresses_do_not(void **state)
{
    (void)state;
    becomes(STR("5.1.1 <ada@example.com>: User unknown"), "5.1.1 <(address)>: User unknown");
    becomes(STR("ada+x@b\xc3\xbc"
                "cher.example"),
            "(address)");
    becomes(STR("rfc822;a@b, (c@d) \"e@f\" 'g@h'\ti@j"),
            "rfc822;(address), ((address)) \"(address)\" '(address)'\t(address)");
    becomes(STR("<ada@exam"), "<(address)");
    becomes(STR("a @ b"), "a (address) b");
    becomes(STR("@@@@@@@@ @ @"), "(address) (address) (address)");
}

static void test_it_is_no_longer_than_its_place(void **state)
{
    char said[2 * MAIL_REPLY_CHARS];

    (void)state;
    for (size_t i = 0; i < sizeof said; i++)
        said[i] = i % 2 == 0 ? '@' : ' ';
    assert_int_equal(mail_reply(&arena, str_of(said, sizeof said)).n, MAIL_REPLY_CHARS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_stay),
        cmocka_unit_test(test_addresses_do_not),
        cmocka_unit_test(test_it_is_no_longer_than_its_place),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
