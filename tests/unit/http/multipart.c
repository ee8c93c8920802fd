#include "http/multipart.h"

#include <stdio.h>

#include "with_arena.h"

#include "base/buf.h"

#define TYPE "multipart/form-data; boundary=b"
#define DISPOSITION "Content-Disposition: form-data; name="

/* A source that gives the text in pieces of .step bytes. */
struct slow {
    struct str text;
    size_t step;
};

static size_t read_slow(void *arg, void *p, size_t n)
{
    struct slow *s = arg;

    n = MIN(MIN(n, s->step), s->text.n);
    memcpy(p, s->text.p, n);
    s->text = str_skip(s->text, n);
    return n;
}

static struct multipart mp;
static struct body body;
static struct slow source;

static enum err start_typed(const char *type, struct str text, size_t step)
{
    arena_clear(&arena);
    source = (struct slow){text, step};
    body =
        (struct body){.source = read_slow, .arg = &source, .content_length = (int64_t)text.n, .max_bytes = UINT64_MAX};
    return multipart_init(&mp, &arena, str_from(type), &body);
}

static void start(const char *text)
{
    assert_int_equal(start_typed(TYPE, str_from(text), 1000), OK);
}

/* The error of the first part of text. */
static enum err first(const char *text, struct multipart_part *ret_part)
{
    start(text);
    return multipart_next(&mp, ret_part);
}

static enum err headers(const char *lines)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(64 << 10);
    struct multipart_part part;

    buf_printf(&b, "--b\r\n%s\r\nx\r\n--b--\r\n", lines);
    return first(b.p, &part);
}

static void test_parts(void **state)
{
    static const char text[] =
        "preamble\r\n--b\r\n" DISPOSITION "\"title\"\r\n\r\nHello\r\n--bear\r\nend\r\n--b  \t\r\n"
        "content-disposition:Form-Data;filename=a.jpg;name=images\r\nContent-Type: image/jpeg\r\n"
        "X-Other: 1\r\n\r\n\r\n--b--\r\nepilogue";
    struct multipart_part part;
    struct str value;

    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(1000);
        /* "--bear" begins like a boundary and is none of a conforming sender: it ends the reading */
        buf_puts(&b, text);
        memcpy(strstr(b.p, "--bear"), "-_bear", 6);
        assert_int_equal(start_typed(TYPE, buf_str(&b), step), OK);
        assert_int_equal(multipart_next(&mp, &part), OK);
        assert_true(str_eqc(part.name, "title"));
        assert_null(part.filename.p);
        assert_null(part.content_type.p);
        assert_int_equal(multipart_read_text(&mp, 100, &value), OK);
        assert_true(str_eqc(value, "Hello\r\n-_bear\r\nend"));
        assert_int_equal(multipart_next(&mp, &part), OK);
        assert_true(str_eqc(part.name, "images"));
        assert_true(str_eqc(part.filename, "a.jpg"));
        assert_true(str_eqc(part.content_type, "image/jpeg"));
        assert_int_equal(multipart_read_text(&mp, 100, &value), OK);
        assert_int_equal(value.n, 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(multipart_next(&mp, &part), OK);
            assert_null(part.name.p);
        }
    }
}

static void test_boundary_with_a_tail(void **state)
{
    struct multipart_part part;

    (void)state;
    assert_int_equal(first("--b\r\n" DISPOSITION "a\r\n\r\nx\r\n--bear\r\n\r\n--b--", &part), OK);
    assert_int_equal(multipart_next(&mp, &part), ERR_BAD_MULTIPART);
}

