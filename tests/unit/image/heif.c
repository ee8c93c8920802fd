#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "image/heif.h"
#include "image/image.h"

static void put_be(struct buf *b, uint32_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void box(struct buf *b, const char *type, const void *p, size_t n)
{
    put_be(b, (uint32_t)n + 8, 4);
    buf_put(b, type, 4);
    buf_put(b, p, n);
}

static void box_of(struct buf *b, const char *type, const struct buf *in)
{
    box(b, type, in->p, in->n);
}

#define ISPE(w, h) "\0\0\0\0\0\0" w "\0\0" h
#define AVIF_BRANDS "avif\0\0\0\0mif1miaf"
#define AV1C "\x81\0\x0c\0"
#define AV1C_DEEP "\x81\0\x4c\0"
#define CLAP "\0\0\0\x64\0\0\0\1\0\0\0\x32\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1" /* 100 x 50 */
#define P3 "nclx\0\x0c\0\x0d\0\6\x80"
#define OF(s) s, sizeof(s) - 1

/* A file of one picture, 300 x 200; what a test changes of it. */
struct file {
    const char *brands;
    size_t brands_n;
    const char *item; /* the kind of its data */
    struct {
        const char *type, *data;
        size_t n;
    } more[4]; /* properties after its size and its configuration */
    const char *twice, *top;
    const char *lists; /* instead of the one that names them all */
    size_t lists_n;
    const char *config;
};

static void properties(struct buf *b, const struct file *f)
{
    _cleanup_(buf_done) struct buf ipco = BUF_MAX(1 << 16), ipma = BUF_MAX(1 << 16);
    size_t n = 2;

    box(&ipco, "av1C", f->config != NULL ? f->config : AV1C, 4);
    box(&ipco, "ispe", OF(ISPE("\x01\x2c", "\0\xc8")));
    for (; n < 6 && f->more[n - 2].type != NULL; n++)
        box(&ipco, f->more[n - 2].type, f->more[n - 2].data, f->more[n - 2].n);
    buf_put(&ipma, OF("\0\0\0\0\0\0\0\1\0\1"));
    put_be(&ipma, (uint32_t)n, 1);
    for (size_t i = 1; i <= n; i++)
        put_be(&ipma, (uint32_t)i | 0x80, 1);
    box_of(b, "ipco", &ipco);
    if (f->lists != NULL)
        box(b, "ipma", f->lists, f->lists_n);
    else
        box_of(b, "ipma", &ipma);
    if (f->twice != NULL && strcmp(f->twice, "ipma") == 0)
        box_of(b, "ipma", &ipma);
}

static void write_file(struct buf *b, const struct file *f)
{
    _cleanup_(buf_done) struct buf meta = BUF_MAX(1 << 16), iprp = BUF_MAX(1 << 16), iinf = BUF_MAX(1 << 16),
                                   infe = BUF_MAX(1 << 16);

    properties(&iprp, f);
    buf_put(&infe, OF("\2\0\0\0\0\1\0\0"));
    buf_put(&infe, f->item != NULL ? f->item : "av01", 5);
    buf_put(&iinf, OF("\0\0\0\0\0\1"));
    box_of(&iinf, "infe", &infe);
    buf_put(&meta, OF("\0\0\0\0"));
    box(&meta, "hdlr", OF("\0\0\0\0\0\0\0\0pict"));
    box(&meta, "pitm", OF("\0\0\0\0\0\1"));
    box_of(&meta, "iinf", &iinf);
    box_of(&meta, "iprp", &iprp);
    if (f->twice != NULL && strcmp(f->twice, "iinf") == 0)
        box_of(&meta, "iinf", &iinf);
    if (f->brands != NULL)
        box(b, "ftyp", f->brands, f->brands_n);
    else
        box(b, "ftyp", OF(AVIF_BRANDS));
    box_of(b, "meta", &meta);
    if (f->twice != NULL && strcmp(f->twice, "meta") == 0)
        box_of(b, "meta", &meta);
    if (f->top != NULL)
        box(b, f->top, "", 0);
    box(b, "mdat", OF("pixels"));
}

/* From a copy of exactly its size: the sanitizer sees a step beyond. */
static enum err look(const struct buf *b, size_t n, struct image_header *h)
{
    uint8_t *p = malloc(n + (n == 0));

    assert_non_null(p);
    if (n > 0)
        memcpy(p, b->p, n);
    enum err e = image_sniff(p, n, h);
    free(p);
    return e;
}

static enum err look_at(const struct file *f, struct image_header *h)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 16);

    write_file(&b, f);
    return look(&b, b.n, h);
}

