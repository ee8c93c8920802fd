#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "image/marks.h"
#include "image/provenance.h"

#define IPTC "http://cv.iptc.org/newscodes/digitalsourcetype/"
#define TRAINED IPTC "trainedAlgorithmicMedia"
#define COMPOSITE IPTC "compositeWithTrainedAlgorithmicMedia"
#define XMP_OF(inside) "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description " inside "/></x:xmpmeta>"
#define A1111 "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"

static void put(struct buf *b, uint64_t v, int bytes, bool little)
{
    for (int i = 0; i < bytes; i++)
        buf_putc(b, (char)(v >> 8 * (little ? i : bytes - 1 - i)));
}

static void put_be(struct buf *b, uint64_t v, int bytes)
{
    put(b, v, bytes, false);
}

static void put_buf(struct buf *b, const struct buf *of)
{
    buf_put(b, of->p, of->n);
}

/* From a copy of exactly its size: the sanitizer sees a look beyond it. */
static enum image_provenance look(enum image_type type, const struct buf *b, size_t n)
{
    uint8_t *p = malloc(n + (n == 0));

    assert_non_null(p);
    if (n > 0)
        memcpy(p, b->p, n);
    enum image_provenance found = image_provenance(type, p, n);
    free(p);
    return found;
}

static void expect(enum image_type type, const struct buf *b, enum image_provenance wanted)
{
    assert_int_equal(look(type, b, b->n), wanted);
    for (size_t n = 0; n < b->n; n++) /* cut anywhere: nothing beyond is looked at */
        assert_true(look(type, b, n) <= IMAGE_AI_GENERATED);
}

/* --- files */

#define png_begin(b) buf_put(b, "\x89PNG\r\n\x1a\n", 8)

static void png_chunk(struct buf *b, const char *type, const void *p, size_t n)
{
    put_be(b, n, 4);
    buf_puts(b, type);
    buf_put(b, p, n);
    put_be(b, 0, 4);
}

static void png_text(struct buf *b, const char *name, const char *text)
{
    _cleanup_(buf_done) struct buf data = BUF_MAX(1 << 20);

    buf_put(&data, name, strlen(name) + 1);
    buf_puts(&data, text);
    png_chunk(b, "tEXt", data.p, data.n);
}

static void jpeg_segment(struct buf *b, uint8_t marker, const char *head, size_t head_n, const void *p, size_t n)
{
    put_be(b, 0xff00u | marker, 2);
    put_be(b, head_n + n + 2, 2);
    buf_put(b, head, head_n);
    buf_put(b, p, n);
}

#define jpeg_begin(b) buf_put(b, "\xff\xd8", 2)

static void jpeg_end(struct buf *b)
{
    buf_put(b, "\xff\xda\0\2pixels\xff\xd9", 12);
}

/* A WebP whose picture is followed by that. */
static void webp_of(struct buf *b, const char *type, const struct buf *of, size_t from)
{
    static const char start[] = "WEBPVP8X\12\0\0\0\x2c\0\0\0\x0f\0\0\x0f\0\0VP8L\5\0\0\0\x2fodd\0\0";
    size_t n = of->n - from;

    buf_puts(b, "RIFF");
    put(b, sizeof start - 1 + 8 + n + n % 2, 4, true);
    buf_put(b, start, sizeof start - 1);
    buf_puts(b, type);
    put(b, n, 4, true);
    buf_put(b, of->p + from, n);
    buf_put(b, "", n % 2);
}

/* --- C2PA */

static void box(struct buf *b, const char *type, const struct buf *content)
{
    put_be(b, content->n + 8, 4);
    buf_puts(b, type);
    put_buf(b, content);
}

static void superbox_of(struct buf *b, const char *label, const struct buf *content)
{
    _cleanup_(buf_done) struct buf description = BUF_MAX(1 << 16), all = BUF_MAX(1 << 20);

    buf_put(&description, "0123456789abcdef", 16); /* a UUID */
    buf_putc(&description, 3);
    buf_put(&description, label, strlen(label) + 1);
    box(&all, "jumd", &description);
    put_buf(&all, content);
    box(b, "jumb", &all);
}

