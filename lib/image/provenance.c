#include "image/provenance.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/defs.h"
#include "image/c2pa.h"
#include "image/exif.h"
#include "image/heif.h"
#include "image/jpeg.h"
#include "image/marks.h"
#include "image/unzip.h"
#include "image/webp.h"

#define PNG_SIGNATURE_BYTES 8
#define PNG_NAME_MAX 79
#define ZIPPED_TEXT_MAX (64u << 10) /* read of one */
#define ZIPPED_TEXTS_MAX \
    (512u << 10) /* and of all: a file may hold hundreds of thousands, each a thousand times as long unpacked */
#define ZIPPED_TEXT_COST 512 /* of one that has nothing in it: to begin takes time, too */

/* APP11 (ISO 19566-5 D): "JP", the number of the box, that of the segment; then the head of the box, in each segment again. */
#define JUMBF_HEAD_BYTES 8

/* A file that is being read. */
struct image_provenance_of {
    size_t file_bytes;
    enum image_provenance found;
    bool has_exif; /* the first is the one that counts */
    uint8_t *jumbf;
    size_t jumbf_n;
    uint32_t jumbf_box;
    size_t unzipped; /* of ZIPPED_TEXTS_MAX */
};

#define XMP "http://ns.adobe.com/xap/1.0/\0"
#define XMP_MORE "http://ns.adobe.com/xmp/extension/\0"
#define EXIF "Exif\0\0"

static bool image_provenance_starts(struct image_view *v, const char *p, size_t n)
{
    struct image_view skipped;

    return image_view_starts(*v, p, n) && image_view_take(v, n, &skipped);
}

static void image_provenance_add(struct image_provenance_of *f, enum image_provenance found)
{
    f->found = MAX(f->found, found);
}

static void image_provenance_exif(struct image_provenance_of *f, struct image_view tiff)
{
    if (!f->has_exif)
        image_provenance_add(f, image_exif_marks(tiff));
    f->has_exif = true;
}

static void image_provenance_app1(struct image_provenance_of *f, struct image_view v)
{
    if (image_provenance_starts(&v, EXIF, sizeof EXIF - 1))
        image_provenance_exif(f, v);
    else if (image_provenance_starts(&v, XMP, sizeof XMP - 1) ||
             image_provenance_starts(&v, XMP_MORE, sizeof XMP_MORE - 1))
        image_provenance_add(f, image_marks_xmp(v));
}

static void image_provenance_end_box(struct image_provenance_of *f)
{
    if (f->jumbf_n > 0)
        image_provenance_add(f, image_c2pa_marks((struct image_view){f->jumbf, f->jumbf_n}));
    f->jumbf_n = 0;
}

/* Puts a box together. What is kept of one is never more than the file, of which it is a part. */
static void image_provenance_app11(struct image_provenance_of *f, struct image_view v)
{
    struct image_view head, again;

    if (!image_view_take(&v, JUMBF_HEAD_BYTES, &head) || head.p[0] != 'J' || head.p[1] != 'P')
        return;
    uint32_t box = image_view_be16(head.p + 2);
    if (box != f->jumbf_box || image_view_be32(head.p + 4) == 1)
        image_provenance_end_box(f);
    else if (!image_view_take(&v, 8, &again) || (image_view_be32(again.p) == 1 && !image_view_take(&v, 8, &again)))
        return;
    if (f->jumbf == NULL)
        f->jumbf = xcalloc(1, f->file_bytes);
    f->jumbf_box = box;
    memcpy(f->jumbf + f->jumbf_n, v.p, v.n);
    f->jumbf_n += v.n;
}

static void image_provenance_jpeg(struct image_provenance_of *f, struct image_view v)
{
    static const struct image_view comment = {(const uint8_t *)"Comment", 7};
    struct image_view segment;
    uint8_t marker;

    while (jpeg_next_marker(&v, &marker) && marker != JPEG_SOS && marker != JPEG_EOI) {
        if (jpeg_stands_alone(marker))
            continue;
        if (!jpeg_segment(&v, &segment))
            break;
        if (marker == JPEG_APP1)
            image_provenance_app1(f, segment);
        else if (marker == JPEG_APP11)
            image_provenance_app11(f, segment);
        else if (marker == JPEG_COM)
            image_provenance_add(f, image_marks_field(comment, segment));
    }
    image_provenance_end_box(f);
}

