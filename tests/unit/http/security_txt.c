#include "http/security_txt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static struct conf of(const char *contact, const char *policy, const char *languages)
{
    return (struct conf){.service_url = STR("https://post.example.com"),
                         .security_contact = str_from(contact),
                         .security_policy = str_from(policy),
                         .security_languages = str_from(languages)};
}

static void test_what_is_written(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(2048);
    struct conf conf = of("security@example.com, https://example.com/report,tel:+1-201-555-0123",
                          "https://example.com/policy", "en, de");
    int64_t now_us;
    (void)state;

    assert_true(time_parse(STR("2026-11-26T23:59:59Z"), &now_us));
    assert_null(security_txt_fault(&conf));
    security_txt_write(&conf, now_us, &b);
    assert_false(b.overflow);
    assert_string_equal(b.p, "Contact: mailto:security@example.com\n"
                             "Contact: https://example.com/report\n"
                             "Contact: tel:+1-201-555-0123\n"
                             "Expires: 2026-12-26T00:00:00Z\n"
                             "Policy: https://example.com/policy\n"
                             "Preferred-Languages: en, de\n"
                             "Canonical: https://post.example.com/.well-known/security.txt\n");
}

static void test_the_longest_settings_fit(void **state)
{
    char contact[181], policy[181], url[181];
    struct conf conf;
    _cleanup_(buf_done) struct buf b = BUF_MAX(2048);
    (void)state;

    for (size_t i = 0; i < 180; i++)
        contact[i] = "a@b,"[i % 4]; /* each gets a mailto: */
    contact[179] = '\0';
    memset(policy, 'x', 180);
    memcpy(policy, "https://", 8);
    memset(url, 'y', 180);
    policy[180] = url[180] = '\0';
    conf = of(contact, policy, "en");
    conf.service_url = str_from(url);
    assert_null(security_txt_fault(&conf));
    security_txt_write(&conf, 0, &b);
    assert_false(b.overflow);
}

static void test_what_is_refused(void **state)
{
    static const char *const contacts[] = {
        "nobody",         "@example.com", "a@",          "http://example.com",   "a@b@c",
        "a@example.com,", "a b@c.d",      "mailto:\x7f", "a@ex\xc3\xa4mple.com", "x:a@example.com"};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
        struct conf conf = of(contacts[i], "", "en");
        assert_non_null(security_txt_fault(&conf));
    }
    struct conf conf = of("a@example.com", "http://example.com", "en");
    assert_non_null(security_txt_fault(&conf));
    conf = of("a@example.com", "", "en;de");
    assert_non_null(security_txt_fault(&conf));
    conf = of("a@example.com", "", "en,,de");
    assert_non_null(security_txt_fault(&conf));
    conf = of("", "", "");
    assert_null(security_txt_fault(&conf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_the_longest_settings_fit),
        cmocka_unit_test(test_what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
