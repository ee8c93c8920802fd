#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "image/image.h"

static enum err sniff(const struct buf *b, struct image_header *h)
{
    /* A copy of exactly that size: the sanitizer sees a look beyond it. */
    uint8_t *p = malloc(b->n + 1);

    assert_non_null(p);
    memcpy(p, b->p, b->n);
    p = realloc(p, b->n > 0 ? b->n : 1);
    enum err e = image_sniff(p, b->n, h);
    free(p);
    return e;
}

static void put_be(struct buf *b, uint32_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void png_chunk(struct buf *b, const char *type, size_t n)
{
    put_be(b, (uint32_t)n, 4);
    buf_put(b, type, 4);
    for (size_t i = 0; i < n + 4; i++)
        buf_putc(b, 0);
}

static void png(struct buf *b, uint32_t width, uint32_t height)
{
    buf_clear(b);
    buf_put(b, "\x89PNG\r\n\x1a\n", 8);
    put_be(b, 13, 4);
    buf_puts(b, "IHDR");
    put_be(b, width, 4);
    put_be(b, height, 4);
    buf_put(b, "\x08\x02\0\0\0crc!", 9);
}

static void segment(struct buf *b, uint8_t marker, const void *p, size_t n)
{
    buf_putc(b, (char)0xff);
    buf_putc(b, (char)marker);
    put_be(b, (uint32_t)n + 2, 2);
    buf_put(b, p, n);
}

static void frame(struct buf *b, uint8_t marker, uint32_t width, uint32_t height)
{
    _cleanup_(buf_done) struct buf f = BUF_MAX(64);

    buf_putc(&f, 8);
    put_be(&f, height, 2);
    put_be(&f, width, 2);
    buf_put(&f, "\x01\x01\x11\x00", 4);
    segment(b, marker, f.p, f.n);
}

static void jpeg_start(struct buf *b)
{
    buf_clear(b);
    buf_put(b, "\xff\xd8", 2);
    segment(b, 0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
}

static void png_header(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    png(&b, 640, 480);
    assert_int_equal(sniff(&b, &h), OK);
    assert_int_equal(h.type, IMAGE_PNG);
    assert_int_equal(h.width, 640);
    assert_int_equal(h.height, 480);
    assert_false(h.has_metadata);
    for (size_t n = 8; n < b.n; n++)
        assert_int_equal(image_sniff((const uint8_t *)b.p, n, &h), ERR_IMAGE_CORRUPT);
    b.p[12] = 'X'; /* a PNG that does not begin with IHDR */
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
}

static void png_metadata(void **state)
{
    static const char *const told[] = {"eXIf", "iCCP", "iTXt", "tEXt", "zTXt", "tIME"};
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        png(&b, 1, 1);
        png_chunk(&b, "gAMA", 4);
        png_chunk(&b, told[i], 9);
        assert_int_equal(sniff(&b, &h), OK);
        assert_true(h.has_metadata);
    }
    png(&b, 1, 1);
    png_chunk(&b, "gAMA", 4);
    png_chunk(&b, "IDAT", 9);
    png_chunk(&b, "tEXt", 9);
    assert_int_equal(sniff(&b, &h), OK);
    assert_false(h.has_metadata); /* only what stands before the pixels is looked at */
    png(&b, 1, 1);
    put_be(&b, UINT32_MAX, 4); /* a length that would wrap */
    buf_puts(&b, "gAMA");
    assert_int_equal(sniff(&b, &h), OK);
}

static void sizes(void **state)
{
    static const struct {
        uint32_t width, height;
        enum err e;
    } rows[] = {
        {1, 1, OK},
        {IMAGE_SIDE_MAX, 1, OK},
        {1, IMAGE_SIDE_MAX, OK},
        {10000, 10000, OK},
        {0, 1, ERR_IMAGE_CORRUPT},
        {1, 0, ERR_IMAGE_CORRUPT},
        {IMAGE_SIDE_MAX + 1, 1, ERR_IMAGE_TOO_MANY_PIXELS},
        {1, IMAGE_SIDE_MAX + 1, ERR_IMAGE_TOO_MANY_PIXELS},
        {10000, 10001, ERR_IMAGE_TOO_MANY_PIXELS},
        {50000, 50000, ERR_IMAGE_TOO_MANY_PIXELS},
    };
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        png(&b, rows[i].width, rows[i].height);
        assert_int_equal(sniff(&b, &h), rows[i].e);
        jpeg_start(&b);
        frame(&b, 0xc0, rows[i].width, rows[i].height);
        assert_int_equal(sniff(&b, &h), rows[i].e);
    }
    png(&b, UINT32_MAX, UINT32_MAX);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_TOO_MANY_PIXELS);
}