static void cbor_text(struct buf *b, const char *text)
{
    put_be(b, 0x7800u | strlen(text), 2);
    buf_puts(b, text);
}

struct action {
    const char *name, *source;
};

/* {"actions": [{"action": …, "parameters": {"more": [1, {}]}, "digitalSourceType": …}, …]}, of that length or endless */
static void actions_of(struct buf *b, const struct action *v, size_t n, bool endless)
{
    buf_putc(b, (char)0xa1);
    cbor_text(b, "actions");
    buf_putc(b, (char)(endless ? 0x9f : 0x80 + n));
    for (size_t i = 0; i < n; i++) {
        buf_putc(b, (char)(endless ? 0xbf : v[i].source != NULL ? 0xa4 : 0xa3));
        cbor_text(b, "action");
        cbor_text(b, v[i].name);
        cbor_text(b, "when");
        buf_putc(b, (char)0xc0); /* tag 0: a time */
        cbor_text(b, "2026-11-27T09:00:00Z");
        cbor_text(b, "parameters");
        buf_putc(b, (char)0xa1);
        cbor_text(b, "more");
        buf_put(b, "\x82\x01\xa0", 3);
        if (v[i].source != NULL) {
            cbor_text(b, "digitalSourceType");
            cbor_text(b, v[i].source);
        }
        if (endless)
            buf_putc(b, (char)0xff);
    }
    if (endless)
        buf_putc(b, (char)0xff);
}

static void manifest_of(struct buf *b, const struct buf *assertion, const char *type, const char *label)
{
    _cleanup_(buf_done) struct buf content = BUF_MAX(1 << 20), one = BUF_MAX(1 << 20), all = BUF_MAX(1 << 20);

    box(&content, type, assertion);
    superbox_of(&one, label, &content);
    superbox_of(&all, "c2pa.assertions", &one);
    superbox_of(b, "urn:c2pa:0b6f6c2e-0b1c-4d52-9d56-2d6d9f6a1f7a", &all);
}

#define ACTIONS_MAX 2
struct manifest {
    struct action actions[ACTIONS_MAX];
};

/* The oldest first; NULL ends them. */
static void store_of(struct buf *b, const struct manifest *v, size_t n, bool endless)
{
    _cleanup_(buf_done) struct buf manifests = BUF_MAX(1 << 20);

    for (size_t i = 0; i < n; i++) {
        _cleanup_(buf_done) struct buf actions = BUF_MAX(1 << 20);
        actions_of(&actions, v[i].actions, v[i].actions[1].name != NULL ? 2 : 1, endless);
        manifest_of(&manifests, &actions, "cbor", endless ? "c2pa.actions" : "c2pa.actions.v2");
    }
    superbox_of(b, "c2pa", &manifests);
}

/* Into segments of that size: each has its number, and the head of the box again. */
static void jpeg_jumbf(struct buf *b, const struct buf *store, uint16_t number, size_t piece)
{
    for (size_t at = 0, i = 1; at < store->n; i++) {
        _cleanup_(buf_done) struct buf head = BUF_MAX(64);
        size_t n = store->n - at < piece ? store->n - at : piece;
        buf_puts(&head, "JP");
        put_be(&head, number, 2);
        put_be(&head, i, 4);
        if (i > 1)
            buf_put(&head, store->p, 8);
        jpeg_segment(b, 0xeb, head.p, head.n, store->p + at, n);
        at += n;
    }
}

