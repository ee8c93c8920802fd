/*
 * What an image is, by its bytes: PNG (W3C PNG 5), JPEG (ITU T.81 B), WebP (RFC 9649), AVIF and HEIC (heif.h). Nothing is decoded, so a
 * bomb ends here.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/heif.h"
#include "image/image.h"
#include "image/jpeg.h"
#include "image/webp.h"

/*
 * What decoding takes, from what it was measured to take (tests/deploy/test_image_memory.py holds it to that): libvips and
 * its buffers, the lines that a resize holds at a time, and all pixels or coefficients where the file's order wants it.
 */
#define NEED_FIXED_BYTES (UINT64_C(32) << 20)
#define NEED_LINES 1024

_Static_assert(NEED_FIXED_BYTES + NEED_LINES * UINT64_C(8) * IMAGE_SIDE_MAX <= IMAGE_NEED_MAX_BYTES,
               "an image that is decoded line by line is never refused for its memory");

static void image_sniff_need(struct image_header *h, uint32_t width, uint32_t pixel_bytes, uint64_t whole_bytes)
{
    h->need_bytes = NEED_FIXED_BYTES + (uint64_t)NEED_LINES * width * pixel_bytes + whole_bytes;
}

static enum err image_sniff_check_size(const struct image_header *h)
{
    if (h->width == 0 || h->height == 0)
        return ERR_IMAGE_CORRUPT;
    if (h->width > IMAGE_SIDE_MAX || h->height > IMAGE_SIDE_MAX || (uint64_t)h->width * h->height > IMAGE_PIXELS_MAX)
        return ERR_IMAGE_TOO_MANY_PIXELS;
    return h->need_bytes > IMAGE_NEED_MAX_BYTES ? ERR_IMAGE_WHOLE : OK;
}

enum png_colour { PNG_GREY = 0, PNG_GREY_ALPHA = 4 };

static const uint8_t image_sniff_png_signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* Chunks that tell about the picture, its maker or its colours; they are gone from the repaired image. */
static bool image_sniff_png_is_metadata(const uint8_t *type)
{
    static const char names[][5] = {"caBX", "eXIf", "iCCP", "iTXt", "tEXt", "zTXt", "tIME"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (memcmp(type, names[i], 4) == 0)
            return true;
    return false;
}

/* The chunks between IHDR and the pixels; ends quietly where the bytes end. False: it moves. */
static bool image_sniff_png_stands_still(struct image_view v, struct image_header *h)
{
    struct image_view head, rest;

    while (image_view_take(&v, 8, &head) && memcmp(head.p + 4, "IDAT", 4) != 0) {
        if (memcmp(head.p + 4, "acTL", 4) == 0)
            return false;
        h->has_metadata |= image_sniff_png_is_metadata(head.p + 4);
        if (!image_view_take(&v, (size_t)image_view_be32(head.p) + 4, &rest))
            break;
    }
    return true;
}

/* Of a decoded pixel. Any type may turn out to be transparent: tRNS comes later. */
static uint32_t image_sniff_png_pixel_bytes(uint8_t depth, uint8_t colour)
{
    uint32_t channels = colour == PNG_GREY || colour == PNG_GREY_ALPHA ? 2 : 4;

    return depth > 8 ? 2 * channels : channels;
}

static enum err image_sniff_png(struct image_view v, struct image_header *h)
{
    struct image_view signature, ihdr;

    /* IHDR comes first and always has 13 bytes (W3C PNG 11.2.2): length, name, data, CRC. */
    if (!image_view_take(&v, sizeof image_sniff_png_signature, &signature) || !image_view_take(&v, 25, &ihdr) ||
        image_view_be32(ihdr.p) != 13 || memcmp(ihdr.p + 4, "IHDR", 4) != 0)
        return ERR_IMAGE_CORRUPT;
    h->type = IMAGE_PNG;
    h->width = image_view_be32(ihdr.p + 8);
    h->height = image_view_be32(ihdr.p + 12);
    if (!image_sniff_png_stands_still(v, h))
        return ERR_IMAGE_ANIMATED;
    uint32_t pixel_bytes = image_sniff_png_pixel_bytes(ihdr.p[16], ihdr.p[17]);
    bool interlaced = ihdr.p[20] != 0;
    image_sniff_need(h, h->width, pixel_bytes, interlaced ? (uint64_t)h->width * h->height * pixel_bytes : 0);
    return image_sniff_check_size(h);
}

/* APP0 is JFIF's own and stays; a renewed one is written. */
static bool image_sniff_jpeg_is_metadata(uint8_t marker)
{
    return marker == JPEG_COM || (marker >= JPEG_APP1 && marker <= JPEG_APP15 && marker != JPEG_APP14);
}

static uint64_t image_sniff_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to;
}

