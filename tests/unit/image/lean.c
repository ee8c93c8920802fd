#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "image/lean.h"

/* Reads it in pieces of that size, from a copy of exactly its size: the sanitizer sees a look beyond it. */
static void read_all(enum image_type type, const struct buf *b, size_t piece, struct buf *ret)
{
    uint8_t *p = malloc(b->n), to[64];
    struct image_lean lean;
    size_t n;

    assert_non_null(p);
    memcpy(p, b->p, b->n);
    image_lean_init(&lean, type, p, b->n);
    while ((n = image_lean_read(&lean, to, piece)) > 0)
        buf_put(ret, to, n);
    assert_int_equal(image_lean_read(&lean, to, piece), 0);
    free(p);
}

static void expect(enum image_type type, const struct buf *b, const struct buf *wanted)
{
    for (size_t piece = 1; piece <= 64; piece += 21) {
        _cleanup_(buf_done) struct buf got = BUF_MAX(1 << 20);
        read_all(type, b, piece, &got);
        assert_int_equal(got.n, wanted->n);
        assert_memory_equal(got.p, wanted->p, wanted->n);
    }
}

static void put_be(struct buf *b, uint32_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void chunk(struct buf *b, const char *type, size_t n)
{
    put_be(b, (uint32_t)n, 4);
    buf_puts(b, type);
    for (size_t i = 0; i < n + 4; i++)
        buf_putc(b, (char)('a' + i));
}

static void segment(struct buf *b, uint8_t marker, const char *text, size_t n)
{
    buf_putc(b, (char)0xff);
    buf_putc(b, (char)marker);
    put_be(b, (uint32_t)n + 2, 2);
    buf_put(b, text, n);
}

#define START "\x89PNG\r\n\x1a\n"

static void png_keeps_what_the_pixels_need(void **state)
{
    static const char *const kept[] = {"IHDR", "PLTE", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP",
                                       "sBIT", "bKGD", "eXIf", "XXXX", "IDAT", "IDAT", "IEND"};
    static const char *const dropped[] = {"tEXt", "zTXt", "iTXt", "tIME", "sPLT", "pHYs", "xxXx", "hIST"};
    _cleanup_(buf_done) struct buf whole = BUF_MAX(1 << 20), wanted = BUF_MAX(1 << 20);

    (void)state;
    buf_put(&whole, START, 8);
    buf_put(&wanted, START, 8);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        for (size_t k = 0; k < ARRAY_LEN(dropped) && i < ARRAY_LEN(kept) - 2; k++)
            chunk(&whole, dropped[k], k);
        chunk(&whole, kept[i], i);
        chunk(&wanted, kept[i], i);
    }
    expect(IMAGE_PNG, &whole, &wanted);
    expect(IMAGE_PNG, &wanted, &wanted);
}

/* IDAT that something came between is not put together, and no text passes after the pixels either. */
static void png_after_the_pixels(void **state)
{
    _cleanup_(buf_done) struct buf whole = BUF_MAX(1 << 20), wanted = BUF_MAX(1 << 20);

    (void)state;
    buf_put(&whole, START, 8);
    chunk(&whole, "IHDR", 13);
    chunk(&whole, "IDAT", 5);
    buf_put(&wanted, whole.p, whole.n);
    chunk(&whole, "zTXt", 9);
    chunk(&whole, "IDAT", 5);
    chunk(&whole, "eXIf", 5);
    chunk(&whole, "IEND", 0);
    chunk(&wanted, "IEND", 0);
    expect(IMAGE_PNG, &whole, &wanted);
}

static void png_that_is_cut(void **state)
{
    _cleanup_(buf_done) struct buf whole = BUF_MAX(1 << 20);

    (void)state;
    buf_put(&whole, START, 8);
    for (size_t n = 1; n <= 8; n++)
        expect(IMAGE_PNG, &(struct buf){.p = whole.p, .n = n}, &(struct buf){.p = whole.p, .n = n});
    chunk(&whole, "IHDR", 13);
    size_t before = whole.n;
    chunk(&whole, "tEXt", 9);
    for (size_t n = before; n < whole.n; n++)
        expect(IMAGE_PNG, &(struct buf){.p = whole.p, .n = n}, &(struct buf){.p = whole.p, .n = n});
    whole.n = before;
    put_be(&whole, UINT32_MAX, 4); /* a length that would wrap */
    buf_puts(&whole, "tEXt and so on, to the end");
    expect(IMAGE_PNG, &whole, &whole);
}

static void jpeg_keeps_what_the_pixels_need(void **state)
{
    _cleanup_(buf_done) struct buf whole = BUF_MAX(1 << 20), wanted = BUF_MAX(1 << 20);

    (void)state;
    buf_puts(&whole, "\xff\xd8");
    buf_puts(&wanted, "\xff\xd8");
    for (int m = 0xe0; m <= 0xef; m++) {
        segment(&whole, (uint8_t)m, "any text", 8);
        if (m == 0xe0 || m == 0xee)
            segment(&wanted, (uint8_t)m, "any text", 8);
    }
    segment(&whole, 0xfe, "a comment", 9);
    segment(&whole, 0xe1, "http://ns.adobe.com/xap/1.0/\0<xmp>", 34);
    segment(&whole, 0xe2, "MPF\0", 4);
    for (int twice = 0; twice < 2; twice++) {
        struct buf *b = twice ? &wanted : &whole;
        segment(b, 0xe1, "Exif\0\0MM", 8);
        segment(b, 0xe2, "ICC_PROFILE\0\1\1data", 18);
        segment(b, 0xdb, "tables", 6);
        buf_puts(b, "\xff\xff\xff"); /* padding before a marker */
        segment(b, 0xc0, "frame", 5);
        segment(b, 0xda, "scan", 4);
        buf_puts(b, "pixels");
        segment(b, 0xe5, "from here on this may be damage", 31);
        buf_puts(b, "\xff\xd9 and more");
    }
    expect(IMAGE_JPEG, &whole, &wanted);
    expect(IMAGE_JPEG, &wanted, &wanted);
}

static void jpeg_that_is_none(void **state)
{
    static const struct str rests[] = {STR("\xff\xe5\0\x08"
                                           "cut"),
                                       STR("\xff\xe5\0\1"
                                           "a length that is too short"),
                                       STR("\xff\xe5\0"),
                                       STR("\xff"),
                                       STR("no marker \xff\xe5\0\x03x"),
                                       STR("\xff\0\xff\xe5\0\3x")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        _cleanup_(buf_done) struct buf whole = BUF_MAX(1 << 20);
        buf_puts(&whole, "\xff\xd8");
        buf_put(&whole, rests[i].p, rests[i].n);
        expect(IMAGE_JPEG, &whole, &whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_keeps_what_the_pixels_need),
        cmocka_unit_test(png_after_the_pixels),
        cmocka_unit_test(png_that_is_cut),
        cmocka_unit_test(jpeg_keeps_what_the_pixels_need),
        cmocka_unit_test(jpeg_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