static const struct {
    enum image_provenance wanted;
    struct manifest v[2];
} stores[] = {
    {IMAGE_AI_GENERATED, {{{{"c2pa.created", TRAINED}}}}},
    {IMAGE_AI_GENERATED, {{{{"c2pa.created", TRAINED}, {"c2pa.converted", NULL}}}}},
    {IMAGE_AI_GENERATED, {{{{"c2pa.created", TRAINED}}}, {{{"c2pa.opened", NULL}, {"c2pa.cropped", NULL}}}}},
    {IMAGE_AI_EDITED,
     {{{{"c2pa.created", TRAINED}}}, {{{"c2pa.created", IPTC "digitalCreation"}, {"c2pa.placed", NULL}}}}},
    {IMAGE_AI_EDITED, {{{{"c2pa.created", COMPOSITE}}}}},
    {IMAGE_AI_EDITED, {{{{"c2pa.opened", NULL}, {"c2pa.edited", COMPOSITE}}}}},
    {IMAGE_AI_EDITED, {{{{"c2pa.opened", NULL}, {"c2pa.placed", TRAINED}}}}},
    {IMAGE_AI_EDITED, {{{{"c2pa.created", IPTC "compositeSynthetic"}}}}},
    {IMAGE_NONE_FOUND, {{{{"c2pa.created", IPTC "digitalCapture"}, {"c2pa.color_adjustments", NULL}}}}},
    {IMAGE_NONE_FOUND, {{{{"c2pa.created", IPTC "algorithmicMedia"}}}}},
    {IMAGE_NONE_FOUND, {{{{"c2pa.created", TRAINED "s"}}}}}, /* another word */
    {IMAGE_NONE_FOUND, {{{{"c2pa.created", NULL}}}}},
};

static void c2pa_in_each_kind_of_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stores); i++)
        for (int endless = 0; endless < 2; endless++) {
            _cleanup_(buf_done) struct buf store = BUF_MAX(1 << 20), png = BUF_MAX(1 << 20), jpeg = BUF_MAX(1 << 20);
            store_of(&store, stores[i].v, stores[i].v[1].actions[0].name != NULL ? 2 : 1, endless);
            png_begin(&png);
            png_chunk(&png, "caBX", store.p, store.n);
            png_chunk(&png, "IDAT", "pixels", 6);
            expect(IMAGE_PNG, &png, stores[i].wanted);
            jpeg_begin(&jpeg);
            jpeg_jumbf(&jpeg, &store, 1, 100);
            jpeg_end(&jpeg);
            expect(IMAGE_JPEG, &jpeg, stores[i].wanted);
            _cleanup_(buf_done) struct buf webp = BUF_MAX(1 << 20);
            webp_of(&webp, "C2PA", &store, 0);
            expect(IMAGE_WEBP, &webp, stores[i].wanted);
        }
}

/* Other JUMBF stands before it, under another number; other segments between its own. */
static void c2pa_among_others(void **state)
{
    static const struct manifest generated = {{{"c2pa.created", TRAINED}}};
    _cleanup_(buf_done) struct buf store = BUF_MAX(1 << 20), other = BUF_MAX(1 << 20), jpeg = BUF_MAX(1 << 20);

    (void)state;
    store_of(&store, &generated, 1, false);
    superbox_of(&other, "c2ba", &store);
    jpeg_begin(&jpeg);
    jpeg_segment(&jpeg, 0xe0, "JFIF\0", 5, "\1\1\0\0\1\0\1\0\0", 9);
    jpeg_jumbf(&jpeg, &other, 1, 300);
    jpeg_jumbf(&jpeg, &store, 2, 60000);
    jpeg_jumbf(&jpeg, &other, 3, 300);
    jpeg_end(&jpeg);
    expect(IMAGE_JPEG, &jpeg, IMAGE_AI_GENERATED);
    other.n = jpeg.n = 0;
    superbox_of(&other, "c2ba", &store); /* alone it is none of C2PA's */
    jpeg_begin(&jpeg);
    jpeg_jumbf(&jpeg, &other, 1, 300);
    jpeg_end(&jpeg);
    expect(IMAGE_JPEG, &jpeg, IMAGE_NONE_FOUND);
}

static void c2pa_metadata(void **state)
{
    _cleanup_(buf_done) struct buf json = BUF_MAX(1 << 16), manifest = BUF_MAX(1 << 20), store = BUF_MAX(1 << 20),
                                   png = BUF_MAX(1 << 20);

    (void)state;
    buf_puts(&json, "{\"@context\": {}, \"Iptc4xmpExt:DigitalSourceType\": \"" COMPOSITE "\"}");
    manifest_of(&manifest, &json, "json", "c2pa.metadata");
    superbox_of(&store, "c2pa", &manifest);
    png_begin(&png);
    png_chunk(&png, "caBX", store.p, store.n);
    expect(IMAGE_PNG, &png, IMAGE_AI_EDITED);
}