static void jpeg_header(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    jpeg_start(&b);
    segment(&b, 0xdb, "tables", 6);
    buf_put(&b, "\xff\xff", 2); /* padding before a marker */
    size_t before = b.n;
    frame(&b, 0xc2, 4032, 3024);
    assert_int_equal(sniff(&b, &h), OK);
    assert_int_equal(h.type, IMAGE_JPEG);
    assert_int_equal(h.width, 4032);
    assert_int_equal(h.height, 3024);
    assert_false(h.has_metadata);
    for (size_t n = 3; n < b.n; n++)
        assert_int_equal(image_sniff((const uint8_t *)b.p, n, &h), ERR_IMAGE_CORRUPT);
    b.n = before;
    segment(&b, 0xc0, "\x08\x00\x10\x00\x10", 5); /* a frame header that ends before its components */
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
}

static void jpeg_markers(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    for (int m = 0xc0; m <= 0xcf; m++) {
        bool is_frame = m != 0xc4 && m != 0xc8 && m != 0xcc;
        jpeg_start(&b);
        frame(&b, (uint8_t)m, 16, 16);
        assert_int_equal(sniff(&b, &h), is_frame ? OK : ERR_IMAGE_CORRUPT);
    }
    jpeg_start(&b);
    segment(&b, 0xda, "scan", 4); /* pixels before a frame */
    frame(&b, 0xc0, 16, 16);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
    jpeg_start(&b);
    buf_put(&b, "\xff\xe2\0\1", 4); /* a length that does not count itself */
    frame(&b, 0xc0, 16, 16);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
    jpeg_start(&b);
    buf_puts(&b, "junk between segments");
    frame(&b, 0xc0, 16, 16);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
}

static void jpeg_metadata(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    for (int m = 0xe0; m <= 0xfe; m++) {
        jpeg_start(&b);
        segment(&b, (uint8_t)m, "data", 4);
        frame(&b, 0xc0, 16, 16);
        assert_int_equal(sniff(&b, &h), OK);
        assert_int_equal(h.has_metadata, m == 0xfe || (m > 0xe0 && m <= 0xef && m != 0xee));
    }
}

#define FIXED (UINT64_C(32) << 20)
#define LINES UINT64_C(1024)

static void png_of(struct buf *b, uint32_t width, uint32_t height, int depth, int colour, int interlaced)
{
    png(b, width, height);
    b->p[24] = (char)depth;
    b->p[25] = (char)colour;
    b->p[28] = (char)interlaced;
}

static void png_needs(void **state)
{
    static const struct {
        int depth, colour;
        uint64_t pixel_bytes;
    } rows[] = {{1, 0, 2}, {8, 0, 2},  {16, 0, 4}, {8, 2, 4},  {16, 2, 8},   {8, 3, 4},
                {8, 4, 2}, {16, 4, 4}, {8, 6, 4},  {16, 6, 8}, {255, 255, 8}};
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        png_of(&b, 4000, 3000, rows[i].depth, rows[i].colour, 0);
        assert_int_equal(sniff(&b, &h), OK);
        assert_int_equal(h.need_bytes, FIXED + LINES * 4000 * rows[i].pixel_bytes);
        png_of(&b, 4000, 3000, rows[i].depth, rows[i].colour, 1);
        assert_int_equal(sniff(&b, &h), OK);
        assert_int_equal(h.need_bytes, FIXED + LINES * 4000 * rows[i].pixel_bytes + 12000000 * rows[i].pixel_bytes);
    }
    png_of(&b, 16384, 6103, 16, 6, 0);
    assert_int_equal(sniff(&b, &h), OK); /* the largest that is decoded by lines */
    png_of(&b, 10000, 9990, 16, 6, 1);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_WHOLE);
    png_of(&b, 10000, 9990, 16, 6, 2); /* no method that is known: a decoder refuses it, or takes it for interlaced */
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_WHOLE);
}

/* A frame of n components with these sampling factors. */
static void frame_of(struct buf *b, uint8_t marker, uint32_t width, uint32_t height, const char *factors)
{
    _cleanup_(buf_done) struct buf f = BUF_MAX(64);

    buf_putc(&f, 8);
    put_be(&f, height, 2);
    put_be(&f, width, 2);
    buf_putc(&f, (char)strlen(factors));
    for (const char *c = factors; *c != '\0'; c++) {
        buf_putc(&f, (char)(c - factors));
        buf_putc(&f, *c);
        buf_putc(&f, 0);
    }
    segment(b, marker, f.p, f.n);
}

