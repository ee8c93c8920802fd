#include "repair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"
#include "image/exif.h"
#include "image/keep.h"
#include "image/marks.h"
#include "image/provenance.h"
#include "image/scans.h"
#include "jpeg_check.h"
#include "load.h"

#define JPEG_QUALITY 90

/* Replaces an image by the result of a libvips call on it. */
static enum err repair_become(VipsImage **im, VipsImage **next, int failed)
{
    if (failed)
        return ERR_IMAGE_CORRUPT;
    g_object_unref(*im);
    *im = *next;
    *next = NULL;
    return OK;
}

struct size {
    int width, height;
};

/* The largest size with the same aspect that fits into the box, to the pixel; never larger than s itself. */
static struct size repair_fit(struct size s, struct size box)
{
    double scale = fmin(fmin((double)box.width / s.width, (double)box.height / s.height), 1);

    return (struct size){(int)fmax(1, fmin(rint(s.width * scale), box.width)),
                         (int)fmax(1, fmin(rint(s.height * scale), box.height))};
}

/* The size to scale to, before the image is turned upright. */
static struct size repair_target_size(VipsImage *im)
{
    struct size box = {IMAGE_MAX_WIDTH, IMAGE_MAX_HEIGHT};

    if (vips_image_get_orientation_swap(im))
        box = (struct size){IMAGE_MAX_HEIGHT, IMAGE_MAX_WIDTH};
    return repair_fit((struct size){im->Xsize, im->Ysize}, box);
}

/* A JPEG decodes to 1/2, 1/4 or 1/8 almost for free. At least twice the target is left for a proper filter. */
static int repair_load_shrink(VipsImage *im, struct size target)
{
    double factor = fmin((double)im->Xsize / target.width, (double)im->Ysize / target.height);

    return factor >= 16 ? 8 : factor >= 8 ? 4 : factor >= 4 ? 2 : 1;
}

/* shift: from 16 bits to the upper 8; else the numbers stay as they are. */
static enum err repair_to_bytes(VipsImage **im, gboolean shift)
{
    VipsImage *next = NULL;

    return repair_become(im, &next, vips_cast(*im, &next, VIPS_FORMAT_UCHAR, "shift", shift, NULL));
}

/*
 * Before anything else, and again right after the step that makes floating point numbers: what a resize keeps of each
 * line takes a quarter of the memory then. The result has 8 bits anyway.
 */
static enum err repair_to_8_bits(VipsImage **im)
{
    VipsInterpretation as = (*im)->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    VipsImage *next = NULL;

    if ((*im)->BandFmt != VIPS_FORMAT_USHORT)
        return OK;
    enum err e = repair_to_bytes(im, TRUE);
    return e == OK ? repair_become(im, &next, vips_copy(*im, &next, "interpretation", as, NULL)) : e;
}

static enum err repair_resize(VipsImage **im, struct size target)
{
    VipsImage *next = NULL;
    bool alpha = vips_image_hasalpha(*im);
    enum err e = OK;

    /* Invisible pixels have colours too, which must not bleed into the visible ones. */
    if (alpha)
        e = repair_become(im, &next, vips_premultiply(*im, &next, NULL));
    if (e == OK && alpha)
        e = repair_to_bytes(im, false);
    if (e == OK)
        e = repair_become(im, &next,
                          vips_resize(*im, &next, (double)target.width / (*im)->Xsize, "vscale",
                                      (double)target.height / (*im)->Ysize, NULL));
    if (e == OK && alpha)
        e = repair_become(im, &next, vips_unpremultiply(*im, &next, NULL));
    if (e == OK && alpha)
        e = repair_to_bytes(im, false);
    ASSERT(e != OK || ((*im)->Xsize == target.width && (*im)->Ysize == target.height));
    return e;
}

static struct image_view repair_blob(VipsImage *im, const char *name)
{
    const void *p;
    size_t n;

    if (vips_image_get_typeof(im, name) == 0 || vips_image_get_blob(im, name, &p, &n) != 0)
        return (struct image_view){NULL, 0};
    return (struct image_view){p, n};
}

#define PROFILE_HEAD_BYTES 132 /* with the number of its tags (ICC.1 7.2, 7.3) */
#define PROFILE_TAG_BYTES 12

/* One that has a table for the perceptual intent alone is meant to be used with that (ICC.1 8.10.2); asked for another, libvips takes a
 * profile of its own in its place. */
