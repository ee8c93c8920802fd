#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "crypto/password.h"
#include "crypto/password_rule.h"

static const struct password_about nobody;

static enum err rule(const char *password)
{
    return password_rule(str_from(password), &nobody);
}

static void check_comes_first(void **state)
{
    (void)state;
    assert_int_equal(rule("kQ4!vT9#x"), ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(rule("kQ4!vT9#xz"), OK);
    assert_int_equal(rule("kQ4!vT9#xzkQ4!vT9#xzkQ4!vT9#xzkQ4!vT9#xzkQ4!vT9#xzkQ4!vT9#xzkQ4!vT9#xz.-x"),
                     ERR_PASSWORD_TOO_LONG);
    assert_int_equal(password_rule(STR("kQ4!vT9#x\0z"), &nobody), ERR_PASSWORD_NUL);
    assert_int_equal(password_rule(STR("kQ4!vT9#x\xff"), &nobody), ERR_BAD_UTF8);
}

static void weaknesses(void **state)
{
    (void)state;
    assert_int_equal(rule("password123"), ERR_PASSWORD_COMMON);
    assert_int_equal(rule("Pa$$w0rd2024"), ERR_PASSWORD_COMMON);
    assert_int_equal(rule("drowssap321"), ERR_PASSWORD_COMMON);
    assert_int_equal(rule("vvvvvvvvvvvvvvvv"), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("passwordpassword"), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("qwertyuiop[]"), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("abcdefghijklmnop"), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("kx9kx9kx9kx9"), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("          "), ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("1987-04-23"), ERR_PASSWORD_DATE);
    assert_int_equal(rule("MarketingCLI1"), ERR_PASSWORD_PERSONAL);
    assert_int_equal(rule("correct horse battery"), OK);
    assert_int_equal(rule("\xc3\xbc"
                          "berraschend viele Zebras"),
                     OK);
}

/* Two ways to type it are one password, and the same is said of both. */
static void both_ways_of_typing(void **state)
{
    (void)state;
    assert_int_equal(rule("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"),
                     ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"
                          "e\xcc\x81"),
                     ERR_PASSWORD_PATTERN);
}

static void what_others_know(void **state)
{
    const struct password_about about = {.email = STR("zw.quibbleton+shop@xylophonics.example"),
                                         .name = STR("Zwentibold Quibbleton"),
                                         .host = STR("https://posts.frobnicator.example:8443")};
    static const char *const personal[] = {"Quibbleton1",  "Zwentibold Quibbleton", "quibbletonzwentibold",
                                           "xylophonics!", "frobnicator99",         "zw.quibbleton+shop",
                                           "Qu1bbl3t0n77"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(personal); i++)
        assert_int_equal(password_rule(str_from(personal[i]), &about), ERR_PASSWORD_PERSONAL);
    assert_int_equal(rule("quibbletonzwentibold"), OK);
}

/* What is not looked at does not make it better, nor what is looked at worse. */
static void rows_of_digits(void **state)
{
    (void)state;
    assert_int_equal(rule("232323232323232323232323232323232323232323232323232323232323232323232323"),
                     ERR_PASSWORD_PATTERN);
    assert_int_equal(rule("3f9a1c7be0d24856a9b13c5d7e8f0a2b4c6d8e1f3a5b7c9d0e2f4a6b8c1d3e5f"), OK);
    assert_int_equal(rule("90317264850917263548019827364509182736450192837465019283746501928374"), OK);
}

/* An address of the longest local part, and a name of single letters: more words than there are places. */
static void many_words(void **state)
{
    _cleanup_(buf_done) struct buf name = BUF_MAX(4096), email = BUF_MAX(4096);
    struct password_about about;

    (void)state;
    for (int i = 0; i < 100; i++)
        buf_printf(&name, "w%02d ", i);
    for (int i = 0; i < 60; i++)
        buf_printf(&email, "%c.", 'a' + i % 26);
    buf_puts(&email, "@");
    about = (struct password_about){.email = buf_str(&email), .name = buf_str(&name), .host = STR("")};
    assert_int_equal(password_rule(STR("kQ4!vT9#xz"), &about), OK);
    assert_int_equal(password_rule(STR("kQ4!vT9#xz"), &(struct password_about){.email = STR("no address")}), OK);
}

/* What has the most to try: characters that stand for several letters, long ones that repeat, all of them at their longest. If
 * these took more than they may, this would not end. */
static void the_worst(void **state)
{
    static const char *const pieces[] = {"1",  "4",        "@",    "1|!", "0o0O", "s5$z2", "ilil1|",
                                         "ab", "password", "e3a4", "ana", "qwe",  "2024"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        _cleanup_(buf_done) struct buf long_one = BUF_MAX(PASSWORD_MAX_BYTES + 100);
        while (long_one.n < PASSWORD_MAX_BYTES)
            buf_puts(&long_one, pieces[i]);
        assert_int_equal(
            password_rule(str_head(buf_str(&long_one), PASSWORD_MAX_BYTES), &nobody) == ERR_PASSWORD_TOO_LONG, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_comes_first), cmocka_unit_test(weaknesses),     cmocka_unit_test(both_ways_of_typing),
        cmocka_unit_test(what_others_know),  cmocka_unit_test(rows_of_digits), cmocka_unit_test(many_words),
        cmocka_unit_test(the_worst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
