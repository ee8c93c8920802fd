/*
 * What the texts in an image say of how it was made: the IPTC's word for that (DigitalSourceType), China's label (TC260:AIGC), and
 * what image models write about themselves. docs/api.md#images-that-ai-made says which.
 *
 *    found = MAX(found, image_marks_xmp(packet));
 *    found = MAX(found, image_marks_field("Software", text));
 *
 * A word counts only where such a word stands: a description that speaks of AI is none. UTF-16 is read as if it were Latin, since
 * all that is looked for is.
 */
#pragma once

#include "image/image.h"
#include "image/view.h"

/* The last part of an address of the IPTC's vocabulary, as also C2PA has it. */
enum image_provenance image_marks_source_type(struct image_view address);

/* Text in which names and values stand beside each other: XMP, JSON. */
enum image_provenance image_marks_xmp(struct image_view text);

/* A named text: a PNG's tEXt, a field of EXIF. name is at most 79 bytes, as PNG has it (W3C PNG 11.3.3.2). */
enum image_provenance image_marks_field(struct image_view name, struct image_view text);