/* A box in a box in a box, and lists in lists: neither the stack nor the time grows with them. */
static void c2pa_that_nests(void **state)
{
    _cleanup_(buf_done) struct buf actions = BUF_MAX(1 << 20), manifest = BUF_MAX(1 << 20), png = BUF_MAX(1 << 20);
    _cleanup_(buf_done) struct buf store = BUF_MAX(1 << 20), boxes = BUF_MAX(1 << 20);

    (void)state;
    for (int i = 0; i < 50000; i++)
        buf_putc(&actions, (char)(i % 2 == 0 ? 0x9f : 0x81));
    manifest_of(&manifest, &actions, "cbor", "c2pa.actions");
    superbox_of(&store, "c2pa", &manifest);
    png_begin(&png);
    png_chunk(&png, "caBX", store.p, store.n);
    for (uint32_t n = 80000; n >= 8; n -= 8) {
        put_be(&boxes, n, 4);
        buf_puts(&boxes, "jumb");
    }
    png_chunk(&png, "caBX", boxes.p, boxes.n);
    assert_int_equal(look(IMAGE_PNG, &png, png.n), IMAGE_NONE_FOUND);
}

/* --- texts */

static const struct {
    const char *name, *text;
    enum image_provenance wanted;
} texts[] = {
    {"parameters", A1111, IMAGE_AI_GENERATED},
    {"parameters", "{\"sui_image_params\": {\"prompt\": \"a cat\"}}", IMAGE_AI_GENERATED},
    {"parameters", "{\"prompt\": \"a cat\", \"steps\": 30}", IMAGE_AI_GENERATED},
    {"parameters", "exposure 1/30", IMAGE_NONE_FOUND},
    {"prompt", "{\"3\": {\"class_type\": \"KSampler\"}}", IMAGE_AI_GENERATED},
    {"workflow", "{\"last_node_id\": 9, \"nodes\": []}", IMAGE_AI_GENERATED},
    {"workflow", "raw, curves, export", IMAGE_NONE_FOUND},
    {"invokeai_metadata", "{}", IMAGE_AI_GENERATED},
    {"sd-metadata", "{}", IMAGE_AI_GENERATED},
    {"Dream", "a cat -s 50", IMAGE_AI_GENERATED},
    {"fooocus_scheme", "fooocus", IMAGE_AI_GENERATED},
    {"Software", "NovelAI", IMAGE_AI_GENERATED},
    {"Software", "Adobe Firefly 3", IMAGE_AI_GENERATED},
    {"Software", "GIMP 2.10", IMAGE_NONE_FOUND},
    {"Software", "Adobe Photoshop 26.0 (Windows)", IMAGE_NONE_FOUND},
    {"Source", "Stable Diffusion XL B0BDF6C1", IMAGE_AI_GENERATED},
    {"Comment", "{\"prompt\": \"a cat\", \"steps\": 28, \"sampler\": \"k_euler\"}", IMAGE_AI_GENERATED},
    {"Comment", "Created with GIMP", IMAGE_NONE_FOUND},
    {"Comment", "{\"AIGC\":{\"Label\":\"1\",\"ContentProducer\":\"x\"}}", IMAGE_AI_GENERATED},
    {"Comment", "{\"AIGC\":{\"Label\":\"2\",\"ContentProducer\":\"x\"}}", IMAGE_AI_EDITED},
    {"AIGC", "{\"Label\":\"1\"}", IMAGE_AI_GENERATED},
    {"Description", "a cat --v 6 Job ID: 0b6f6c2e-0b1c-4d52-9d56-2d6d9f6a1f7a", IMAGE_AI_GENERATED},
    {"Description", "Job ID: 4711, print it by Friday", IMAGE_NONE_FOUND},
    {"Description", "How stable diffusion and ComfyUI work: steps, samplers", IMAGE_NONE_FOUND},
    {"Title", A1111, IMAGE_NONE_FOUND},
    {"XML:com.adobe.xmp", XMP_OF("Iptc4xmpExt:DigitalSourceType=\"" TRAINED "\""), IMAGE_AI_GENERATED},
    {"XML:com.adobe.xmp", XMP_OF("Iptc4xmpExt:DigitalSourceType='trainedAlgorithmicMedia'"), IMAGE_AI_GENERATED},
    {"XML:com.adobe.xmp", XMP_OF("a:DigitalSourceType rdf:resource='" COMPOSITE "'"), IMAGE_AI_EDITED},
    {"XML:com.adobe.xmp", XMP_OF("Iptc4xmpExt:DigitalSourceType=\"" IPTC "digitalCapture\""), IMAGE_NONE_FOUND},
    {"XML:com.adobe.xmp", XMP_OF("dc:title=\"What trainedAlgorithmicMedia means\""), IMAGE_NONE_FOUND},
    {"XML:com.adobe.xmp", XMP_OF("xmp:CreatorTool=\"Adobe Firefly\""), IMAGE_AI_GENERATED},
    {"XML:com.adobe.xmp", XMP_OF("xmp:CreatorTool=\"Lightroom\" dc:title=\"Midjourney\""), IMAGE_NONE_FOUND},
    {"XML:com.adobe.xmp", "<TC260:AIGC>{&quot;Label&quot;:&quot;1&quot;}</TC260:AIGC>", IMAGE_AI_GENERATED},
    {"XML:com.adobe.xmp", "<a:AIGC>{\"Label\":\"1\"}</a:AIGC>", IMAGE_NONE_FOUND},
};

