#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "image/scans.h"

static bool whole(const struct buf *b)
{
    uint8_t *p = malloc(b->n);

    assert_non_null(p);
    memcpy(p, b->p, b->n);
    bool all = image_scans_are_all_there(p, b->n);
    free(p);
    return all;
}

static void segment(struct buf *b, uint8_t marker, const void *p, size_t n)
{
    buf_put(b, (const char[]){(char)0xff, (char)marker, 0, (char)(n + 2)}, 4);
    buf_put(b, p, n);
}

static void frame(struct buf *b, uint8_t marker, int components)
{
    char f[6 + 3 * 4] = {8, 0, 16, 0, 16, (char)components};

    buf_clear(b);
    buf_puts(b, "\xff\xd8");
    for (int i = 0; i < components; i++)
        f[6 + 3 * i] = (char)(i + 1);
    segment(b, marker, f, 6 + 3 * (size_t)components);
}

/* Of those components; with data in which there are restarts, stuffed FFs and padding. */
static void scan(struct buf *b, const char *ids, int first, int last, int high, int low)
{
    _cleanup_(buf_done) struct buf s = BUF_MAX(64);

    buf_putc(&s, (char)strlen(ids));
    for (; *ids != '\0'; ids++) {
        buf_putc(&s, (char)(*ids - '0'));
        buf_putc(&s, 0);
    }
    buf_put(&s, (const char[]){(char)first, (char)last, (char)(high << 4 | low)}, 3);
    segment(b, 0xda, s.p, s.n);
    buf_put(b, "data \xff\0 and \xff\xd0 more \xff\xff", 21);
}

/* That of libjpeg for three components (jpeg_simple_progression), which most programs use. */
static const struct {
    const char *ids;
    int first, last, high, low;
} usual[] = {{"123", 0, 0, 0, 1}, {"1", 1, 5, 0, 2},   {"3", 1, 63, 0, 1}, {"2", 1, 63, 0, 1}, {"1", 6, 63, 0, 2},
             {"1", 1, 63, 2, 1},  {"123", 0, 0, 1, 0}, {"3", 1, 63, 1, 0}, {"2", 1, 63, 1, 0}, {"1", 1, 63, 1, 0}};

static void progressive(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    (void)state;
    for (size_t n = 0; n <= ARRAY_LEN(usual); n++) {
        frame(&b, 0xc2, 3);
        for (size_t i = 0; i < n; i++)
            scan(&b, usual[i].ids, usual[i].first, usual[i].last, usual[i].high, usual[i].low);
        assert_int_equal(whole(&b), n == ARRAY_LEN(usual)); /* whether or not an end marker comes */
        buf_puts(&b, "\xff\xd9");
        assert_int_equal(whole(&b), n == ARRAY_LEN(usual));
    }
    frame(&b, 0xc2, 1); /* without lower bits that come later */
    scan(&b, "1", 0, 0, 0, 0);
    scan(&b, "1", 1, 62, 0, 0);
    assert_false(whole(&b));
    scan(&b, "1", 63, 63, 0, 0);
    assert_true(whole(&b));
}

static void sequential(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    (void)state;
    frame(&b, 0xc0, 3);
    assert_false(whole(&b));
    scan(&b, "1", 0, 63, 0, 0);
    assert_false(whole(&b));
    segment(&b, 0xc4, "tables", 6);
    scan(&b, "23", 7, 9, 1, 3); /* these numbers mean nothing here */
    assert_true(whole(&b));
    frame(&b, 0xc1, 3);
    scan(&b, "123", 0, 63, 0, 0);
    assert_true(whole(&b));
    frame(&b, 0xc0, 4);
    scan(&b, "12", 0, 63, 0, 0);
    buf_puts(&b, "\xff\xd9");
    scan(&b, "34", 0, 63, 0, 0); /* after the end */
    assert_false(whole(&b));
}

static void malformed(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    (void)state;
    buf_puts(&b, "\xff\xd8");
    scan(&b, "1", 0, 63, 0, 0); /* before a frame */
    assert_false(whole(&b));
    for (int n = 0; n <= 255; n++) { /* more components than a picture has */
        frame(&b, 0xc0, 1);
        b.p[2 + 4 + 5] = (char)n;
        scan(&b, "1", 0, 63, 0, 0);
        assert_int_equal(whole(&b), n == 1);
    }
    frame(&b, 0xc2, 1);
    scan(&b, "1", 0, 64, 0, 0);
    assert_false(whole(&b));
    frame(&b, 0xc2, 1);
    scan(&b, "1", 5, 4, 0, 0);
    assert_false(whole(&b));
    frame(&b, 0xc0, 1);
    segment(&b, 0xda, "\x01\x01\0\0\x3f", 5); /* a scan's header that is cut */
    assert_false(whole(&b));
    frame(&b, 0xc0, 1);
    segment(&b, 0xc0, "\x08\0\x10\0\x10\x01\x01\x11\0", 9); /* a second frame */
    scan(&b, "1", 0, 63, 0, 0);
    assert_false(whole(&b));
    frame(&b, 0xc0, 1);
    buf_put(&b, "\xff\xda\0\1", 4);
    assert_false(whole(&b));
    buf_clear(&b);
    buf_puts(&b, "\xff");
    assert_false(whole(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progressive),
        cmocka_unit_test(sequential),
        cmocka_unit_test(malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
