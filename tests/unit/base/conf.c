#include "base/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* Loads text from a file of its own. */
static enum err load(const char *text, struct conf *ret, struct buf *why)
{
    char path[] = "/tmp/unit-conf-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    buf_clear(why);
    enum err e = conf_load(ret, path, why);
    assert_int_equal(unlink(path), 0);
    return e;
}

static void test_defaults(void **state)
{
    _cleanup_(conf_done) struct conf c = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    (void)state;
    assert_int_equal(load("[service]\nurl = https://example.org:8443\n", &c, &why), OK);
    assert_true(str_eqc(c.service_url, "https://example.org:8443"));
    assert_int_equal(c.service_threads, 0);
    assert_false(c.tiktok_allow_private_addresses);
    assert_true(str_eqc(c.tiktok_client_key, ""));
    assert_true(str_eqc(c.smtp_host, "localhost")); /* the machine's own mail server: nobody else gets an address */
    assert_int_equal(c.smtp_port, 25);
}

static void test_given(void **state)
{
    _cleanup_(conf_done) struct conf c = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    (void)state;
    assert_int_equal(load("# comment\n[service]\nurl=https://host.example\nthreads=64\n[tiktok]\nclient_key = abc\n"
                          "allow_private_addresses = yes\n",
                          &c, &why),
                     OK);
    assert_int_equal(c.service_threads, 64);
    assert_true(str_eqc(c.tiktok_client_key, "abc"));
    assert_true(c.tiktok_allow_private_addresses);
}

/* By name, or by the number that earlier releases had for it. */
static void test_log_level(void **state)
{
    static const struct {
        const char *text;
        enum log_level level;
    } rows[] = {{"", LOG_INFO},
                {"log_level = error\n", LOG_ERROR},
                {"log_level = warning\n", LOG_WARNING},
                {"log_level = info\n", LOG_INFO},
                {"log_level = debug\n", LOG_DEBUG},
                {"log_level = 0\n", LOG_ERROR},
                {"log_level = 1\n", LOG_WARNING},
                {"log_level = 2\n", LOG_INFO},
                {"log_level = 3\n", LOG_DEBUG}};
    _cleanup_(buf_done) struct buf text = BUF_MAX(1024), why = BUF_MAX(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(conf_done) struct conf c = {0};
        buf_clear(&text);
        buf_printf(&text, "[service]\nurl = https://host.example\n%s", rows[i].text);
        if (load(text.p, &c, &why) != OK)
            fail_msg("%s", why.p);
        assert_int_equal(c.service_log_level, rows[i].level);
    }
}

/* Each wrong file stops the start with a sentence that names the key. */
static void test_wrong(void **state)
{
    static const struct {
        const char *text, *named;
    } rows[] = {
        {"", "service.url is missing"},
        {"[service]\nurl=http://h\n", "service.url"},
        {"[service]\nurl=https://\n", "service.url"},
        {"[service]\nurl=https://h/\n", "service.url"},
        {"[service]\nurl=https://u@h.example\n", "service.url"},
        {"[service]\nurl=\n", "service.url must be https://HOST"},
        {"[service]\nurl=https://h.example\n[sandbox]\nurl=h.example\n", "sandbox.url must be empty, or https://HOST"},
        {"[service]\nurl=https://host.example\nthreads=65\n", "service.threads"},
        {"[service]\nurl=https://host.example\nthreads=-1\n", "service.threads"},
        {"[service]\nurl=https://host.example\nthreads=many\n", "service.threads"},
        {"[service]\nurl=https://host.example\nthreads=8\nthreads=8\n", "service.threads is given twice"},
        {"[service]\nurl=https://host.example\nthraeds=8\n", "service.thraeds"},
        {"[sevrice]\nurl=https://host.example\n", "sevrice.url"},
        {"[service]\nurl=https://host.example\n[database]\nname=\n", "database.name"},
        {"[service]\nurl=https://host.example\n[tiktok]\nallow_private_addresses=true\n",
         "tiktok.allow_private_addresses"},
        {"[service]\nurl=https://host.example\nnonsense\n", "line 3"},
        {"[service]\nurl=https://host.example\nlog_level=loud\n",
         "service.log_level must be error, warning, info or debug"},
        {"[service]\nurl=https://host.example\nlog_level=INFO\n", "service.log_level"},
        {"[service]\nurl=https://host.example\nlog_level=\n", "service.log_level"},
        {"[service]\nurl=https://host.example\nlog_level=4\n", "service.log_level"},
        {"[service]\nurl=https://host.example\nlog_level=-1\n", "service.log_level"},
    };
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf c;
        assert_int_not_equal(load(rows[i].text, &c, &why), OK);
        if (strstr(why.p, rows[i].named) == NULL)
            fail_msg("%zu: %s", i, why.p);
    }
}

static void test_no_file(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct conf c;

    (void)state;
    assert_int_not_equal(conf_load(&c, "/nonexistent/marketingcli.conf", &why), OK);
    assert_non_null(strstr(why.p, "/nonexistent/marketingcli.conf"));
}

/* libinih of Debian takes 200 bytes a line. A longer one is refused and named: it must not be cut. */
static void test_long_value(void **state)
{
    _cleanup_(conf_done) struct conf c = {0};
    _cleanup_(buf_done) struct buf text = BUF_MAX(1024), why = BUF_MAX(1024);

    (void)state;
    buf_printf(&text, "[service]\nurl=https://host.example\n[store]\ndir=/%0179d\n", 7);
    assert_int_equal(load(text.p, &c, &why), OK);
    assert_int_equal(c.store_dir.n, 180);
    conf_done(&c);
    buf_clear(&text);
    buf_printf(&text, "[service]\nurl=https://host.example\n[store]\ndir=/%0219d\n", 7);
    assert_int_not_equal(load(text.p, &c, &why), OK);
    assert_non_null(strstr(why.p, "line 4, dir, has more than 197 bytes"));

    buf_clear(&text);
    buf_printf(&text, "[service]\r\nurl=https://host.example\r\n#%0196d\r\nthreads=9\r\n", 7);
    assert_int_equal(load(text.p, &c, &why), OK);
    assert_int_equal(c.service_threads, 9);
    conf_done(&c);
    buf_clear(&text);
    buf_printf(&text, "[service]\nurl=https://host.example\n#%0197d\n", 7);
    assert_int_not_equal(load(text.p, &c, &why), OK);
    assert_non_null(strstr(why.p, "line 3, #0000"));
}

/* The documentation is a file that loads, once the keys without a default are given. */
static void test_document(void **state)
{
    _cleanup_(conf_done) struct conf c = {0};
    _cleanup_(buf_done) struct buf text = BUF_MAX(64 << 10), why = BUF_MAX(1024);

    (void)state;
    conf_document(&text);
    char *url = strstr(text.p, "\nurl = \n");
    assert_non_null(url);
    _cleanup_(buf_done) struct buf full = BUF_MAX(64 << 10);
    buf_put(&full, text.p, (size_t)(url - text.p));
    buf_puts(&full, "\nurl = https://host.example");
    buf_puts(&full, url + strlen("\nurl = "));
    if (load(full.p, &c, &why) != OK)
        fail_msg("%s", why.p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),  cmocka_unit_test(test_given),
                                              cmocka_unit_test(test_log_level), cmocka_unit_test(test_wrong),
                                              cmocka_unit_test(test_no_file),   cmocka_unit_test(test_long_value),
                                              cmocka_unit_test(test_document)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
