/*
 * The beginning of what zlib has compressed (RFC 1950), for provenance.c: what a stranger sent may be a thousand times as long unpacked.
 *
 *    size_t n = image_unzip(zipped, to, sizeof to);      // at most so much; 0: nothing can be read
 *
 * What comes before a fault counts.
 */
#pragma once

#include "image/view.h"

size_t image_unzip(struct image_view zipped, uint8_t *to, size_t max);
