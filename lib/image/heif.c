#include "image/heif.h"

#include "base/defs.h"

#define PROPERTIES_MAX 256 /* phones write a dozen */
#define OF_PICTURE_MAX 64
#define FULL_BYTES 4 /* version and flags, at the beginning of many boxes */

struct heif_box {
    const uint8_t *type;
    struct image_view in;
};

/* What is read of the box "meta". */
struct heif_meta {
    struct image_view pitm, iinf, ipco, ipma;
    uint32_t picture; /* its item */
    struct heif_box properties[PROPERTIES_MAX];
    size_t properties_n;
};

static bool heif_is(const struct heif_box *b, const char *type)
{
    return memcmp(b->type, type, 4) == 0;
}

/* The next one. A size of 0 means: to the end of the file; 1: it is given in 64 bits. */
static bool heif_next(struct image_view *v, struct heif_box *ret)
{
    struct image_view head, large;
    uint64_t n, head_n = 8;

    if (!image_view_take(v, 8, &head))
        return false;
    n = image_view_be32(head.p);
    if (n == 1) {
        if (!image_view_take(v, 8, &large))
            return false;
        n = (uint64_t)image_view_be32(large.p) << 32 | image_view_be32(large.p + 4);
        head_n = 16;
    } else if (n == 0) {
        n = head_n + v->n;
    }
    ret->type = head.p + 4;
    return n >= head_n && n - head_n <= v->n && image_view_take(v, (size_t)(n - head_n), &ret->in);
}

static bool heif_u16(struct image_view *v, uint32_t *ret)
{
    struct image_view b;

    if (!image_view_take(v, 2, &b))
        return false;
    *ret = image_view_be16(b.p);
    return true;
}

static bool heif_u32(struct image_view *v, uint32_t *ret)
{
    struct image_view b;

    if (!image_view_take(v, 4, &b))
        return false;
    *ret = image_view_be32(b.p);
    return true;
}

/* An item's number has 16 bits, and 32 from some version of the box on. */
static bool heif_item(struct image_view *v, bool wide, uint32_t *ret)
{
    return wide ? heif_u32(v, ret) : heif_u16(v, ret);
}

static bool heif_version(struct image_view *v, uint8_t *ret_version, uint8_t *ret_flags)
{
    struct image_view b;

    if (!image_view_take(v, FULL_BYTES, &b))
        return false;
    *ret_version = b.p[0];
    *ret_flags = b.p[3];
    return true;
}

static bool heif_any(const uint8_t *brand, const char (*names)[5], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(brand, names[i], 4) == 0)
            return true;
    return false;
}

static const char heif_still[][5] = {"avif", "heic", "heix", "heim", "heis", "mif1"};
static const char heif_moving[][5] = {"avis", "hevc", "hevx", "hevm", "hevs", "msf1"};

/* The brands: the first says what the file is, and four bytes later come those that it can be read as. */
static bool heif_brands(struct image_view v, struct image_view *ret)
{
    struct heif_box b;

    if (!heif_next(&v, &b) || !heif_is(&b, "ftyp") || b.in.n < 8)
        return false;
    *ret = b.in;
    return true;
}

bool image_heif_is(struct image_view v)
{
    struct image_view brands;

    if (!heif_brands(v, &brands))
        return false;
    for (size_t i = 0; i + 4 <= brands.n; i += 4)
        if (i != 4 && (heif_any(brands.p + i, heif_still, ARRAY_LEN(heif_still)) ||
                       heif_any(brands.p + i, heif_moving, ARRAY_LEN(heif_moving))))
            return true;
    return false;
}

/* Puts what is in the box where it is to be, once. */
static bool heif_once(struct image_view *to, struct image_view in)
{
    if (to->p != NULL)
        return false;
    *to = in;
    return true;
}

static bool heif_read_iprp(struct image_view v, struct heif_meta *m)
{
    struct heif_box b;

    while (heif_next(&v, &b))
        if ((heif_is(&b, "ipco") && !heif_once(&m->ipco, b.in)) || (heif_is(&b, "ipma") && !heif_once(&m->ipma, b.in)))
            return false;
    return v.n == 0;
}

