#include "image/keep.h"

#include "base/defs.h"
#include "image/jpeg.h"

#define COMPONENTS 3
#define ADOBE_BYTES 12 /* of its segment; the last one says how the colours are stored */
#define ADOBE_YCC 1

struct image_keep {
    uint8_t *to;
    size_t n;
    size_t frames, scans;
};

/* Version 1.1, no unit, square pixels, no thumbnail (JFIF 1.02). */
static const uint8_t image_keep_start[] = {0xff, JPEG_SOI, 0xff, JPEG_APP0, 0, 16, 'J', 'F', 'I', 'F',
                                           0,    1,        1,    0,         0, 1,  0,   1,   0,   0};
_Static_assert(sizeof image_keep_start <= IMAGE_KEEP_MORE, "the start is what may be added");

static void image_keep_put(struct image_keep *k, const void *p, size_t n)
{
    memcpy(k->to + k->n, p, n);
    k->n += n;
}

static void image_keep_segment(struct image_keep *k, uint8_t marker, struct image_view segment)
{
    const uint8_t head[] = {0xff, marker, (uint8_t)((segment.n + 2) >> 8), (uint8_t)(segment.n + 2)};

    image_keep_put(k, head, sizeof head);
    image_keep_put(k, segment.p, segment.n);
}

/* Precision, height, width, the number of components, and of each its number, its sampling and its table. */
static bool image_keep_frame_is_plain(uint8_t marker, struct image_view segment)
{
    const uint8_t *c = segment.p + 6;

    if (marker > JPEG_SOF2 || segment.n != 6 + 3 * COMPONENTS || segment.p[0] != 8 || segment.p[5] != COMPONENTS)
        return false;
    for (uint8_t i = 0; i < COMPONENTS; i++)
        if (c[3 * i] != i + 1)
            return false;
    bool luma = (c[1] >> 4 == 1 || c[1] >> 4 == 2) && ((c[1] & 15) == 1 || (c[1] & 15) == 2);
    return luma && c[4] == 0x11 && c[7] == 0x11;
}

static bool image_keep_adobe_is_plain(struct image_view segment)
{
    return !image_view_starts(segment, "Adobe", 5) ||
           (segment.n >= ADOBE_BYTES && segment.p[ADOBE_BYTES - 1] == ADOBE_YCC);
}

/* The data of a scan: to the next marker that is neither stuffed nor a restart. */
static bool image_keep_scan(struct image_keep *k, struct image_view *v)
{
    struct image_view data;
    size_t n = 0;

    while (n + 1 < v->n &&
           (v->p[n] != 0xff || v->p[n + 1] == 0 || (v->p[n + 1] >= JPEG_RST0 && v->p[n + 1] < JPEG_SOI)))
        n++;
    if (n + 1 >= v->n || !image_view_take(v, n, &data))
        return false;
    image_keep_put(k, data.p, data.n);
    k->scans++;
    return true;
}

/* False: it is not of the plain kind. */
static bool image_keep_one(struct image_keep *k, uint8_t marker, struct image_view segment, struct image_view *v)
{
    if (marker == JPEG_APP14 && !image_keep_adobe_is_plain(segment))
        return false;
    if (marker == JPEG_COM || (marker >= JPEG_APP0 && marker <= JPEG_APP15))
        return true;
    if (jpeg_is_frame(marker) && (k->frames++ > 0 || !image_keep_frame_is_plain(marker, segment)))
        return false;
    if (!jpeg_is_frame(marker) && marker != JPEG_DHT && marker != JPEG_DQT && marker != JPEG_DRI && marker != JPEG_SOS)
        return false;
    image_keep_segment(k, marker, segment);
    return marker != JPEG_SOS || image_keep_scan(k, v);
}

size_t image_keep_jpeg(const uint8_t *p, size_t n, uint8_t *to)
{
    static const uint8_t end[] = {0xff, JPEG_EOI};
    struct image_keep k = {.to = to};
    struct image_view v = {p, n}, segment;
    uint8_t marker;

    if (!jpeg_next_marker(&v, &marker) || marker != JPEG_SOI)
        return 0;
    image_keep_put(&k, image_keep_start, sizeof image_keep_start);
    while (jpeg_next_marker(&v, &marker) && marker != JPEG_EOI)
        if (jpeg_stands_alone(marker) || !jpeg_segment(&v, &segment) || !image_keep_one(&k, marker, segment, &v))
            return 0;
    if (marker != JPEG_EOI || k.frames == 0 || k.scans == 0)
        return 0;
    image_keep_put(&k, end, sizeof end);
    return k.n;
}
