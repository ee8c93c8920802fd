#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/user/user.h"

#define A8 "aaaaaaaa"
#define A32 A8 A8 A8 A8
#define LABEL63 A32 A8 A8 A8 "aaaaaaa"

static void takes_addresses(void **state)
{
    static const struct str good[] = {
        STR("a@b.c"),
        STR("Ann.Smith+tag@Example.COM"),
        STR("o'neil/x=y!#$%&*?^_`{|}~-@sub.domain.example"),
        STR("a..b.@example.org"), /* exists at Japanese carriers */
        STR("a@xn--bcher-kva.example"),
        STR("a@1and1.example"),
        STR(A32 A32 "@example.org"),                                       /* local part 64 */
        STR("a@" LABEL63 ".example"),                                      /* label 63 */
        STR(A32 "@" LABEL63 "." LABEL63 "." LABEL63 "." A8 A8 A8 "aaaaa"), /* 254 in all */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(user_email_check(good[i]), OK);
    assert_int_equal(good[ARRAY_LEN(good) - 1].n, EMAIL_MAX_BYTES);
}

static void refuses_what_is_none(void **state)
{
    static const struct str bad[] = {
        STR(""),
        STR("a"),
        STR("@"),
        STR("@b.c"),
        STR("a@"),
        STR("a@localhost"),
        STR("a@b.c."),
        STR("a@.b.c"),
        STR("a@b..c"),
        STR("a@b@c.d"),
        STR("a@-b.c"),
        STR("a@b-.c"),
        STR("a@b_c.d"),
        STR("a@127.0.0.1"),
        STR("a@[127.0.0.1]"),
        STR("a b@c.d"),
        STR(" a@c.d"),
        STR("a@c.d "),
        STR("\"a\"@c.d"),
        STR("a@c.d\r\nBcc: x@y.z"),
        STR("a\0@c.d"),
        STR("a@c.d\0"),
        STR("ä@c.d"),
        STR("a@bücher.example"),
        STR(A32 A32 "a@example.org"),
        STR("a@" LABEL63 "a.example"),
        STR(A32 "@" LABEL63 "." LABEL63 "." LABEL63 "." A8 A8 A8 "aaaaaa"), /* 255 in all */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(user_email_check(bad[i]), ERR_BAD_EMAIL);
    assert_int_equal(user_email_check((struct str){NULL, 0}), ERR_BAD_EMAIL);
}

static void key_folds_ascii_letters_only(void **state)
{
    struct arena a;
    struct str key;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(user_email_key(STR("Ann.Z+[@Example.COM"), &a, &key), ERR_BAD_EMAIL);
    assert_int_equal(user_email_key(STR("Ann.Z+9_@Example.COM"), &a, &key), OK);
    assert_true(str_eqc(key, "ann.z+9_@example.com"));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(key_folds_ascii_letters_only),
    };
    return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