/*
 * What the coefficients of all components take when they are kept until the last scan: 64 of two bytes for each block,
 * in whole MCUs (T.81 A.2).
 */
static uint64_t image_sniff_jpeg_coefficients(const struct image_header *h, struct image_view components)
{
    uint32_t most_h = 1, most_v = 1;
    uint64_t blocks = 0;

    for (size_t i = 0; i + 3 <= components.n; i += 3) {
        most_h = MAX(most_h, components.p[i + 1] >> 4);
        most_v = MAX(most_v, components.p[i + 1] & 15u);
    }
    uint64_t mcus = image_sniff_up(h->width, UINT64_C(8) * most_h) * image_sniff_up(h->height, UINT64_C(8) * most_v);
    for (size_t i = 0; i + 3 <= components.n; i += 3)
        blocks += mcus * (components.p[i + 1] >> 4) * (components.p[i + 1] & 15u);
    return blocks * 64 * 2;
}

/*
 * The frame header: precision, height, width, number of components, and three bytes for each. Height 0 (DNL, T.81 B.2.5)
 * is refused: no decoder in use takes it.
 */
static bool image_sniff_jpeg_frame(struct image_view segment, struct image_header *h, struct image_view *ret_components)
{
    struct image_view head;

    if (!image_view_take(&segment, 6, &head) || segment.n < UINT64_C(3) * head.p[5])
        return false;
    h->height = image_view_be16(head.p + 1);
    h->width = image_view_be16(head.p + 3);
    *ret_components = (struct image_view){segment.p, 3 * (size_t)head.p[5]};
    return true;
}

/*
 * Whether a decoder must keep all coefficients: progressive, or the components come one after the other (T.81 B.2.3), or
 * there is no scan to be found. Metadata may also come between frame and scan.
 */
static bool image_sniff_jpeg_is_whole(struct image_view v, uint8_t frame, size_t components, struct image_header *h)
{
    bool progressive = jpeg_is_progressive(frame);
    struct image_view segment;
    uint8_t marker;

    while (jpeg_next_marker(&v, &marker)) {
        if (jpeg_stands_alone(marker))
            continue;
        if (!jpeg_segment(&v, &segment))
            return true;
        if (marker == JPEG_SOS)
            return progressive || segment.n == 0 || segment.p[0] < components;
        if (image_sniff_jpeg_is_metadata(marker))
            h->has_metadata = true;
    }
    return true;
}

/* v begins after the frame header. A JPEG is decoded at a half, a quarter or an eighth where that is large enough. */
static enum err image_sniff_jpeg_check(struct image_view v, uint8_t frame, struct image_view components,
                                       struct image_header *h)
{
    uint32_t n = (uint32_t)components.n / 3;
    bool whole = image_sniff_jpeg_is_whole(v, frame, n, h);

    image_sniff_need(h, MIN(h->width, 4u * IMAGE_MAX_HEIGHT), n,
                     whole ? image_sniff_jpeg_coefficients(h, components) : 0);
    return image_sniff_check_size(h);
}

static enum err image_sniff_jpeg(struct image_view v, struct image_header *h)
{
    struct image_view segment, components;
    uint8_t marker;

    h->type = IMAGE_JPEG;
    while (jpeg_next_marker(&v, &marker) && marker != JPEG_SOS && marker != JPEG_EOI) {
        if (jpeg_stands_alone(marker))
            continue;
        if (!jpeg_segment(&v, &segment))
            break;
        if (image_sniff_jpeg_is_metadata(marker))
            h->has_metadata = true;
        if (!jpeg_is_frame(marker))
            continue;
        if (!image_sniff_jpeg_frame(segment, h, &components))
            break;
        return image_sniff_jpeg_check(v, marker, components, h);
    }
    return ERR_IMAGE_CORRUPT;
}

/* The sides of a WebP, from the first chunk: the canvas, or the only picture's own head (RFC 9649 2.7, RFC 6386 9.1). */
static bool image_sniff_webp_size(const uint8_t *type, struct image_view d, struct image_header *h)
{
    if (memcmp(type, "VP8X", 4) == 0 && d.n >= 10) {
        h->width = 1 + webp_le24(d.p + 4);
        h->height = 1 + webp_le24(d.p + 7);
        h->has_metadata = (d.p[0] & (WEBP_XMP | WEBP_EXIF | WEBP_PROFILE)) != 0;
        return true;
    }
    if (memcmp(type, "VP8L", 4) == 0 && d.n >= 5 && d.p[0] == 0x2f) {
        h->width = 1 + (webp_le32(d.p + 1) & 0x3fff);
        h->height = 1 + (webp_le32(d.p + 1) >> 14 & 0x3fff);
        return true;
    }
    if (memcmp(type, "VP8 ", 4) == 0 && d.n >= 10 && memcmp(d.p + 3, "\x9d\x01\x2a", 3) == 0) {
        h->width = webp_le16(d.p + 6) & 0x3fff;
        h->height = webp_le16(d.p + 8) & 0x3fff;
        return true;
    }
    return false;
}