/* What a program has compressed because it was long, as ImageMagick does with all of 128 bytes and more. Past the limit, only names. */
static enum image_provenance image_provenance_png_zipped(struct image_provenance_of *f, struct image_view name,
                                                         struct image_view zipped)
{
    size_t max = MIN((size_t)ZIPPED_TEXT_MAX, ZIPPED_TEXTS_MAX - f->unzipped);
    uint8_t *text = xmalloc(ZIPPED_TEXT_MAX);
    size_t n = max > 0 ? image_unzip(zipped, text, max) : 0;

    f->unzipped += MIN(MAX(n, (size_t)ZIPPED_TEXT_COST), max);
    enum image_provenance found = image_marks_field(name, (struct image_view){text, n});
    free(text);
    return found;
}

/*
 * tEXt: name, 0, text. zTXt: name, 0, how it is compressed, text. iTXt: name, 0, whether it is compressed, how, language, 0, translated
 * name, 0, text. There is one way to compress, 0 (W3C PNG 11.3.3).
 */
static enum image_provenance image_provenance_png_text(struct image_provenance_of *f, uint8_t kind, struct image_view v)
{
    struct image_view name = {v.p, strnlen((const char *)v.p, MIN(v.n, PNG_NAME_MAX + 1))}, skipped, how = {0};
    bool zipped = kind == 'z';

    if (!image_view_take(&v, name.n + 1, &skipped))
        return IMAGE_NONE_FOUND;
    if (kind != 't' && !image_view_take(&v, kind == 'i' ? 2 : 1, &how))
        return IMAGE_NONE_FOUND;
    for (int i = 0; kind == 'i' && i < 2; i++)
        if (!image_view_take(&v, strnlen((const char *)v.p, v.n) + 1, &skipped))
            return IMAGE_NONE_FOUND;
    if (kind == 'i')
        zipped = how.p[0] != 0;
    if (zipped && how.p[how.n - 1] != 0)
        v.n = 0;
    return zipped ? image_provenance_png_zipped(f, name, v) : image_marks_field(name, v);
}

static void image_provenance_png_chunk(struct image_provenance_of *f, const uint8_t *type, struct image_view v)
{
    if (memcmp(type, "caBX", 4) == 0)
        image_provenance_add(f, image_c2pa_marks(v));
    else if (memcmp(type, "eXIf", 4) == 0)
        image_provenance_exif(f, v);
    else if (memcmp(type, "tEXt", 4) == 0 || memcmp(type, "zTXt", 4) == 0 || memcmp(type, "iTXt", 4) == 0)
        image_provenance_add(f, image_provenance_png_text(f, type[0], v));
}

/* All of them: some programs put their texts after the pixels. */
static void image_provenance_png(struct image_provenance_of *f, struct image_view v)
{
    struct image_view head, data, crc;

    if (!image_view_take(&v, PNG_SIGNATURE_BYTES, &head))
        return;
    while (image_view_take(&v, 8, &head) && image_view_take(&v, image_view_be32(head.p), &data)) {
        image_provenance_png_chunk(f, head.p + 4, data);
        if (!image_view_take(&v, 4, &crc))
            return;
    }
}

/* EXIF is there with JPEG's name for it, or without. */
static void image_provenance_webp(struct image_provenance_of *f, struct image_view v)
{
    struct image_view chunks = webp_chunks(v), data;
    const uint8_t *type;

    while (webp_chunk(&chunks, &type, &data)) {
        if (memcmp(type, "C2PA", 4) == 0)
            image_provenance_add(f, image_c2pa_marks(data));
        else if (memcmp(type, "XMP ", 4) == 0)
            image_provenance_add(f, image_marks_xmp(data));
        else if (memcmp(type, "EXIF", 4) == 0) {
            (void)image_provenance_starts(&data, EXIF, sizeof EXIF - 1);
            image_provenance_exif(f, data);
        }
    }
}

/* Its XMP and EXIF are in items, wherever they are in the file: libheif finds them. */
static void image_provenance_heif(struct image_provenance_of *f, struct image_view v)
{
    struct image_view store;

    if (image_heif_c2pa(v, &store))
        image_provenance_add(f, image_c2pa_marks(store));
}

enum image_provenance image_provenance(enum image_type type, const uint8_t *p, size_t n)
{
    struct image_provenance_of f = {.file_bytes = n, .found = IMAGE_NONE_FOUND};
    struct image_view v = {p, n};

    if (type == IMAGE_PNG)
        image_provenance_png(&f, v);
    else if (type == IMAGE_JPEG)
        image_provenance_jpeg(&f, v);
    else if (type == IMAGE_AVIF || type == IMAGE_HEIC)
        image_provenance_heif(&f, v);
    else if (webp_is(v))
        image_provenance_webp(&f, v);
    free(f.jumbf);
    return f.found;
}