static bool heif_read_meta(struct image_view v, struct heif_meta *m)
{
    struct image_view iprp = {0};
    struct heif_box b;
    uint8_t version, flags;

    if (!heif_version(&v, &version, &flags))
        return false;
    while (heif_next(&v, &b))
        if ((heif_is(&b, "pitm") && !heif_once(&m->pitm, b.in)) ||
            (heif_is(&b, "iinf") && !heif_once(&m->iinf, b.in)) || (heif_is(&b, "iprp") && !heif_once(&iprp, b.in)))
            return false;
    if (v.n != 0 || m->iinf.p == NULL || iprp.p == NULL || !heif_read_iprp(iprp, m) || m->ipco.p == NULL ||
        m->ipma.p == NULL)
        return false;
    struct image_view pitm = m->pitm;
    return pitm.p != NULL && heif_version(&pitm, &version, &flags) && heif_item(&pitm, version > 0, &m->picture);
}

/* The kinds of data of the items, and whether the picture is put together from others. */
static bool heif_read_items(const struct heif_meta *m, struct image_heif *h, bool *ret_av1)
{
    struct image_view v = m->iinf, type;
    struct heif_box b;
    uint8_t version, flags;
    uint32_t id, n;

    *ret_av1 = false;
    if (!heif_version(&v, &version, &flags) || !heif_item(&v, version > 0, &n))
        return false;
    while (heif_next(&v, &b)) {
        if (!heif_is(&b, "infe") || !heif_version(&b.in, &version, &flags) || version < 2 ||
            !heif_item(&b.in, version > 2, &id) || !heif_u16(&b.in, &n) || !image_view_take(&b.in, 4, &type))
            return false;
        *ret_av1 |= memcmp(type.p, "av01", 4) == 0;
        h->is_hevc |= memcmp(type.p, "hvc1", 4) == 0;
        h->tiled |= id == m->picture && memcmp(type.p, "grid", 4) == 0;
    }
    return v.n == 0;
}

static void heif_note_colours(struct image_heif *h, uint8_t halves)
{
    h->halves = MAX(h->halves, halves);
}

/* All properties, whoever's they are; those that say what decoding takes count for the picture, too. */
static bool heif_read_properties(struct heif_meta *m, struct image_heif *h)
{
    struct image_view v = m->ipco;
    struct heif_box b;

    while (heif_next(&v, &b)) {
        if (m->properties_n == PROPERTIES_MAX)
            return false;
        m->properties[m->properties_n++] = b;
        h->has_alpha |= heif_is(&b, "auxC");
        if (heif_is(&b, "av1C") && b.in.n > 2) { /* AV1-ISOBMFF 2.3.3 */
            h->deep |= (b.in.p[2] & 0x40) != 0;
            heif_note_colours(h, (b.in.p[2] & 0x08) == 0 ? 6 : (b.in.p[2] & 0x04) == 0 ? 4 : 3);
        }
        if (heif_is(&b, "hvcC") && b.in.n > 18) { /* ISO 14496-15 8.3.3: depths are the low three bits, and 8 */
            h->deep |= (b.in.p[17] & 7) != 0 || (b.in.p[18] & 7) != 0;
            heif_note_colours(h, (b.in.p[16] & 3) == 3 ? 6 : (b.in.p[16] & 3) == 2 ? 4 : 3);
        }
    }
    return v.n == 0;
}

/* Width and height of what is shown, as fractions, rounded as libheif does. */
static bool heif_cut(struct image_view v, struct image_heif *h)
{
    uint32_t of[4];

    for (size_t i = 0; i < ARRAY_LEN(of); i++)
        if (!heif_u32(&v, &of[i]))
            return false;
    if (of[1] == 0 || of[3] == 0)
        return false;
    h->width = h->decoded_width = (uint32_t)(((uint64_t)of[0] + of[1] / 2) / of[1]);
    h->height = h->decoded_height = (uint32_t)(((uint64_t)of[2] + of[3] / 2) / of[3]);
    return true;
}