static void what_it_says(void **state)
{
    static const struct {
        struct file f;
        uint32_t width, height, decoded_width, decoded_height;
        bool turned, p3;
        uint64_t pixel_bytes;
    } rows[] = {
        {{.brands = NULL}, 300, 200, 300, 200, false, false, 6},
        {{.brands = OF("mif1\0\0\0\0avifmiaf")}, 300, 200, 300, 200, false, false, 6},
        {{.more = {{"irot", OF("\1")}}}, 300, 200, 200, 300, true, false, 6},
        {{.more = {{"irot", OF("\2")}}}, 300, 200, 300, 200, true, false, 6},
        {{.more = {{"irot", OF("\0")}}}, 300, 200, 300, 200, false, false, 6},
        {{.more = {{"imir", OF("\1")}}}, 300, 200, 300, 200, true, false, 6},
        {{.more = {{"clap", OF(CLAP)}, {"irot", OF("\3")}}}, 100, 50, 50, 100, true, false, 6},
        {{.more = {{"colr", OF(P3)}}}, 300, 200, 300, 200, false, true, 6},
        {{.more = {{"auxC", OF("alpha")}}}, 300, 200, 300, 200, false, false, 10},
        {{.config = "\x81\0\0\0"}, 300, 200, 300, 200, false, false, 9},
        {{.config = AV1C_DEEP}, 300, 200, 300, 200, false, false, 12},
        {{.lists = OF("\0\0\0\0\0\0\0\2\0\2\2\x7f\1\0\1\1\2"), .twice = NULL}, 0, 0, 0, 0, false, false, 0},
        {{.lists = OF("\0\0\0\1\0\0\0\2\0\2\1\x80\1\0\1\1\0\2")}, 300, 200, 300, 200, false, false, 6},
        {{.lists = OF("\1\0\0\0\0\0\0\1\0\0\0\1\1\2")}, 300, 200, 300, 200, false, false, 6},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image_header h = {0};
        enum err e = look_at(&rows[i].f, &h);
        assert_int_equal(e, rows[i].width > 0 ? OK : ERR_IMAGE_CORRUPT);
        assert_int_equal(h.width, rows[i].width);
        assert_int_equal(h.height, rows[i].height);
        assert_int_equal(h.decoded_width, rows[i].decoded_width);
        assert_int_equal(h.decoded_height, rows[i].decoded_height);
        assert_int_equal(h.is_turned, rows[i].turned);
        assert_int_equal(h.is_p3, rows[i].p3);
        if (e == OK) {
            uint32_t channels = rows[i].pixel_bytes == 10 ? 4 : 3;
            assert_int_equal(h.type, IMAGE_AVIF);
            assert_int_equal(h.need_bytes,
                             (32u << 20) + 1024u * h.width * channels + UINT64_C(60000) * rows[i].pixel_bytes);
        }
    }
}