static VipsIntent repair_intent(VipsImage *im)
{
    struct image_view v = repair_blob(im, VIPS_META_ICC_NAME), head, tag;
    bool perceptual = false, relative = false;

    if (!image_view_take(&v, PROFILE_HEAD_BYTES, &head))
        return VIPS_INTENT_RELATIVE;
    for (uint32_t n = image_view_be32(head.p + PROFILE_HEAD_BYTES - 4); n > 0; n--) {
        if (!image_view_take(&v, PROFILE_TAG_BYTES, &tag))
            break;
        perceptual |= image_view_starts(tag, "A2B0", 4);
        relative |= image_view_starts(tag, "A2B1", 4);
    }
    return perceptual && !relative ? VIPS_INTENT_PERCEPTUAL : VIPS_INTENT_RELATIVE;
}

static enum err repair_apply_profile(VipsImage **im)
{
    VipsImage *next = NULL;

    return repair_become(im, &next,
                         vips_icc_transform(*im, &next, "srgb", "embedded", TRUE, "intent", repair_intent(*im),
                                            "black_point_compensation", TRUE, "depth", 8, NULL));
}

#define PROBE_LEVELS 5
#define PROBE_PIXELS (PROBE_LEVELS * PROBE_LEVELS * PROBE_LEVELS)
#define PROBE_TOLERANCE 2 /* of 255: how much two honest sRGB profiles differ by rounding */

/* Most profiles in the wild are sRGB under one of many names, so this tries it on a few colours instead of reading its
 * name. */
static bool repair_profile_changes_nothing(VipsImage *im)
{
    uint8_t probe[PROBE_PIXELS][3];
    const void *profile;
    size_t profile_n, out_n = 0;
    VipsImage *next = NULL;
    int most = 0;

    for (int i = 0; i < PROBE_PIXELS; i++)
        for (int band = 0, rest = i; band < 3; band++, rest /= PROBE_LEVELS)
            probe[i][band] = (uint8_t)(rest % PROBE_LEVELS * 255 / (PROBE_LEVELS - 1));
    VipsImage *p = vips_image_new_from_memory(probe, sizeof probe, PROBE_PIXELS, 1, 3, VIPS_FORMAT_UCHAR);
    if (p == NULL || vips_image_get_blob(im, VIPS_META_ICC_NAME, &profile, &profile_n) != 0 ||
        repair_become(&p, &next, vips_copy(p, &next, "interpretation", VIPS_INTERPRETATION_sRGB, NULL)) != OK) {
        g_clear_object(&p);
        return false;
    }
    vips_image_set_blob_copy(p, VIPS_META_ICC_NAME, profile, profile_n);
    uint8_t *out = repair_apply_profile(&p) == OK ? vips_image_write_to_memory(p, &out_n) : NULL;
    for (size_t i = 0; out != NULL && i < MIN(out_n, sizeof probe); i++)
        most = MAX(most, abs(out[i] - probe[i / 3][i % 3]));
    bool same = out != NULL && out_n == sizeof probe && most <= PROBE_TOLERANCE;
    g_free(out);
    g_object_unref(p);
    return same;
}

/* Converts to sRGB with 8 bits, by the image's own profile or, without one, by what such pixels usually mean. */
static enum err repair_to_srgb(VipsImage **im, uint32_t *changes)
{
    VipsImage *next = NULL;
    VipsInterpretation was = (*im)->Type;
    bool rgb = was == VIPS_INTERPRETATION_sRGB || was == VIPS_INTERPRETATION_RGB16;

    /* A profile that cannot be applied, because it is broken or for other pixels, is ignored, as browsers do. */
    if (vips_image_get_typeof(*im, VIPS_META_ICC_NAME) != 0 && !(rgb && repair_profile_changes_nothing(*im)) &&
        repair_apply_profile(im) == OK)
        *changes |= IMAGE_COLOUR_CONVERTED;
    if (!rgb)
        *changes |= IMAGE_COLOUR_CONVERTED;
    if ((*im)->Type == VIPS_INTERPRETATION_sRGB && (*im)->BandFmt == VIPS_FORMAT_UCHAR)
        return OK;
    return repair_become(im, &next, vips_colourspace(*im, &next, VIPS_INTERPRETATION_sRGB, NULL));
}

static bool repair_has_transparency(VipsImage *im)
{
    VipsImage *alpha = NULL;
    double least = 0;

    if (vips_extract_band(im, &alpha, im->Bands - 1, NULL) != 0)
        return true;
    int failed = vips_min(alpha, &least, NULL);
    g_object_unref(alpha);
    return failed || least < 255;
}

static enum err repair_flatten(VipsImage **im, uint32_t background, uint32_t *changes)
{
    VipsImage *next = NULL;