static void texts_of_a_png(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_(buf_done) struct buf before = BUF_MAX(1 << 20), after = BUF_MAX(1 << 20),
                                       international = BUF_MAX(1 << 16);
        png_begin(&before);
        png_text(&before, "Author", "somebody");
        png_text(&before, texts[i].name, texts[i].text);
        png_chunk(&before, "IDAT", "pixels", 6);
        expect(IMAGE_PNG, &before, texts[i].wanted);
        buf_put(&international, texts[i].name, strlen(texts[i].name) + 1);
        buf_put(&international, "\0\0en\0\0", 6);
        buf_puts(&international, texts[i].text);
        png_begin(&after);
        png_chunk(&after, "IDAT", "pixels", 6);
        png_chunk(&after, "iTXt", international.p, international.n);
        expect(IMAGE_PNG, &after, texts[i].wanted);
    }
}

static void texts_of_a_jpeg(void **state)
{
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/", more[] = "http://ns.adobe.com/xmp/extension/";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bool is_xmp = strcmp(texts[i].name, "XML:com.adobe.xmp") == 0,
             is_comment = strcmp(texts[i].name, "Comment") == 0;
        for (int k = 0; k < 2 && (is_xmp || is_comment); k++) {
            _cleanup_(buf_done) struct buf jpeg = BUF_MAX(1 << 20);
            jpeg_begin(&jpeg);
            if (is_comment)
                jpeg_segment(&jpeg, 0xfe, "", 0, texts[i].text, strlen(texts[i].text));
            else
                jpeg_segment(&jpeg, 0xe1, k == 0 ? xmp : more, k == 0 ? sizeof xmp : sizeof more, texts[i].text,
                             strlen(texts[i].text));
            jpeg_end(&jpeg);
            expect(IMAGE_JPEG, &jpeg, texts[i].wanted);
        }
    }
}

/* --- EXIF: two folders, of which the first names the second; a value of up to four bytes stands in its entry. */

static void exif_entry(struct buf *b, unsigned tag, unsigned type, size_t n, uint64_t value, bool little)
{
    put(b, tag, 2, little);
    put(b, type, 2, little);
    put(b, n, 4, little);
    put(b, value, 4, little);
}