static void what_it_is_not(void **state)
{
    static const struct {
        struct file f;
        enum err e;
    } rows[] = {
        {{.brands = OF("isom\0\0\0\0mp42")}, ERR_IMAGE_TYPE},
        {{.brands = OF("isomavifmp42")}, ERR_IMAGE_TYPE}, /* that is the version */
        {{.brands = OF("avif")}, ERR_IMAGE_TYPE},
        {{.item = "jpeg"}, ERR_IMAGE_TYPE},
        {{.item = "hvc1"}, IMAGE_TAKES_HEIC ? OK : ERR_IMAGE_TYPE}, /* whatever the brand says */
        {{.brands = OF("avis\0\0\0\0avif")}, ERR_IMAGE_ANIMATED},
        {{.brands = OF("hevc\0\0\0\0heic")}, ERR_IMAGE_ANIMATED},
        {{.top = "moov"}, ERR_IMAGE_ANIMATED},
        {{.twice = "meta"}, ERR_IMAGE_CORRUPT},
        {{.twice = "iinf"}, ERR_IMAGE_CORRUPT},
        {{.twice = "ipma"}, ERR_IMAGE_CORRUPT},
        {{.lists = OF("\0\0\0\0\0\0\0\1\0\2\1\2")}, ERR_IMAGE_CORRUPT},         /* of another item */
        {{.lists = OF("\0\0\0\0\0\0\0\2\0\1\1\2\0\1\1\2")}, ERR_IMAGE_CORRUPT}, /* of this one, twice */
        {{.lists = OF("\0\0\0\0\0\0\0\1\0\1\1\3")}, ERR_IMAGE_CORRUPT},         /* no such property */
        {{.lists = OF("\0\0\0\0\0\0\0\1\0\1\1\1")}, ERR_IMAGE_CORRUPT},         /* without a size */
        {{.lists = OF("\0\0\0\0\xff\xff\xff\xff\0\1\1\2")}, ERR_IMAGE_CORRUPT}, /* and so on */
        {{.more = {{"ispe", OF(ISPE("\0\0", "\0\1"))}}}, ERR_IMAGE_CORRUPT},    /* 0 x 1 */
        {{.more = {{"ispe", OF(ISPE("\x40\1", "\0\1"))}}}, ERR_IMAGE_TOO_MANY_PIXELS},
        {{.more = {{"ispe", OF("\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")}}}, ERR_IMAGE_TOO_MANY_PIXELS},
        {{.more = {{"ispe", OF(ISPE("\x27\x10", "\x27\x11"))}, {"clap", OF(CLAP)}}}, ERR_IMAGE_TOO_MANY_PIXELS},
        {{.more = {{"ispe", OF(ISPE("\x27\x10", "\x27\x10"))}}}, ERR_IMAGE_WHOLE},         /* 100 megapixels */
        {{.more = {{"clap", OF("\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\1")}}}, ERR_IMAGE_CORRUPT}, /* by 0 */
        {{.more = {{"irot", OF("")}}}, ERR_IMAGE_CORRUPT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image_header h = {0};
        assert_int_equal(look_at(&rows[i].f, &h), rows[i].e);
    }
}

static void cut_anywhere(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 16);
    const struct file whole = {.brands = NULL};

    (void)state;
    write_file(&b, &whole);
    size_t meta_end = b.n - (8 + 6);
    for (size_t n = 1; n < b.n; n++) {
        struct image_header h = {0};
        enum err e = look(&b, n, &h);
        assert_int_equal(e, n < 8 + 16 ? ERR_IMAGE_TYPE : n < meta_end ? ERR_IMAGE_CORRUPT : OK);
    }
}

static void many_properties(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 16), meta = BUF_MAX(1 << 16), iprp = BUF_MAX(1 << 16),
                                   ipco = BUF_MAX(1 << 16);
    struct image_header h;

    (void)state;
    for (int i = 0; i < 300; i++)
        box(&ipco, "ispe", OF(ISPE("\0\1", "\0\1")));
    box_of(&iprp, "ipco", &ipco);
    box(&iprp, "ipma", OF("\0\0\0\0\0\0\0\1\0\1\1\1"));
    buf_put(&meta, OF("\0\0\0\0"));
    box(&meta, "pitm", OF("\0\0\0\0\0\1"));
    box(&meta, "iinf", OF("\0\0\0\0\0\0"));
    box_of(&meta, "iprp", &iprp);
    box(&b, "ftyp", OF(AVIF_BRANDS));
    box_of(&b, "meta", &meta);
    assert_int_equal(look(&b, b.n, &h), ERR_IMAGE_CORRUPT);
}

#define C2PA_UUID "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"

static void credentials(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 16);
    struct image_view store;
    const struct file whole = {.brands = NULL};
    struct image_header h = {0};

    (void)state;
    write_file(&b, &whole);
    box(&b, "uuid", OF(C2PA_UUID "\0\0\0\0merkle\0\0\0\0\0\0\0\0\0other"));
    box(&b, "uuid", OF(C2PA_UUID "\0\0\0\0manifest\0\0\0\0\0\0\0\0\0the store"));
    assert_true(image_heif_c2pa((struct image_view){(const uint8_t *)b.p, b.n}, &store));
    assert_int_equal(store.n, 9);
    assert_memory_equal(store.p, "the store", 9);
    assert_int_equal(look(&b, b.n, &h), OK);
    assert_true(h.has_metadata);
    assert_false(image_heif_c2pa((struct image_view){(const uint8_t *)b.p, b.n - 1}, &store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says),    cmocka_unit_test(what_it_is_not), cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(many_properties), cmocka_unit_test(credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