    if (!vips_image_hasalpha(*im))
        return OK;
    if (repair_has_transparency(*im))
        *changes |= IMAGE_FLATTENED;
    VipsArrayDouble *on = vips_array_double_newv(3, (double)(background >> 16), (double)(background >> 8 & 0xff),
                                                 (double)(background & 0xff));
    enum err e = repair_become(im, &next, vips_flatten(*im, &next, "background", on, NULL));
    vips_area_unref(VIPS_AREA(on));
    return e;
}

static enum err repair_write(int fd, const void *p, size_t n)
{
    bool written = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && fd_write_all(fd, p, n);

    return written ? OK : err_of_store();
}

/* Whether its pixels are as they came: then the file can be kept, but for what is not needed. */
static bool repair_left_pixels(const struct image_report *r)
{
    return (r->changes & ~(uint32_t)IMAGE_METADATA_REMOVED) == 0;
}

static enum err repair_keep(const struct image_file *f, int fd, struct image_report *r, bool *ret_kept)
{
    uint8_t *to = xmalloc(f->n + IMAGE_KEEP_MORE);
    size_t n = (f->type == IMAGE_WEBP ? image_keep_webp : image_keep_jpeg)(f->p, f->n, to);
    enum err e = OK;

    *ret_kept = n > 0 && n <= IMAGE_MAX_BYTES;
    if (*ret_kept) {
        if (n < f->n)
            r->changes |= IMAGE_METADATA_REMOVED;
        e = repair_write(fd, to, n);
        r->size_bytes = n;
        r->width = r->original_width;
        r->height = r->original_height;
        r->kept = f->type;
    }
    free(to);
    return e;
}

static enum err repair_save(VipsImage *im, int fd, struct image_report *r)
{
    void *p = NULL;
    size_t n = 0;

    if (vips_jpegsave_buffer(im, &p, &n, "Q", JPEG_QUALITY, "optimize_coding", TRUE, "strip", TRUE, "subsample_mode",
                             VIPS_FOREIGN_SUBSAMPLE_ON, NULL) != 0)
        return ERR_INTERNAL;
    enum err e = n <= IMAGE_MAX_BYTES ? repair_write(fd, p, n) : ERR_IMAGE_TOO_LARGE;
    g_free(p);
    r->changes |= IMAGE_REENCODED;
    r->size_bytes = n;
    r->width = (uint32_t)im->Xsize;
    r->height = (uint32_t)im->Ysize;
    r->kept = IMAGE_JPEG;
    return e;
}

static bool repair_has_metadata(VipsImage *im)
{
    static const char *const names[] = {VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME, VIPS_META_IPTC_NAME,
                                        VIPS_META_ICC_NAME};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (vips_image_get_typeof(im, names[i]) != 0)
            return true;
    return false;
}

/* From the file to pixels in memory at their final size, not yet upright and still in their own colours. */
static enum err repair_decode(const struct image_file *f, VipsImage **im, uint32_t *changes)
{
    VipsImage *next = NULL;
    struct size target = repair_target_size(*im);
    int shrink = f->type == IMAGE_JPEG ? repair_load_shrink(*im, target) : 1;
    enum err e = OK;

    if (target.width != (*im)->Xsize || target.height != (*im)->Ysize)
        *changes |= IMAGE_RESIZED;
    if (shrink > 1) {
        e = image_load(f, shrink, &next);
        if (e == OK)
            e = repair_become(im, &next, 0);
    }
    if (e == OK)
        e = repair_to_8_bits(im);
    if (e == OK && (*changes & IMAGE_RESIZED))
        e = repair_resize(im, target);
    if (e != OK)
        return e;
    next = vips_image_copy_memory(*im); /* here the decoder runs, once, from top to bottom */
    return repair_become(im, &next, next == NULL);
}

static enum err repair_upright(VipsImage **im, uint32_t *changes)
{
    VipsImage *next = NULL;

    if (vips_image_get_orientation(*im) == 1)
        return OK;
    *changes |= IMAGE_ORIENTED;
    return repair_become(im, &next, vips_autorot(*im, &next, NULL));
}

static enum err repair_loaded(const struct image_file *f, int out_fd, uint32_t background, VipsImage **im,
                              struct image_report *r)
{
    bool warned = false, kept = false;

    if (repair_has_metadata(*im))
        r->changes |= IMAGE_METADATA_REMOVED;
    enum err e = repair_decode(f, im, &r->changes);
    warned = f->type == IMAGE_JPEG && *vips_error_buffer() != '\0'; /* libjpeg's first warning is there */
    if (e == OK && warned)
        e = jpeg_check(f->p, f->n);
    if (e == OK)
        e = repair_upright(im, &r->changes);
    if (e == OK)
        e = repair_to_srgb(im, &r->changes);
    if (e == OK)
        e = repair_flatten(im, background, &r->changes);
    if (e == OK && (f->type == IMAGE_JPEG || f->type == IMAGE_WEBP) && !warned && repair_left_pixels(r))
        e = repair_keep(f, out_fd, r, &kept);
    return e == OK && !kept ? repair_save(*im, out_fd, r) : e;
}