static void scan_of(struct buf *b, int components)
{
    segment(b, 0xda, (const char[]){(char)components, 1, 0, 2, 0, 3, 0, 0, 63, 0}, 10);
}

static uint64_t jpeg_need(uint8_t marker, uint32_t width, uint32_t height, const char *factors, int in_scan)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    jpeg_start(&b);
    frame_of(&b, marker, width, height, factors);
    segment(&b, 0xfe, "", 0);
    if (in_scan > 0)
        scan_of(&b, in_scan);
    enum err e = sniff(&b, &h);
    assert_int_equal(e, h.need_bytes == 0 ? ERR_IMAGE_WHOLE : OK);
    return h.need_bytes;
}

static void jpeg_needs(void **state)
{
    const uint64_t lines = FIXED + LINES * 4000 * 3, pixels = UINT64_C(4000) * 3200;

    (void)state;
    assert_int_equal(jpeg_need(0xc0, 4000, 3200, "\x22\x11\x11", 3), lines);
    assert_int_equal(jpeg_need(0xc9, 4000, 3200, "\x22\x11\x11", 3), lines);
    assert_int_equal(jpeg_need(0xc2, 4000, 3200, "\x22\x11\x11", 3), lines + pixels * 3);
    assert_int_equal(jpeg_need(0xca, 4000, 3200, "\x11\x11\x11", 1), lines + pixels * 6);
    assert_int_equal(jpeg_need(0xc0, 4000, 3200, "\x11\x11\x11", 1), lines + pixels * 6); /* one by one */
    assert_int_equal(jpeg_need(0xc0, 4000, 3200, "\x11\x11\x11", 0), lines + pixels * 6); /* not in sight */
    assert_int_equal(jpeg_need(0xc2, 8, 1, "\x44\x11\x11", 1), FIXED + LINES * 8 * 3 + (16 + 1 + 1) * 128);
    assert_int_equal(jpeg_need(0xc0, 16384, 6000, "\x11\x11\x11", 3), FIXED + LINES * 4 * 1920 * 3); /* shrunk */
    assert_int_equal(jpeg_need(0xc2, 10000, 9990, "\x11\x11\x11", 1), 0);
    assert_int_equal(jpeg_need(0xc0, 10000, 9990, "\x11\x11\x11", 1), 0);
    assert_true(jpeg_need(0xc0, 10000, 9990, "\x11\x11\x11", 3) > 0);
    assert_true(jpeg_need(0xc2, 10, 10, "\x00\x00", 1) > 0); /* factors that no decoder takes */
}

/* A decoder reads on after FF 00 where a length would be skipped: then it sees another scan, and keeps everything. */
static void jpeg_marker_zero(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h = {0};

    (void)state;
    jpeg_start(&b);
    frame_of(&b, 0xc0, 10000, 9990, "\x11\x11\x11");
    buf_put(&b, "\xff\x00\x00\x0e", 4);
    scan_of(&b, 1);
    scan_of(&b, 3);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_WHOLE);
}

static void webp(struct buf *b, const char *type, const char *data, size_t n)
{
    buf_clear(b);
    buf_put(b, "RIFF\xff\0\0\0WEBP", 12);
    buf_puts(b, type);
    buf_put(b, (const char[]){(char)n, 0, 0, 0}, 4);
    buf_put(b, data, n);
}

#define VP8 "\x10\x2a\0\x9d\x01\x2a\x39\x45\x05\xc0" /* 1337 x 5; the upper two bits are for whoever shows it */
#define VP8L "\x2f\x38\xc5\x04\0"                    /* 14 bits each, less 1: 1337 x 20 */
#define VP8X(flags) flags "\0\0\0\x38\x05\0\x04\0\0"