static void exif_of(struct buf *b, unsigned tag, const struct buf *text, bool little)
{
    bool camera = tag == 0x9286;
    unsigned type = camera ? 7 : 2;

    buf_puts(b, little ? "II" : "MM");
    put(b, 42, 2, little);
    put(b, 8, 4, little);
    put(b, 1, 2, little);
    if (camera) {
        exif_entry(b, 0x8769, 4, 1, 26, little);
        put(b, 0, 4, little);
        put(b, 1, 2, little);
    }
    exif_entry(b, tag, type, text->n, b->n + 16, little);
    put(b, 0, 4, little);
    put_buf(b, text);
}

static const struct {
    unsigned tag;
    const char *text;
    enum image_provenance wanted;
} exifs[] = {
    {0x0131, "ComfyUI", IMAGE_AI_GENERATED},
    {0x0131, "Midjourney", IMAGE_AI_GENERATED},
    {0x0131, "HDR+ 1.0.345618096zd", IMAGE_NONE_FOUND},
    {0x010f, "workflow:{\"nodes\": []}", IMAGE_AI_GENERATED},
    {0x0110, "prompt:{\"1\": {}}", IMAGE_AI_GENERATED},
    {0x010f, "Canon Inc.", IMAGE_NONE_FOUND},
    {0x010e, A1111, IMAGE_AI_GENERATED},
    {0x010e, "A cat on a wall", IMAGE_NONE_FOUND},
    {0x9286, A1111, IMAGE_AI_GENERATED},
    {0x9286, "seen from the tower", IMAGE_NONE_FOUND},
};

/* utf16: as stable-diffusion-webui writes a comment, in either order of the bytes. */
static void exif_text(struct buf *b, const char *text, bool comment, bool utf16, bool little)
{
    if (comment)
        buf_put(b, utf16 ? "UNICODE\0" : "ASCII\0\0\0", 8);
    for (const char *c = text; *c != '\0'; c++)
        put(b, (uint64_t)*c, utf16 ? 2 : 1, little);
}

static void exif_in_each_kind_of_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(exifs); i++)
        for (unsigned how = 0; how < 4; how++) {
            _cleanup_(buf_done) struct buf text = BUF_MAX(1 << 16), tiff = BUF_MAX(1 << 16), png = BUF_MAX(1 << 17),
                                           jpeg = BUF_MAX(1 << 17);
            bool comment = exifs[i].tag == 0x9286, little = how % 2 == 1;
            exif_text(&text, exifs[i].text, comment, comment && how >= 2, little);
            exif_of(&tiff, exifs[i].tag, &text, little);
            png_begin(&png);
            png_chunk(&png, "eXIf", tiff.p, tiff.n);
            expect(IMAGE_PNG, &png, exifs[i].wanted);
            jpeg_begin(&jpeg);
            jpeg_segment(&jpeg, 0xe1, "Exif\0", 6, tiff.p, tiff.n);
            jpeg_end(&jpeg);
            expect(IMAGE_JPEG, &jpeg, exifs[i].wanted);
            _cleanup_(buf_done) struct buf webp = BUF_MAX(1 << 17);
            jpeg.n -= 12; /* its scan */
            webp_of(&webp, "EXIF", &jpeg, how >= 2 ? 12 : 6);
            expect(IMAGE_WEBP, &webp, exifs[i].wanted);
        }
}

/* The greater word counts, wherever it stands. */
static void several_marks(void **state)
{
    _cleanup_(buf_done) struct buf png = BUF_MAX(1 << 20);

    (void)state;
    png_begin(&png);
    png_text(&png, "Software", "NovelAI");
    png_text(&png, "XML:com.adobe.xmp", XMP_OF("Iptc4xmpExt:DigitalSourceType=\"" COMPOSITE "\""));
    png_text(&png, "Software", "GIMP");
    expect(IMAGE_PNG, &png, IMAGE_AI_GENERATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c2pa_in_each_kind_of_file),
        cmocka_unit_test(c2pa_among_others),
        cmocka_unit_test(c2pa_metadata),
        cmocka_unit_test(c2pa_that_nests),
        cmocka_unit_test(texts_of_a_png),
        cmocka_unit_test(texts_of_a_jpeg),
        cmocka_unit_test(exif_in_each_kind_of_file),
        cmocka_unit_test(several_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