/* It is decoded whole; what is without loss is kept three times meanwhile, and more. */
#define WEBP_PIXEL_BYTES 16

static enum err image_sniff_webp(struct image_view v, struct image_header *h)
{
    struct image_view chunks = webp_chunks(v), data;
    const uint8_t *type;

    h->type = IMAGE_WEBP;
    if (!webp_chunk(&chunks, &type, &data) || !image_sniff_webp_size(type, data, h))
        return ERR_IMAGE_CORRUPT;
    if (memcmp(type, "VP8X", 4) == 0 && (data.p[0] & WEBP_ANIMATION) != 0)
        return ERR_IMAGE_ANIMATED;
    while (webp_chunk(&chunks, &type, &data))
        h->has_metadata |= memcmp(type, "C2PA", 4) == 0;
    image_sniff_need(h, h->width, 4, (uint64_t)h->width * h->height * WEBP_PIXEL_BYTES);
    return image_sniff_check_size(h);
}

/*
 * It is decoded whole, copied, and then its colours are converted. Of tiles, which are decoded one after another, each is converted at once,
 * and then the whole once more. With more than 8 bits all is twice as large.
 */
static uint64_t image_sniff_heif_bytes(const struct image_heif *f)
{
    uint64_t colours = 2 * 3, halves = colours + (f->tiled ? colours : UINT64_C(2) * f->halves);

    if (f->has_alpha)
        halves += 2 * (f->tiled ? 3 : 4);
    return f->coded_pixels * halves / 2 * (f->deep ? 2 : 1);
}

static enum err image_sniff_heif(struct image_view v, struct image_header *h)
{
    struct image_heif f;
    enum err e = image_heif(v, &f);

    if (e != OK)
        return e;
    if (f.is_hevc && !IMAGE_TAKES_HEIC)
        return ERR_IMAGE_TYPE;
    *h = (struct image_header){.type = f.is_hevc ? IMAGE_HEIC : IMAGE_AVIF,
                               .width = f.width,
                               .height = f.height,
                               .decoded_width = f.decoded_width,
                               .decoded_height = f.decoded_height,
                               .has_metadata = f.has_c2pa,
                               .is_turned = f.turned,
                               .is_p3 = f.is_p3};
    if (f.coded_pixels > IMAGE_PIXELS_MAX)
        return ERR_IMAGE_TOO_MANY_PIXELS;
    image_sniff_need(h, h->width, f.has_alpha ? 4 : 3, image_sniff_heif_bytes(&f));
    return image_sniff_check_size(h);
}

enum err image_sniff(const uint8_t *p, size_t n, struct image_header *ret_header)
{
    struct image_view v = {p, n};
    struct image_header h = {0};
    enum err e = ERR_IMAGE_TYPE;

    if (n == 0)
        return ERR_IMAGE_EMPTY;
    if (image_view_starts(v, image_sniff_png_signature, sizeof image_sniff_png_signature))
        e = image_sniff_png(v, &h);
    else if (image_view_starts(v, "\xff\xd8\xff", 3))
        e = image_sniff_jpeg(v, &h);
    else if (webp_is(v))
        e = image_sniff_webp(v, &h);
    else if (image_heif_is(v))
        e = image_sniff_heif(v, &h);
    if (e == OK && h.decoded_width == 0) {
        h.decoded_width = h.width;
        h.decoded_height = h.height;
    }
    if (e == OK)
        *ret_header = h;
    return e;
}

enum err image_sniff_file(int fd, struct image_header *ret_header)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return ERR_STORE;
    if (st.st_size == 0)
        return ERR_IMAGE_EMPTY;
    if ((uint64_t)st.st_size > IMAGE_MAX_BYTES)
        return ERR_IMAGE_TOO_LARGE;
    size_t n = (size_t)st.st_size;
    void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return ERR_STORE;
    enum err e = image_sniff(p, n, ret_header); /* touches the heads of segments, so few pages of it */
    (void)munmap(p, n);
    return e;
}