static void test_skips_unread(void **state)
{
    struct multipart_part part;
    char c;
    size_t n;

    (void)state;
    assert_int_equal(first("--b\r\n" DISPOSITION "a\r\n\r\nxyz\r\n--b\r\n" DISPOSITION "b\r\n\r\n\r\n--b--", &part),
                     OK);
    assert_int_equal(multipart_read(&mp, &c, 1, &n), OK);
    assert_int_equal(c, 'x');
    assert_int_equal(multipart_next(&mp, &part), OK);
    assert_true(str_eqc(part.name, "b"));
    assert_int_equal(multipart_read(&mp, &c, 1, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(multipart_read(&mp, &c, 1, &n), OK);
    assert_int_equal(n, 0);
}

/* A part many times the window, with near misses of the delimiter in it, at sizes around the window. */
static void test_large_part(void **state)
{
    (void)state;
    for (size_t size = 3 * MULTIPART_WINDOW - 90; size < 3 * MULTIPART_WINDOW + 5; size += 7) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20), got = BUF_MAX(1 << 20);
        struct multipart_part part;
        char chunk[5000];
        size_t n;
        buf_puts(&b, "--b\r\n" DISPOSITION "a\r\n\r\n");
        size_t from = b.n;
        while (b.n - from < size)
            buf_puts(&b, b.n % 3 == 0 ? "\r\n--" : "\r\n-b-");
        size_t to = b.n;
        buf_puts(&b, "\r\n--b--");
        assert_int_equal(start_typed(TYPE, buf_str(&b), 7777), OK);
        assert_int_equal(multipart_next(&mp, &part), OK);
        do {
            assert_int_equal(multipart_read(&mp, chunk, sizeof chunk, &n), OK);
            buf_put(&got, chunk, n);
        } while (n > 0);
        assert_int_equal(got.n, to - from);
        assert_memory_equal(got.p, b.p + from, got.n);
    }
}

static void test_part_without_body(void **state)
{
    struct multipart_part part;
    struct str value;

    (void)state;
    assert_int_equal(first("--b\r\n" DISPOSITION "a\r\n\r\n--b\r\n" DISPOSITION "c\r\n\r\n\r\n--b--", &part), OK);
    assert_int_equal(multipart_read_text(&mp, 10, &value), OK);
    assert_int_equal(value.n, 0);
    assert_int_equal(multipart_next(&mp, &part), OK);
    assert_true(str_eqc(part.name, "c"));
}

static void test_content_type(void **state)
{
    static const char *const none[] = {"multipart/form-data",
                                       "multipart/form-data;",
                                       "multipart/form-data; boundary=",
                                       "multipart/form-data; boundary=\"\"",
                                       "multipart/form-data; boundary=\"a",
                                       "multipart/form-data; boundary=\"a \"",
                                       "multipart/form-data; boundary=a; boundary=a",
                                       "multipart/form-data; boundary=a[b",
                                       "multipart/form-data; boundary",
                                       "multipart/form-data; charset=x"};
    static const char *const good[] = {"multipart/form-data; boundary=b", "Multipart/Form-Data;BOUNDARY=\"b\"",
                                       "multipart/form-data ; charset=utf-8; boundary=b;"};
    char type[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(start_typed(none[i], STR(""), 1), ERR_MULTIPART_NO_BOUNDARY);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(start_typed(good[i], STR(""), 1), OK);
    assert_int_equal(start_typed("multipart/mixed; boundary=b", STR(""), 1), ERR_UNSUPPORTED_TYPE);
    assert_int_equal(start_typed("", STR(""), 1), ERR_UNSUPPORTED_TYPE);
    (void)snprintf(type, sizeof type, "multipart/form-data; boundary=%070d", 1);
    assert_int_equal(start_typed(type, STR(""), 1), OK);
    (void)snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 1);
    assert_int_equal(start_typed(type, STR(""), 1), ERR_MULTIPART_NO_BOUNDARY);
}

static void test_truncated(void **state)
{
    static const char text[] = "--b\r\n" DISPOSITION "a\r\n\r\nxyz\r\n--b--";

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct multipart_part part;
        assert_int_equal(start_typed(TYPE, str_of(text, n), 3), OK);
        enum err e = multipart_next(&mp, &part);
        if (e == OK)
            e = multipart_next(&mp, &part);
        assert_int_equal(e, ERR_MULTIPART_TRUNCATED);
    }
}

static void test_body_errors(void **state)
{
    struct multipart_part part;

    (void)state;
    start("--b\r\n");
    body.content_length = 100;
    assert_int_equal(multipart_next(&mp, &part), ERR_BODY_TRUNCATED);
    start("--b\r\n");
    body.max_bytes = 4;
    assert_int_equal(multipart_next(&mp, &part), ERR_BODY_TOO_LARGE);
}

