#include "image/lean.h"

#include "base/defs.h"
#include "image/jpeg.h"

#define PNG_SIGNATURE_BYTES 8
#define PNG_CHUNK_BYTES 12 /* length, type, CRC */

/* These say what the pixels mean. Others that a decoder may ignore (W3C PNG 5.4: a small first letter) are for people. */
static bool image_lean_png_is_of_pixels(const uint8_t *type)
{
    static const char names[][5] = {"tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "eXIf"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (memcmp(type, names[i], 4) == 0)
            return true;
    return (type[0] & 0x20) == 0;
}

static bool image_lean_png_keeps(struct image_lean *l, const uint8_t *type)
{
    bool pixels = memcmp(type, "IDAT", 4) == 0;

    if (l->phase == LEAN_BEFORE && pixels)
        l->phase = LEAN_PIXELS;
    if (l->phase == LEAN_PIXELS && !pixels)
        l->phase = LEAN_AFTER;
    return l->phase == LEAN_AFTER ? !pixels && (type[0] & 0x20) == 0 : image_lean_png_is_of_pixels(type);
}

/* Keeps the chunk at l->at, or passes over it. */
static void image_lean_png_step(struct image_lean *l)
{
    size_t left = l->n - l->at;
    const uint8_t *p = l->p + l->at;

    if (l->at == 0)
        l->kept = MIN(l->n, PNG_SIGNATURE_BYTES);
    else if (left < PNG_CHUNK_BYTES || image_view_be32(p) > left - PNG_CHUNK_BYTES)
        l->kept = l->n;
    else if (image_lean_png_keeps(l, p + 4))
        l->kept += PNG_CHUNK_BYTES + image_view_be32(p);
    else
        l->at = l->kept += PNG_CHUNK_BYTES + image_view_be32(p);
}

static bool image_lean_jpeg_keeps(uint8_t marker, struct image_view segment)
{
    if (marker == JPEG_APP1)
        return image_view_starts(segment, "Exif", 5); /* the orientation */
    if (marker == JPEG_APP2)
        return image_view_starts(segment, "ICC_PROFILE", 12);
    return marker != JPEG_COM && (marker < JPEG_APP1 || marker > JPEG_APP15 || marker == JPEG_APP14);
}

/* The same for a segment. */
static void image_lean_jpeg_step(struct image_lean *l)
{
    struct image_view v = {l->p + l->at, l->n - l->at}, segment = {0};
    uint8_t marker;

    bool understood = jpeg_next_marker(&v, &marker) && marker != JPEG_SOS && marker != JPEG_EOI &&
                      (jpeg_stands_alone(marker) || jpeg_segment(&v, &segment));
    l->kept = understood ? l->n - v.n : l->n;
    if (understood && !jpeg_stands_alone(marker) && !image_lean_jpeg_keeps(marker, segment))
        l->at = l->kept;
}

void image_lean_init(struct image_lean *l, enum image_type type, const uint8_t *p, size_t n)
{
    *l = (struct image_lean){.p = p, .n = n, .type = type};
}

size_t image_lean_read(struct image_lean *l, void *to, size_t n)
{
    while (l->at == l->kept && l->at < l->n) {
        if (l->type == IMAGE_PNG)
            image_lean_png_step(l);
        else
            image_lean_jpeg_step(l);
    }
    n = MIN(n, l->kept - l->at);
    memcpy(to, l->p + l->at, n);
    l->at += n;
    return n;
}