/* One of the picture's, in their order. False: it makes no sense. */
static bool heif_apply(const struct heif_box *b, struct image_heif *h)
{
    struct image_view v = b->in, skipped;
    uint32_t primaries;

    if (heif_is(b, "ispe")) {
        if (!image_view_take(&v, FULL_BYTES, &skipped) || !heif_u32(&v, &h->width) || !heif_u32(&v, &h->height))
            return false;
        h->decoded_width = h->width;
        h->decoded_height = h->height;
        h->coded_pixels = (uint64_t)h->width * h->height;
    } else if (heif_is(b, "clap")) {
        return heif_cut(v, h);
    } else if (heif_is(b, "irot")) {
        if (v.n < 1)
            return false;
        h->turned |= (v.p[0] & 3) != 0;
        if ((v.p[0] & 1) != 0) {
            uint32_t width = h->decoded_width;
            h->decoded_width = h->decoded_height;
            h->decoded_height = width;
        }
    } else if (heif_is(b, "imir")) {
        h->turned = true;
    } else if (heif_is(b, "colr") && image_view_starts(v, "nclx", 4)) {
        h->is_p3 |= image_view_take(&v, 4, &skipped) && heif_u16(&v, &primaries) && primaries == 12;
    }
    return true;
}

/* Of an item: how many, and of each its number from 1 on. */
static bool heif_apply_list(struct image_view *v, bool wide, bool is_picture, const struct heif_meta *m,
                            struct image_heif *h)
{
    struct image_view b;

    if (!image_view_take(v, 1, &b))
        return false;
    for (size_t n = b.p[0]; n > 0; n--) {
        if (!image_view_take(v, wide ? 2 : 1, &b))
            return false;
        size_t at = wide ? image_view_be16(b.p) & 0x7fffu : b.p[0] & 0x7fu;
        if (at > m->properties_n || (is_picture && at > 0 && !heif_apply(&m->properties[at - 1], h)))
            return false;
    }
    return true;
}

/* Of the picture, exactly one list. */
static bool heif_read_lists(const struct heif_meta *m, struct image_heif *h)
{
    struct image_view v = m->ipma;
    uint8_t version, flags;
    uint32_t n, id;
    bool found = false;

    if (!heif_version(&v, &version, &flags) || !heif_u32(&v, &n))
        return false;
    for (; n > 0; n--) {
        if (!heif_item(&v, version > 0, &id) || (id == m->picture && found))
            return false;
        found |= id == m->picture;
        if (!heif_apply_list(&v, (flags & 1) != 0, id == m->picture, m, h))
            return false;
    }
    return found;
}

bool image_heif_c2pa(struct image_view v, struct image_view *ret)
{
    /* Its UUID, a version, what it holds, and where more would be. */
    static const uint8_t head[] = {0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97,
                                   0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81, 0,    0,    0,    0,
                                   'm',  'a',  'n',  'i',  'f',  'e',  's',  't',  0};
    struct image_view skipped;
    struct heif_box b;

    while (heif_next(&v, &b))
        if (heif_is(&b, "uuid") && image_view_starts(b.in, head, sizeof head) &&
            image_view_take(&b.in, sizeof head + 8, &skipped)) {
            *ret = b.in;
            return true;
        }
    return false;
}

/* Where the pictures are described; whether there is a film, or a box of C2PA. A file that is cut ends quietly: the decoder will see. */
static enum err heif_read_top(struct image_view v, struct heif_meta *m, struct image_heif *h)
{
    struct image_view meta = {0}, c2pa;
    struct heif_box b;

    h->has_c2pa = image_heif_c2pa(v, &c2pa);
    while (heif_next(&v, &b)) {
        if (heif_is(&b, "moov"))
            return ERR_IMAGE_ANIMATED;
        if (heif_is(&b, "meta") && !heif_once(&meta, b.in))
            return ERR_IMAGE_CORRUPT;
    }
    return meta.p != NULL && heif_read_meta(meta, m) ? OK : ERR_IMAGE_CORRUPT;
}

enum err image_heif(struct image_view v, struct image_heif *ret)
{
    struct heif_meta m = {.properties_n = 0};
    struct image_heif h = {.is_hevc = false};
    struct image_view brands;
    bool av1;

    if (!heif_brands(v, &brands))
        return ERR_IMAGE_TYPE;
    if (heif_any(brands.p, heif_moving, ARRAY_LEN(heif_moving)))
        return ERR_IMAGE_ANIMATED;
    enum err e = heif_read_top(v, &m, &h);
    if (e != OK)
        return e;
    if (!heif_read_items(&m, &h, &av1) || !heif_read_properties(&m, &h) || !heif_read_lists(&m, &h))
        return ERR_IMAGE_CORRUPT;
    if (!av1 && !h.is_hevc)
        return ERR_IMAGE_TYPE;
    *ret = h;
    return OK;
}
