#include "image/scans.h"

#include "base/defs.h"
#include "image/jpeg.h"

#define COMPONENTS_MAX 4 /* of a scan, and of any picture that a decoder makes an image of */
#define COEFFICIENTS 64
#define NOT_SENT 0xff

struct image_scans {
    size_t components; /* 0: no frame yet */
    bool progressive;
    uint8_t id[COMPONENTS_MAX];
    uint8_t low_bit[COMPONENTS_MAX][COEFFICIENTS]; /* the lowest that was sent */
};

static bool image_scans_frame(struct image_scans *s, uint8_t marker, struct image_view segment)
{
    struct image_view head;

    if (s->components > 0 || !image_view_take(&segment, 6, &head) || head.p[5] == 0 || head.p[5] > COMPONENTS_MAX ||
        segment.n < 3u * head.p[5])
        return false;
    s->components = head.p[5];
    s->progressive = jpeg_is_progressive(marker);
    for (size_t i = 0; i < s->components; i++)
        s->id[i] = segment.p[3 * i];
    memset(s->low_bit, NOT_SENT, sizeof s->low_bit);
    return true;
}

static void image_scans_sent(struct image_scans *s, uint8_t id, size_t first, size_t last, uint8_t low_bit)
{
    for (size_t i = 0; i < s->components; i++)
        if (s->id[i] == id)
            memset(s->low_bit[i] + first, low_bit, last + 1 - first);
}

/* A scan's header: how many components, two bytes for each, the first and the last coefficient, the bits. */
static bool image_scans_scan(struct image_scans *s, struct image_view segment)
{
    struct image_view n, ids, range;

    if (s->components == 0 || !image_view_take(&segment, 1, &n) || !image_view_take(&segment, 2u * n.p[0], &ids) ||
        !image_view_take(&segment, 3, &range))
        return false;
    /* What a sequential frame says of coefficients and bits means nothing (T.81 table B.3). */
    size_t first = s->progressive ? range.p[0] : 0, last = s->progressive ? range.p[1] : COEFFICIENTS - 1;
    if (first > last || last >= COEFFICIENTS)
        return false;
    for (size_t i = 0; i < ids.n; i += 2)
        image_scans_sent(s, ids.p[i], first, last, s->progressive ? range.p[2] & 15 : 0);
    return true;
}

static bool image_scans_are_complete(const struct image_scans *s)
{
    for (size_t i = 0; i < s->components; i++)
        for (size_t k = 0; k < COEFFICIENTS; k++)
            if (s->low_bit[i][k] != 0)
                return false;
    return s->components > 0;
}

/* Goes to the next marker that is neither a restart nor stuffed into a scan's data. False: there is none. */
static bool image_scans_next_marker(struct image_view *v, uint8_t *ret)
{
    struct image_view skipped;
    const uint8_t *p;

    while ((p = memchr(v->p, 0xff, v->n)) != NULL) {
        if (!image_view_take(v, (size_t)(p - v->p), &skipped))
            return false;
        if (jpeg_next_marker(v, ret) && !jpeg_stands_alone(*ret))
            return true;
    }
    return false;
}

bool image_scans_are_all_there(const uint8_t *p, size_t n)
{
    struct image_view v = {p, n}, segment;
    struct image_scans s = {0};
    uint8_t marker;

    while (image_scans_next_marker(&v, &marker) && marker != JPEG_EOI) {
        if (!jpeg_segment(&v, &segment))
            return false;
        if (jpeg_is_frame(marker) && !image_scans_frame(&s, marker, segment))
            return false;
        if (marker == JPEG_SOS && !image_scans_scan(&s, segment))
            return false;
        if (!s.progressive && image_scans_are_complete(&s))
            return true; /* most files: with their first scan */
    }
    return image_scans_are_complete(&s);
}
