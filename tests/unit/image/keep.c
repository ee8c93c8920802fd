#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "image/keep.h"

static void put_be(struct buf *b, uint32_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void segment(struct buf *b, uint8_t marker, const void *p, size_t n)
{
    put_be(b, 0xff00u | marker, 2);
    put_be(b, (uint32_t)n + 2, 2);
    buf_put(b, p, n);
}

#define JFIF "JFIF\0\1\1\0\0\1\0\1\0\0"
#define PLAIN "\10\0\20\0\20\3\1\x22\0\2\x11\1\3\x11\1"
#define SCAN "\3\1\0\2\x11\3\x11\0\x3f\0"
#define DATA "pixels\xff\0and\xff\xd0more"

/* From a copy of exactly its size, into one of exactly what it may be: the sanitizer sees a step beyond. */
static void keep(const struct buf *b, struct buf *ret)
{
    uint8_t *p = malloc(b->n + (b->n == 0)), *to = malloc(b->n + IMAGE_KEEP_MORE);

    assert_non_null(p);
    assert_non_null(to);
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    buf_put(ret, to, image_keep_jpeg(p, b->n, to));
    free(p);
    free(to);
}

static void expect(const struct buf *b, const struct buf *wanted)
{
    _cleanup_(buf_done) struct buf got = BUF_MAX(1 << 20);

    keep(b, &got);
    assert_int_equal(got.n, wanted->n);
    if (got.n > 0)
        assert_memory_equal(got.p, wanted->p, got.n);
}

static void begin(struct buf *b)
{
    buf_put(b, "\xff\xd8", 2);
}

static void pixels(struct buf *b, const char *frame, size_t frame_n, uint8_t marker)
{
    segment(b, 0xdb, "tables", 6);
    segment(b, marker, frame, frame_n);
    segment(b, 0xc4, "codes", 5);
    segment(b, 0xdd, "\0\4", 2);
    segment(b, 0xda, SCAN, sizeof SCAN - 1);
    buf_put(b, DATA, sizeof DATA - 1);
}

/* What comes out of a plain file, whatever else was in it. */
static void plain(struct buf *b)
{
    begin(b);
    segment(b, 0xe0, JFIF, sizeof JFIF - 1);
    pixels(b, PLAIN, sizeof PLAIN - 1, 0xc0);
    buf_put(b, "\xff\xd9", 2);
}

static void only_what_pixels_are_made_of(void **state)
{
    _cleanup_(buf_done) struct buf wanted = BUF_MAX(1 << 20), b = BUF_MAX(1 << 20);

    (void)state;
    plain(&wanted);
    expect(&wanted, &wanted);
    begin(&b);
    segment(&b, 0xe0, "JFIF\0\1\2\1\0\x48\0\x48\1\1rgb", 17); /* with a thumbnail */
    for (unsigned marker = 0xe1; marker <= 0xed; marker++)
        segment(&b, (uint8_t)marker, "Exif\0\0place", 11);
    segment(&b, 0xee, "Adobe\0\x64\0\0\0\0\1and more", 20);
    segment(&b, 0xfe, "a comment", 9);
    buf_put(&b, "\xff\xff\xff", 3); /* padding */
    pixels(&b, PLAIN, sizeof PLAIN - 1, 0xc0);
    segment(&b, 0xfe, "between", 7);
    buf_put(&b, "\xff\xff\xd9", 3);
    buf_puts(&b, "a video, with its place");
    expect(&b, &wanted);
}

static void cut_anywhere_it_is_none(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    const struct buf none = BUF_MAX(1);

    (void)state;
    plain(&b);
    while (b.n-- > 0)
        expect(&b, &none);
}

static void progressive_too(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    (void)state;
    begin(&b);
    segment(&b, 0xe0, JFIF, sizeof JFIF - 1);
    pixels(&b, PLAIN, sizeof PLAIN - 1, 0xc2);
    segment(&b, 0xc4, "other codes", 11);
    segment(&b, 0xda, "\1\1\0\1\x3f\0", 6);
    buf_put(&b, DATA "\xff\xd9", sizeof DATA + 1);
    expect(&b, &b);
}

static void what_is_not_plain(void **state)
{
    static const struct {
        uint8_t frame_marker;
        const char *frame;
        size_t frame_n;
        const char *adobe;
    } rows[] = {
        {0xc9, PLAIN, sizeof PLAIN - 1, NULL},                               /* arithmetic */
        {0xc3, PLAIN, sizeof PLAIN - 1, NULL},                               /* lossless */
        {0xc1, "\14\0\20\0\20\3\1\x22\0\2\x11\1\3\x11\1", 15, NULL},         /* 12 bits */
        {0xc0, "\10\0\20\0\20\1\1\x11\0", 9, NULL},                          /* grey */
        {0xc0, "\10\0\20\0\20\4\1\x11\0\2\x11\0\3\x11\0\4\x11\0", 18, NULL}, /* CMYK */
        {0xc0, "\10\0\20\0\20\3R\x11\0G\x11\0B\x11\0", 15, NULL},            /* RGB */
        {0xc0, "\10\0\20\0\20\3\1\x41\0\2\x11\1\3\x11\1", 15, NULL},         /* 4:1:1 */
        {0xc0, PLAIN, sizeof PLAIN - 1, "Adobe\0\x64\0\0\0\0\0"},            /* RGB, as Adobe says it */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
        const struct buf none = BUF_MAX(1);
        begin(&b);
        if (rows[i].adobe != NULL)
            segment(&b, 0xee, rows[i].adobe, 12);
        pixels(&b, rows[i].frame, rows[i].frame_n, rows[i].frame_marker);
        buf_put(&b, "\xff\xd9", 2);
        expect(&b, &none);
    }
}

#define VP8 "\x10\0\0\x9d\x01\x2a\x2c\x01\xc8\0and so on" /* odd */

static void chunk(struct buf *b, const char *type, const char *data, size_t n)
{
    buf_put(b, type, 4);
    for (int i = 0; i < 4; i++)
        buf_putc(b, (char)(n >> (8 * i)));
    buf_put(b, data, n);
    if (n % 2 == 1)
        buf_putc(b, '\0');
}

static void webp(struct buf *b, const struct buf *chunks)
{
    size_t n = chunks->n + 4;

    buf_puts(b, "RIFF");
    for (int i = 0; i < 4; i++)
        buf_putc(b, (char)(n >> (8 * i)));
    buf_puts(b, "WEBP");
    buf_put(b, chunks->p, chunks->n);
}

static void expect_webp(const struct buf *b, const struct buf *wanted)
{
    uint8_t *p = malloc(b->n), *to = malloc(b->n + IMAGE_KEEP_MORE);

    assert_non_null(p);
    assert_non_null(to);
    memcpy(p, b->p, b->n);
    assert_int_equal(image_keep_webp(p, b->n, to), wanted->n);
    if (wanted->n > 0)
        assert_memory_equal(to, wanted->p, wanted->n);
    free(p);
    free(to);
}

static void the_pixels_of_a_webp(void **state)
{
    static const char *const kinds[] = {"VP8 ", "VP8L"};
    const struct buf none = BUF_MAX(1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        _cleanup_(buf_done) struct buf in = BUF_MAX(1 << 16), plain = BUF_MAX(1 << 16), whole = BUF_MAX(1 << 16),
                                       b = BUF_MAX(1 << 16), two = BUF_MAX(1 << 16), b2 = BUF_MAX(1 << 16);
        chunk(&in, kinds[i], VP8, sizeof VP8 - 1);
        webp(&plain, &in);
        expect_webp(&plain, &plain);
        for (struct buf cut = {.p = plain.p, .n = plain.n - 1}; --cut.n > 20;) /* the last byte is padding */
            expect_webp(&cut, &none);
        chunk(&whole, "VP8X", "\x2c\0\0\0\x2b\x01\0\xc7\0\0", 10);
        chunk(&whole, "ICCP", "a profile", 9);
        chunk(&whole, "ALPH", "opaque", 6);
        buf_put(&whole, in.p, in.n);
        chunk(&whole, "EXIF", "a place", 7);
        chunk(&whole, "XMP ", "and who", 7);
        chunk(&whole, "C2PA", "a word", 6);
        webp(&b, &whole);
        buf_puts(&b, "a video, with its place");
        expect_webp(&b, &plain);
        buf_put(&two, in.p, in.n);
        buf_put(&two, in.p, in.n);
        webp(&b2, &two);
        expect_webp(&b2, &none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_pixels_are_made_of),
        cmocka_unit_test(cut_anywhere_it_is_none),
        cmocka_unit_test(progressive_too),
        cmocka_unit_test(what_is_not_plain),
        cmocka_unit_test(the_pixels_of_a_webp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
