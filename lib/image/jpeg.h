/* How a JPEG is put together: markers and segments (ITU T.81 B), for the files of this folder. */
#pragma once

#include "image/view.h"

enum jpeg_marker {
    JPEG_TEM = 0x01,
    JPEG_SOF0 = 0xc0,
    JPEG_SOF2 = 0xc2, /* 2, 6, 10 and 14 are progressive */
    JPEG_DHT = 0xc4,
    JPEG_SOF6 = 0xc6,
    JPEG_JPG = 0xc8,
    JPEG_SOF10 = 0xca,
    JPEG_DAC = 0xcc,
    JPEG_SOF14 = 0xce,
    JPEG_SOF15 = 0xcf,
    JPEG_RST0 = 0xd0,
    JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda,
    JPEG_DQT = 0xdb,
    JPEG_DRI = 0xdd,
    JPEG_APP0 = 0xe0,  /* JFIF's own */
    JPEG_APP1 = 0xe1,  /* Exif, XMP */
    JPEG_APP2 = 0xe2,  /* among others the colour profile */
    JPEG_APP11 = 0xeb, /* JUMBF, of which C2PA is one */
    JPEG_APP14 = 0xee, /* Adobe's: how the colours are stored, no metadata */
    JPEG_APP15 = 0xef,
    JPEG_COM = 0xfe,
};

static inline bool jpeg_is_frame(uint8_t marker)
{
    return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT && marker != JPEG_JPG &&
           marker != JPEG_DAC;
}

static inline bool jpeg_is_progressive(uint8_t frame)
{
    return frame == JPEG_SOF2 || frame == JPEG_SOF6 || frame == JPEG_SOF10 || frame == JPEG_SOF14;
}

/* Without a length and a segment after it. */
static inline bool jpeg_stands_alone(uint8_t marker)
{
    return marker == JPEG_TEM || (marker >= JPEG_RST0 && marker <= JPEG_SOI);
}

/* FF, any number of further FF as padding (T.81 B.1.1.2), the marker. There is no marker 0: decoders read on there. */
static inline bool jpeg_next_marker(struct image_view *v, uint8_t *ret)
{
    struct image_view b;

    if (!image_view_take(v, 1, &b) || b.p[0] != 0xff)
        return false;
    do {
        if (!image_view_take(v, 1, &b))
            return false;
    } while (b.p[0] == 0xff);
    *ret = b.p[0];
    return b.p[0] != 0;
}

/* What a marker's length counts, without the length itself. False: it is wrong, or more than there is. */
static inline bool jpeg_segment(struct image_view *v, struct image_view *ret)
{
    struct image_view length;

    return image_view_take(v, 2, &length) && image_view_be16(length.p) >= 2 &&
           image_view_take(v, image_view_be16(length.p) - 2, ret);
}