/* Some of what this loader has found belongs to it alone, although copies of the image name it (libvips 8.14): here they get their own. */
static void repair_own(VipsImage *im, const char *name)
{
    struct image_view v = repair_blob(im, name);

    if (v.p != NULL)
        vips_image_set_blob_copy(im, name, v.p, v.n);
}

/* XMP that begins with <?xpacket has another name than XMP. */
static void repair_heif_texts(VipsImage *im, struct image_report *r)
{
    char **names = vips_image_get_fields(im);

    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        if (strncmp(names[i], "heif-mime-", strlen("heif-mime-")) == 0) {
            r->provenance = MAX(r->provenance, image_marks_xmp(repair_blob(im, names[i])));
            r->changes |= IMAGE_METADATA_REMOVED;
        }
    g_strfreev(names);
}

/* What the loader has found in the boxes, and what it has done to the image by them. */
static void repair_heif(VipsImage *im, const struct image_header *h, struct image_report *r)
{
    struct image_view exif = repair_blob(im, VIPS_META_EXIF_NAME), xmp = repair_blob(im, VIPS_META_XMP_NAME), skipped;
    VipsBlob *p3 = NULL;

    if (image_view_starts(exif, "Exif\0", 6))
        (void)image_view_take(&exif, 6, &skipped);
    r->provenance = MAX(r->provenance, MAX(image_exif_marks(exif), image_marks_xmp(xmp)));
    repair_heif_texts(im, r);
    if (repair_has_metadata(im))
        r->changes |= IMAGE_METADATA_REMOVED;
    if (h->is_turned)
        r->changes |= IMAGE_ORIENTED;
    repair_own(im, VIPS_META_ICC_NAME);
    (void)vips_image_remove(im, VIPS_META_XMP_NAME);
    (void)vips_image_remove(im, VIPS_META_EXIF_NAME);
    vips_autorot_remove_angle(im); /* what EXIF says is for those that look at nothing else */
    if (h->is_p3 && vips_image_get_typeof(im, VIPS_META_ICC_NAME) == 0 && vips_profile_load("p3", &p3, NULL) == 0) {
        size_t n;
        const void *p = vips_blob_get(p3, &n);
        vips_image_set_blob_copy(im, VIPS_META_ICC_NAME, p, n);
        vips_area_unref(VIPS_AREA(p3));
    }
}

static enum err repair_mapped(const struct image_file *f, int out_fd, const struct image_header *h, uint32_t background,
                              struct image_report *r)
{
    VipsImage *im = NULL;

    if (f->type == IMAGE_JPEG && !image_scans_are_all_there(f->p, f->n))
        return ERR_IMAGE_CORRUPT;
    enum err e = image_load(f, 1, &im);
    /* Two programs have read this header: what was checked must be what is decoded. */
    if (e == OK && ((uint32_t)im->Xsize != h->decoded_width || (uint32_t)im->Ysize != h->decoded_height))
        e = ERR_IMAGE_CORRUPT;
    if (e == OK && (h->type == IMAGE_AVIF || h->type == IMAGE_HEIC))
        repair_heif(im, h, r);
    if (e == OK)
        e = repair_loaded(f, out_fd, background, &im, r);
    g_clear_object(&im);
    return e;
}

enum err repair(int in_fd, int out_fd, const struct image_request *asked, struct image_report *ret_report,
                struct buf *ret_why)
{
    struct image_header h;
    struct stat st;

    enum err e = image_sniff_file(in_fd, &h);
    if (e == OK && h.need_bytes > asked->need_bytes)
        e = ERR_IMAGE_CORRUPT; /* it is not the file that its sender has looked at */
    if (e != OK)
        return e;
    if (fstat(in_fd, &st) < 0)
        return ERR_STORE;
    struct image_report r = {.type = h.type, .original_width = h.width, .original_height = h.height};
    if (h.has_metadata)
        r.changes |= IMAGE_METADATA_REMOVED;
    size_t n = (size_t)st.st_size;
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, in_fd, 0);
    if (p == MAP_FAILED)
        return ERR_STORE;
    r.provenance = image_provenance(h.type, p, n);
    e = repair_mapped(&(struct image_file){h.type, p, n}, out_fd, &h, asked->background, &r);
    if (e != OK)
        buf_puts(ret_why, vips_error_buffer());
    vips_error_clear();
    (void)munmap(p, n);
    if (e == OK)
        *ret_report = r;
    return e;
}
