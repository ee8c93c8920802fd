#include "with_arena.h"

#include "base/buf.h"
#include "mail/compose.h"
#include "net/domain.h"

static const char *words(struct str text)
{
    return arena_strdup(&arena, compose_words(&arena, text));
}

static void test_words_of_a_header(void **state)
{
    (void)state;

    assert_string_equal(words(STR("Confirm your address")), "Confirm your address");
    assert_string_equal(words(STR("B\xc3\xbc"
                                  "cher")),
                        "=?UTF-8?Q?=42=C3=BC=63=68=65=72?=");
    assert_string_equal(words(STR("a\r\nBcc: b")), "=?UTF-8?Q?=61=20=20=42=63=63=3A=20=62?=");
    assert_string_equal(words(STR("=?UTF-8?Q?x?=")), "=?UTF-8?Q?=3D=3F=55=54=46=2D=38=3F=51=3F=78=3F=3D?=");
    assert_string_equal(words(STR("\xff")), "=?UTF-8?Q?=3F?=");
    /* A character is never split, and no word has more than 75 characters (RFC 2047, 2). */
    assert_string_equal(
        words(STR("0123456789012345678\xe2\x82\xac"
                  "x")),
        "=?UTF-8?Q?=30=31=32=33=34=35=36=37=38=39=30=31=32=33=34=35=36=37=38?= =?UTF-8?Q?=E2=82=AC=78?=");
}

static struct conf conf_of(const char *url, const char *from)
{
    return (struct conf){.service_name = STR("Post \"it\""), .service_url = str_from(url), .smtp_from = str_from(from)};
}

static void test_who_sends(void **state)
{
    static const struct {
        const char *url, *from, *want, *domain, *hello; /* want NULL: nobody can */
    } rows[] = {
        {"https://post.example.com", "", "no-reply@post.example.com", "post.example.com", "post.example.com"},
        {"https://localhost:8443", "", "no-reply@localhost", "localhost", "localhost"},
        {"https://post.example.com", "mail@example.com", "mail@example.com", "example.com", "post.example.com"},
        {"https://b\xc3\xbc"
         "cher.example",
         "", "no-reply@xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"https://[::1]:8443", "", NULL, NULL, NULL},
        {"https://[::1]:8443", "mail@example.com", "mail@example.com", "example.com", "example.com"},
        {"https://post.example.com", "mail", NULL, NULL, NULL},
        {"https://post.example.com", "a b@example.com", NULL, NULL, NULL},
        {"https://post.example.com", "a@example.com>", NULL, NULL, NULL},
    };
    struct compose_sender s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf conf = conf_of(rows[i].url, rows[i].from);
        bool can = compose_sender(&conf, *state, &s);
        assert_int_equal(can, rows[i].want != NULL);
        if (can) {
            assert_true(str_eqc(s.from, rows[i].want) && str_eqc(s.domain, rows[i].domain));
            assert_string_equal(s.hello, rows[i].hello);
        }
    }
}

static void test_addresses(void **state)
{
    struct str got;

    assert_true(net_address_ascii(*state,
                                  STR("ann+x@B\xc3\x9c"
                                      "CHER.example"),
                                  &got));
    assert_true(str_eqc(got, "ann+x@xn--bcher-kva.example"));
    assert_true(net_address_ascii(*state, STR("ann@xn--bcher-kva.example"), &got));
    assert_true(str_eqc(got, "ann@xn--bcher-kva.example"));
    static const struct str bad[] = {STR("ann"),
                                     STR("ann@"),
                                     STR("@example.com"),
                                     STR("j\xc3\xbcrgen@example.com"),
                                     STR("a@b\r\nRCPT TO:<c@example.com>"),
                                     STR("a@b\0c"),
                                     STR("a@b@c"),
                                     STR("a@\xff.example"),
                                     STR("a b@example.com"),
                                     STR("a@example..com")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(net_address_ascii(*state, bad[i], &got));
}

static const struct mail_outgoing outgoing = {
    .id = {.b = {1, 2, 3}}, .template = MAIL_RESET_PASSWORD, .email = STR("ann@example.org"), .name = STR("Ann")};

static void test_a_mail(void **state)
{
    struct conf conf = conf_of("https://post.example.com", "");
    struct compose_sender s;
    struct composed c;

    assert_true(compose_sender(&conf, *state, &s));
    assert_true(compose(*state, &s, &outgoing, STR("TOKEN"), INT64_C(1795698609) * 1000000, &c));
    assert_true(str_eqc(c.from, "bounce+01020300-0000-0000-0000-000000000000@post.example.com"));
    assert_true(str_eqc(c.to, "ann@example.org"));
    static const struct {
        const char *name, *value;
    } want[] = {{"From", "\"Post \\\"it\\\"\" <no-reply@post.example.com>"},
                {"To", "<ann@example.org>"},
                {"Subject", "Choose a new password"},
                {"Date", "Thu, 26 Nov 2026 13:10:09 +0000"},
                {"Message-ID", "<96e3c19e7d9d46d940080397d66a638e@post.example.com>"},
                {"Auto-Submitted", "auto-generated"}};
    assert_int_equal(c.headers_n, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(c.headers[i].name, want[i].name);
        assert_string_equal(arena_strdup(*state, c.headers[i].value), want[i].value);
    }
    assert_non_null(strstr(arena_strdup(*state, c.letter.text), "Hello Ann,\n"));
    assert_non_null(strstr(arena_strdup(*state, c.letter.text), "https://post.example.com/reset-password#TOKEN\n"));
}

static void test_the_sender_names_the_mail(void **state)
{
    struct str address = mail_sender(*state, &outgoing.id, STR("example.com"));
    struct uuid id;

    assert_true(mail_of_sender(address, &id) && uuid_eq(&id, &outgoing.id));
    static const char *const bad[] = {"",
                                      "@",
                                      "bounce+@x",
                                      "bounce+01020300-0000-0000-0000-000000000000",
                                      "bounce+01020300-0000-0000-0000-000000000000@",
                                      "bounce-01020300-0000-0000-0000-000000000000@x",
                                      "bounce+01020300-0000-0000-0000-00000000000g@x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(mail_of_sender(str_from(bad[i]), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_a_header),
        cmocka_unit_test(test_who_sends),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_mail),
        cmocka_unit_test(test_the_sender_names_the_mail),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
