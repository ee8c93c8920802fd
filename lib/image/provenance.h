/*
 * Whether an image says that a model made it or changed it: C2PA, the IPTC's word, what models write about themselves
 * (docs/api.md#images-that-ai-made). It is read before all that is thrown away.
 *
 *    r.provenance = image_provenance(IMAGE_JPEG, p, n);
 *
 * It says what the file says: one without a word is no photograph by that. The time it takes grows with the size of the file and
 * no faster, whatever is in it.
 */
#pragma once

#include "image/image.h"

enum image_provenance image_provenance(enum image_type type, const uint8_t *p, size_t n);
