#include "image/exif.h"

#include "base/defs.h"
#include "image/marks.h"

#define ENTRY_BYTES 12
#define ENTRIES_MAX 256 /* of a folder: far more than there are tags of it */
#define TAG_EXIF_IFD 0x8769
#define COMMENT_CODE_BYTES 8 /* UserComment begins with the name of its character set */

enum exif_type { EXIF_ASCII = 2, EXIF_UNDEFINED = 7 };

struct image_exif {
    struct image_view all;
    bool little;
    uint32_t seen; /* rows of image_exif_texts */
    enum image_provenance found;
};

struct image_exif_entry {
    uint32_t tag, type, n, value;
    const uint8_t *at; /* of the value */
};

static const struct {
    uint32_t tag;
    const char *name;
} image_exif_texts[] = {
    {0x010e, "ImageDescription"}, {0x010f, "Make"}, {0x0110, "Model"}, {0x0131, "Software"}, {0x9286, "UserComment"},
};

static uint32_t image_exif_u16(const struct image_exif *x, const uint8_t *p)
{
    return x->little ? (uint32_t)p[1] << 8 | p[0] : image_view_be16(p);
}

static uint32_t image_exif_u32(const struct image_exif *x, const uint8_t *p)
{
    return x->little ? image_exif_u16(x, p + 2) << 16 | image_exif_u16(x, p) : image_view_be32(p);
}

/* A value of up to four bytes stands in the entry itself. */
static bool image_exif_value(const struct image_exif *x, const struct image_exif_entry *e, struct image_view *ret)
{
    struct image_view v = x->all, skipped;

    if (e->n <= 4) {
        *ret = (struct image_view){e->at, e->n};
        return true;
    }
    return image_view_take(&v, e->value, &skipped) && image_view_take(&v, e->n, ret);
}

static void image_exif_text(struct image_exif *x, const struct image_exif_entry *e)
{
    struct image_view text, code;

    if (e->type != EXIF_ASCII && e->type != EXIF_UNDEFINED)
        return;
    for (size_t i = 0; i < ARRAY_LEN(image_exif_texts); i++) {
        const char *name = image_exif_texts[i].name;
        if (image_exif_texts[i].tag != e->tag || (x->seen & 1u << i) != 0 || !image_exif_value(x, e, &text))
            continue;
        x->seen |= 1u << i;
        if (e->type == EXIF_UNDEFINED)
            (void)image_view_take(&text, COMMENT_CODE_BYTES, &code);
        x->found = MAX(x->found, image_marks_field((struct image_view){(const uint8_t *)name, strlen(name)}, text));
    }
}

/* The entries of a folder; where the one of the camera's is, if it says so. */
static uint32_t image_exif_folder(struct image_exif *x, uint32_t at)
{
    struct image_view v = x->all, b;
    uint32_t camera = 0;

    if (!image_view_take(&v, at, &b) || !image_view_take(&v, 2, &b))
        return 0;
    for (uint32_t n = MIN(image_exif_u16(x, b.p), (uint32_t)ENTRIES_MAX); n > 0 && image_view_take(&v, ENTRY_BYTES, &b);
         n--) {
        const struct image_exif_entry e = {.tag = image_exif_u16(x, b.p),
                                           .type = image_exif_u16(x, b.p + 2),
                                           .n = image_exif_u32(x, b.p + 4),
                                           .value = image_exif_u32(x, b.p + 8),
                                           .at = b.p + 8};
        if (e.tag == TAG_EXIF_IFD)
            camera = e.value;
        image_exif_text(x, &e);
    }
    return camera;
}

enum image_provenance image_exif_marks(struct image_view tiff)
{
    struct image_exif x = {.all = tiff, .little = image_view_starts(tiff, "II", 2)};

    if (tiff.n < 8 || (!x.little && !image_view_starts(tiff, "MM", 2)))
        return IMAGE_NONE_FOUND;
    uint32_t camera = image_exif_folder(&x, image_exif_u32(&x, tiff.p + 4));
    if (camera != 0)
        (void)image_exif_folder(&x, camera);
    return x.found;
}
