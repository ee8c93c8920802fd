/*
 * What an image is, by its bytes: PNG (W3C PNG 5) and JPEG (ITU T.81 B). Nothing is decoded, so a bomb ends here.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/str.h"
#include "image/image.h"

/* A look at the bytes that cannot go beyond them. */
struct image_sniff_view {
    const uint8_t *p;
    size_t n;
};

static bool image_sniff_take(struct image_sniff_view *v, size_t n, struct image_sniff_view *ret)
{
    if (v->n < n)
        return false;
    *ret = (struct image_sniff_view){v->p, n};
    v->p += n;
    v->n -= n;
    return true;
}

static uint32_t image_sniff_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t image_sniff_be32(const uint8_t *p)
{
    return image_sniff_be16(p) << 16 | image_sniff_be16(p + 2);
}

static enum err image_sniff_check_size(const struct image_header *h)
{
    if (h->width == 0 || h->height == 0)
        return ERR_IMAGE_CORRUPT;
    if (h->width > IMAGE_SIDE_MAX || h->height > IMAGE_SIDE_MAX || (uint64_t)h->width * h->height > IMAGE_PIXELS_MAX)
        return ERR_IMAGE_TOO_MANY_PIXELS;
    return OK;
}

static const uint8_t image_sniff_png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* Chunks that tell about the picture, its maker or its colours; they are gone from the repaired image. */
static bool image_sniff_png_is_metadata(const uint8_t *type)
{
    static const char names[][5] = {"eXIf", "iCCP", "iTXt", "tEXt", "zTXt", "tIME"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (memcmp(type, names[i], 4) == 0)
            return true;
    return false;
}

/* The chunks between IHDR and the pixels; ends quietly where the bytes end. */
static bool image_sniff_png_has_metadata(struct image_sniff_view v)
{
    struct image_sniff_view head, rest;

    while (image_sniff_take(&v, 8, &head) && memcmp(head.p + 4, "IDAT", 4) != 0) {
        if (image_sniff_png_is_metadata(head.p + 4))
            return true;
        if (!image_sniff_take(&v, (size_t)image_sniff_be32(head.p) + 4, &rest))
            break;
    }
    return false;
}

static enum err image_sniff_png(struct image_sniff_view v, struct image_header *h)
{
    struct image_sniff_view signature, ihdr;

    /* IHDR comes first and always has 13 bytes (W3C PNG 11.2.2): length, name, data, CRC. */
    if (!image_sniff_take(&v, sizeof image_sniff_png_signature, &signature) || !image_sniff_take(&v, 25, &ihdr) ||
        image_sniff_be32(ihdr.p) != 13 || memcmp(ihdr.p + 4, "IHDR", 4) != 0)
        return ERR_IMAGE_CORRUPT;
    h->type = IMAGE_PNG;
    h->width = image_sniff_be32(ihdr.p + 8);
    h->height = image_sniff_be32(ihdr.p + 12);
    h->has_metadata = image_sniff_png_has_metadata(v);
    return image_sniff_check_size(h);
}

enum jpeg_marker {
    JPEG_TEM = 0x01,
    JPEG_SOF0 = 0xc0,
    JPEG_DHT = 0xc4,
    JPEG_JPG = 0xc8,
    JPEG_DAC = 0xcc,
    JPEG_SOF15 = 0xcf,
    JPEG_RST0 = 0xd0,
    JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda,
    JPEG_APP1 = 0xe1,
    JPEG_APP14 = 0xee, /* Adobe's: how the colours are stored, no metadata */
    JPEG_APP15 = 0xef,
    JPEG_COM = 0xfe,
};

static bool image_sniff_jpeg_is_frame(uint8_t marker)
{
    return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT && marker != JPEG_JPG &&
           marker != JPEG_DAC;
}

/* APP0 is JFIF's own and stays; a renewed one is written. */
static bool image_sniff_jpeg_is_metadata(uint8_t marker)
{
    return marker == JPEG_COM || (marker >= JPEG_APP1 && marker <= JPEG_APP15 && marker != JPEG_APP14);
}

/* FF, any number of further FF as padding (T.81 B.1.1.2), the marker. */
static bool image_sniff_jpeg_next_marker(struct image_sniff_view *v, uint8_t *ret)
{
    struct image_sniff_view b;

    if (!image_sniff_take(v, 1, &b) || b.p[0] != 0xff)
        return false;
    do {
        if (!image_sniff_take(v, 1, &b))
            return false;
    } while (b.p[0] == 0xff);
    *ret = b.p[0];
    return true;
}

static enum err image_sniff_jpeg(struct image_sniff_view v, struct image_header *h)
{
    struct image_sniff_view length, segment;
    uint8_t marker;

    h->type = IMAGE_JPEG;
    while (image_sniff_jpeg_next_marker(&v, &marker) && marker != JPEG_SOS && marker != JPEG_EOI) {
        if (marker == JPEG_TEM || (marker >= JPEG_RST0 && marker <= JPEG_SOI))
            continue; /* these stand alone */
        if (!image_sniff_take(&v, 2, &length) || image_sniff_be16(length.p) < 2)
            break;
        if (image_sniff_jpeg_is_metadata(marker))
            h->has_metadata = true;
        if (!image_sniff_take(&v, image_sniff_be16(length.p) - 2, &segment))
            break;
        if (!image_sniff_jpeg_is_frame(marker))
            continue;
        if (segment.n < 6) /* precision, height, width, components */
            break;
        h->height = image_sniff_be16(segment.p + 1);
        h->width = image_sniff_be16(segment.p + 3);
        return image_sniff_check_size(h); /* height 0 (DNL, T.81 B.2.5) is refused: no decoder in use takes it */
    }
    return ERR_IMAGE_CORRUPT;
}

static bool image_sniff_starts(struct image_sniff_view v, const void *p, size_t n)
{
    return v.n >= n && memcmp(v.p, p, n) == 0;
}

enum err image_sniff(const uint8_t *p, size_t n, struct image_header *ret_header)
{
    struct image_sniff_view v = {p, n};
    struct image_header h = {0};
    enum err e = ERR_IMAGE_TYPE;

    if (n == 0)
        return ERR_IMAGE_EMPTY;
    if (image_sniff_starts(v, image_sniff_png_signature, sizeof image_sniff_png_signature))
        e = image_sniff_png(v, &h);
    else if (image_sniff_starts(v, "\xff\xd8\xff", 3))
        e = image_sniff_jpeg(v, &h);
    if (e == OK)
        *ret_header = h;
    return e;
}

/* How much of a file is looked at: after 15 segments of 64 KiB there is no frame header worth waiting for. */
#define HEAD_BYTES (1u << 20)

enum err image_sniff_file(int fd, struct image_header *ret_header)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return ERR_STORE;
    if (st.st_size == 0)
        return ERR_IMAGE_EMPTY;
    if ((uint64_t)st.st_size > IMAGE_MAX_BYTES)
        return ERR_IMAGE_TOO_LARGE;
    size_t n = MIN((size_t)st.st_size, HEAD_BYTES);
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return ERR_STORE;
    enum err e = image_sniff(p, n, ret_header);
    (void)munmap(p, n);
    return e;
}