static void test_no_parts(void **state)
{
    struct multipart_part part;

    (void)state;
    assert_int_equal(first("--b--", &part), OK);
    assert_null(part.name.p);
}

static void test_headers(void **state)
{
    static const char *const bad[] = {
        "",
        "Content-Type: text/plain\r\n",
        "Content-Disposition: attachment; name=a\r\n",
        "Content-Disposition: form-data\r\n",
        "Content-Disposition: form-data; filename=a\r\n",
        DISPOSITION "\r\n",
        DISPOSITION "\"\"\r\n",
        DISPOSITION "\"a\r\n",
        DISPOSITION "a; name=b\r\n",
        DISPOSITION "a b\r\n",
        DISPOSITION "a; filename=\r\n\tb\r\n",
        DISPOSITION "a\r\n folded\r\n",
        " " DISPOSITION "a\r\n",
        "Content-Disposition : form-data; name=a\r\n",
        DISPOSITION "a\r\n" DISPOSITION "a\r\n",
        DISPOSITION "a\nX: b\r\n",
        DISPOSITION "a\r\nX: a\rb\r\n",
        DISPOSITION "a\r\nX: a\nb\r\n",
        DISPOSITION "a\r\nno colon\r\n",
        DISPOSITION "a\r\n: x\r\n",
        DISPOSITION "a\r\nContent-Transfer-Encoding: base64\r\n",
        DISPOSITION "a\r\nContent-Transfer-Encoding: quoted-printable\r\n",
        DISPOSITION "a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n",
    };
    static const char *const good[] = {
        DISPOSITION "a\r\nContent-Transfer-Encoding: Binary\r\n",
        DISPOSITION "a\r\nContent-Transfer-Encoding: 8bit\r\n",
        DISPOSITION "a\r\nContent-Transfer-Encoding: 7BIT\r\n",
        DISPOSITION "a;\r\n",
        "X:\r\n" DISPOSITION "a\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (headers(bad[i]) != ERR_BAD_MULTIPART)
            fail_msg("%zu: %s", i, bad[i]);
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(headers(good[i]), OK);
    assert_int_equal(headers(DISPOSITION "\"\xff\"\r\n"), ERR_BAD_UTF8);
    assert_int_equal(headers(DISPOSITION "a; filename=\"\xe9.jpg\"\r\n"), ERR_BAD_UTF8);
}

static void test_lf_only(void **state)
{
    struct multipart_part part;

    (void)state;
    assert_int_equal(first("--b\n" DISPOSITION "a\n\nx\n--b--\n", &part), ERR_BAD_MULTIPART);
}

/* What comes after name= and filename=, and what comes of it. */
static void test_names(void **state)
{
    static const struct {
        const char *sent, *name, *filename;
    } rows[] = {
        {"images", "images", NULL},
        {"\"a b\"", "a b", NULL},
        {"\"a%22b\"", "a\"b", NULL},                                   /* browsers, curl since 7.81 */
        {"\"a\\\"b\\\\c\"", "a\"b\\c", NULL},                          /* curl before */
        {"\"a\"; filename=\"C:\\dir\\x.jpg\"", "a", "C:\\dir\\x.jpg"}, /* a backslash of its own */
        {"\"a\"; filename=\"100%.jpg\"", "a", "100%.jpg"},
        {"\"a%0D%0A%20\"", "a%0D%0A%20", NULL},
        {"\"a\"; filename*=UTF-8''b.jpg", "a", NULL},
        {"\"a\"; filename=c.jpg; filename*=UTF-8''b.jpg", "a", "c.jpg"},
        {"\"a;b\"; filename=\"\"", "a;b", ""},
        {"\"\xc3\xa9\"", "\xc3\xa9", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(1000);
        struct multipart_part part;
        buf_printf(&b, "--b\r\n" DISPOSITION "%s\r\n\r\nx\r\n--b--", rows[i].sent);
        assert_int_equal(first(b.p, &part), OK);
        assert_true(str_eqc(part.name, rows[i].name));
        assert_int_equal(part.filename.p == NULL, rows[i].filename == NULL);
        assert_true(str_eq(part.filename, str_from(rows[i].filename)));
    }
}

static void test_name_length(void **state)
{
    char lines[600];

    (void)state;
    (void)snprintf(lines, sizeof lines, DISPOSITION "\"%0255d\"; filename=\"%0255d\"\r\n", 1, 1);
    assert_int_equal(headers(lines), OK);
    (void)snprintf(lines, sizeof lines, DISPOSITION "\"%0256d\"\r\n", 1);
    assert_int_equal(headers(lines), ERR_BAD_MULTIPART);
    (void)snprintf(lines, sizeof lines, DISPOSITION "a; filename=\"%0256d\"\r\n", 1);
    assert_int_equal(headers(lines), ERR_BAD_MULTIPART);
}

static void test_header_block_length(void **state)
{
    static const char start_[] = "\r\n" DISPOSITION "a\r\nX: "; /* counted with the CR LF before it */

    (void)state;
    for (int more = 0; more <= 1; more++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(20000);
        buf_puts(&b, start_ + 2);
        while (b.n + 4 < (size_t)(8192 + more))
            buf_putc(&b, 'x');
        buf_puts(&b, "\r\n");
        assert_int_equal(headers(b.p), more == 0 ? OK : ERR_BAD_MULTIPART);
    }
}

/* What the headers say over and over costs no memory that grows with it. */
static void test_memory_of_headers(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4 << 20);
    struct multipart_part part;
    enum err e;

    (void)state;
    for (int i = 0; i < 200; i++) {
        buf_puts(&b, "--b\r\n" DISPOSITION "a");
        for (int k = 0; k < 1500; k++)
            buf_puts(&b, ";x=\"\"");
        buf_puts(&b, "\r\n\r\n\r\n");
    }
    buf_puts(&b, "--b--");
    start(b.p);
    while ((e = multipart_next(&mp, &part)) == OK && part.name.p != NULL)
        ;
    assert_int_equal(e, OK);
    assert_true(arena.used_bytes < 2 * MULTIPART_WINDOW);
}

static void test_200_parts(void **state)
{
    (void)state;
    for (int parts = 200; parts <= 201; parts++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
        struct multipart_part part;
        int n = 0;
        enum err e;
        for (int i = 0; i < parts; i++)
            buf_puts(&b, "--b\r\n" DISPOSITION "a\r\n\r\nx\r\n");
        buf_puts(&b, "--b--");
        start(b.p);
        while ((e = multipart_next(&mp, &part)) == OK && part.name.p != NULL)
            n++;
        assert_int_equal(n, 200);
        assert_int_equal(e, parts == 200 ? OK : ERR_BAD_MULTIPART);
    }
}

static void test_read_text(void **state)
{
    static const char text[] = "--b\r\n" DISPOSITION "a\r\n\r\n12345\r\n--b\r\n" DISPOSITION "c\r\n\r\n\xff\r\n--b--";
    struct multipart_part part;
    struct str value;

    (void)state;
    assert_int_equal(first(text, &part), OK);
    assert_int_equal(multipart_read_text(&mp, 5, &value), OK);
    assert_true(str_eqc(value, "12345"));
    assert_int_equal(first(text, &part), OK);
    assert_int_equal(multipart_read_text(&mp, 4, &value), ERR_FIELD_TOO_LONG);
    assert_int_equal(multipart_next(&mp, &part), OK); /* the next part can be read */
    assert_int_equal(multipart_read_text(&mp, 4, &value), ERR_BAD_UTF8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts),
                                              cmocka_unit_test(test_boundary_with_a_tail),
                                              cmocka_unit_test(test_skips_unread),
                                              cmocka_unit_test(test_large_part),
                                              cmocka_unit_test(test_part_without_body),
                                              cmocka_unit_test(test_content_type),
                                              cmocka_unit_test(test_truncated),
                                              cmocka_unit_test(test_body_errors),
                                              cmocka_unit_test(test_no_parts),
                                              cmocka_unit_test(test_headers),
                                              cmocka_unit_test(test_lf_only),
                                              cmocka_unit_test(test_names),
                                              cmocka_unit_test(test_name_length),
                                              cmocka_unit_test(test_header_block_length),
                                              cmocka_unit_test(test_200_parts),
                                              cmocka_unit_test(test_memory_of_headers),
                                              cmocka_unit_test(test_read_text)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
