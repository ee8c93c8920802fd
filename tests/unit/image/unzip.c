#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "image/provenance.h"
#include "image/unzip.h"

#define A1111 "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"

static void put_be32(struct buf *b, size_t v)
{
    for (int i = 24; i >= 0; i -= 8)
        buf_putc(b, (char)(v >> i));
}

static void zip(struct buf *b, const char *text, size_t blanks_before)
{
    _cleanup_(buf_done) struct buf plain = BUF_MAX(1 << 20);
    uint8_t zipped[8192];
    uLongf n = sizeof zipped;

    for (size_t i = 0; i < blanks_before; i++)
        buf_putc(&plain, ' ');
    buf_puts(&plain, text);
    assert_int_equal(compress(zipped, &n, (const Bytef *)plain.p, plain.n), Z_OK);
    buf_put(b, zipped, n);
}

static void only_the_beginning(void **state)
{
    _cleanup_(buf_done) struct buf zipped = BUF_MAX(1 << 16);
    uint8_t to[5] = "....!";

    (void)state;
    zip(&zipped, "what it was", 0);
    struct image_view v = {(const uint8_t *)zipped.p, zipped.n};
    assert_int_equal(image_unzip(v, to, 4), 4);
    assert_memory_equal(to, "what!", 5);
    assert_int_equal(image_unzip((struct image_view){v.p, 1}, to, 4), 0);
    assert_int_equal(image_unzip((struct image_view){(const uint8_t *)"plain", 5}, to, 4), 0);
    assert_int_equal(image_unzip((struct image_view){NULL, 0}, to, 4), 0);
}

#define png_begin(b) buf_put(b, "\x89PNG\r\n\x1a\n", 8)

static void png_zipped(struct buf *b, bool international, const char *name, const char *text, size_t blanks_before)
{
    _cleanup_(buf_done) struct buf data = BUF_MAX(1 << 16);

    buf_put(&data, name, strlen(name) + 1);
    buf_put(&data, international ? "\1\0en\0\0" : "", international ? 6 : 1);
    zip(&data, text, blanks_before);
    put_be32(b, data.n);
    buf_puts(b, international ? "iTXt" : "zTXt");
    buf_put(b, data.p, data.n);
    put_be32(b, 0);
}

/* From a copy of exactly its size: the sanitizer sees a look beyond it. */
static enum image_provenance look(const struct buf *b, size_t n)
{
    uint8_t *p = malloc(n + (n == 0));

    assert_non_null(p);
    memcpy(p, b->p, n);
    enum image_provenance found = image_provenance(IMAGE_PNG, p, n);
    free(p);
    return found;
}

static const struct {
    const char *name, *text;
    enum image_provenance wanted;
} texts[] = {
    {"parameters", A1111, IMAGE_AI_GENERATED},
    {"prompt", "", IMAGE_AI_GENERATED},
    {"Comment", "{\"AIGC\":{\"Label\":\"2\"}}", IMAGE_AI_EDITED},
    {"XML:com.adobe.xmp", "<a Iptc4xmpExt:DigitalSourceType='trainedAlgorithmicMedia'/>", IMAGE_AI_GENERATED},
    {"Comment", "Created with GIMP", IMAGE_NONE_FOUND},
    {"Author", A1111, IMAGE_NONE_FOUND},
};

/* ImageMagick writes any text of 128 bytes and more so. Damage at the end leaves a text all the same; and a file may be cut anywhere. */
static void texts_of_a_png(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (int international = 0; international < 2; international++) {
            _cleanup_(buf_done) struct buf png = BUF_MAX(1 << 16);
            png_begin(&png);
            png_zipped(&png, international, texts[i].name, texts[i].text, 0);
            assert_int_equal(look(&png, png.n), texts[i].wanted);
            for (size_t n = 0; n < png.n; n++)
                assert_true(look(&png, n) <= texts[i].wanted);
            png.p[png.n - 5] ^= 1; /* of the checksum */
            assert_int_equal(look(&png, png.n), texts[i].wanted);
        }
}

static enum image_provenance after_others(size_t times, const char *name, const char *text, size_t blanks_before)
{
    _cleanup_(buf_done) struct buf png = BUF_MAX(1 << 20);

    png_begin(&png);
    for (size_t i = 0; i < times; i++)
        png_zipped(&png, false, "Comment", "", 0);
    png_zipped(&png, false, name, text, blanks_before);
    return look(&png, png.n);
}

/* Each is read to a limit, and so are all of them together; their names always. */
static void so_much_is_unpacked(void **state)
{
    (void)state;
    assert_int_equal(after_others(0, "parameters", A1111, 60000), IMAGE_AI_GENERATED);
    assert_int_equal(after_others(0, "parameters", A1111, 66000), IMAGE_NONE_FOUND);
    assert_int_equal(after_others(1000, "parameters", A1111, 0), IMAGE_AI_GENERATED);
    assert_int_equal(after_others(1024, "parameters", A1111, 0), IMAGE_NONE_FOUND);
    assert_int_equal(after_others(1024, "prompt", "a cat", 0), IMAGE_AI_GENERATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_beginning),
        cmocka_unit_test(texts_of_a_png),
        cmocka_unit_test(so_much_is_unpacked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