static void webp_header(void **state)
{
    static const struct {
        const char *type, *data;
        size_t n;
        uint32_t width, height;
        bool has_metadata;
    } rows[] = {
        {"VP8 ", VP8, 10, 1337, 5, false},          {"VP8L", VP8L, 5, 1337, 20, false},
        {"VP8X", VP8X("\x10"), 10, 1337, 5, false}, {"VP8X", VP8X("\x04"), 10, 1337, 5, true},
        {"VP8X", VP8X("\x08"), 10, 1337, 5, true},  {"VP8X", VP8X("\x20"), 10, 1337, 5, true},
    };
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image_header h = {0};
        webp(&b, rows[i].type, rows[i].data, rows[i].n);
        assert_int_equal(sniff(&b, &h), OK);
        assert_int_equal(h.type, IMAGE_WEBP);
        assert_int_equal(h.width, rows[i].width);
        assert_int_equal(h.height, rows[i].height);
        assert_int_equal(h.has_metadata, rows[i].has_metadata);
        assert_int_equal(h.need_bytes, FIXED + LINES * 1337 * 4 + UINT64_C(1337) * rows[i].height * 16);
        while (b.n > 20) {
            b.n--;
            assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
        }
    }
    webp(&b, "VP8X", VP8X("\x10"), 10);
    buf_put(&b, "C2PA\1\0\0\0x\0", 10);
    struct image_header h = {0};
    assert_int_equal(sniff(&b, &h), OK);
    assert_true(h.has_metadata);
    webp(&b, "VP8X", "\0\0\0\0\xff\x3e\0\xff\x3e\0", 10); /* 16128 x 16128 */
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_TOO_MANY_PIXELS);
    webp(&b, "VP8X", "\0\0\0\0\x0f\x27\0\x0f\x27\0", 10); /* 10000 x 10000 */
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_WHOLE);
    webp(&b, "XYZ ", VP8, 10);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_CORRUPT);
}

static void what_moves(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct image_header h;

    (void)state;
    webp(&b, "VP8X", VP8X("\x02"), 10);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_ANIMATED);
    png(&b, 7, 9);
    png_chunk(&b, "tEXt", 5);
    png_chunk(&b, "acTL", 8);
    png_chunk(&b, "IDAT", 3);
    assert_int_equal(sniff(&b, &h), ERR_IMAGE_ANIMATED);
    png(&b, 7, 9);
    png_chunk(&b, "IDAT", 3);
    png_chunk(&b, "acTL", 8); /* too late to mean anything (W3C PNG 11.3.6.1) */
    assert_int_equal(sniff(&b, &h), OK);
}

static void other_types(void **state)
{
    static const struct str others[] = {
        STR("%PDF-1.7\n%\xe2\xe3\xcf\xd3"),
        STR("GIF89a\1\0\1\0\0\0\0"),
        STR("RIFF\x24\0\0\0WAVEfmt "),
        STR("RIFF\x24\0\0\0WEB"),
        STR("II*\0\x08\0\0\0"),
        STR("<svg xmlns=''/>"),
        STR("\0\0\0\x18"
            "ftypheic"),
        STR("\xff\xd8"),
        STR("\x89PNG\r\n\x1a"),
        STR("\0"),
    };
    struct image_header h;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(image_sniff((const uint8_t *)others[i].p, others[i].n, &h), ERR_IMAGE_TYPE);
    assert_int_equal(image_sniff((const uint8_t *)"", 0, &h), ERR_IMAGE_EMPTY);
}

static void files(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    char path[] = "/tmp/sniff-XXXXXX";
    struct image_header h = {0};
    int fd = mkstemp(path), pipes[2];

    (void)state;
    assert_true(fd >= 0 && unlink(path) == 0);
    assert_int_equal(image_sniff_file(fd, &h), ERR_IMAGE_EMPTY);
    png(&b, 7, 9);
    assert_int_equal(write(fd, b.p, b.n), (ssize_t)b.n);
    assert_int_equal(image_sniff_file(fd, &h), OK);
    assert_int_equal(h.width, 7);
    assert_int_equal(ftruncate(fd, IMAGE_MAX_BYTES), 0);
    assert_int_equal(image_sniff_file(fd, &h), OK);
    assert_int_equal(ftruncate(fd, IMAGE_MAX_BYTES + 1), 0);
    assert_int_equal(image_sniff_file(fd, &h), ERR_IMAGE_TOO_LARGE);
    (void)close(fd);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(image_sniff_file(pipes[0], &h), ERR_STORE);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_header),
        cmocka_unit_test(png_metadata),
        cmocka_unit_test(sizes),
        cmocka_unit_test(jpeg_header),
        cmocka_unit_test(jpeg_markers),
        cmocka_unit_test(jpeg_metadata),
        cmocka_unit_test(webp_header),
        cmocka_unit_test(what_moves),
        cmocka_unit_test(other_types),
        cmocka_unit_test(files),
        cmocka_unit_test(png_needs),
        cmocka_unit_test(jpeg_needs),
        cmocka_unit_test(jpeg_marker_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
