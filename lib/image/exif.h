/*
 * What EXIF (TIFF 6.0, CIPA DC-008) says of how an image was made: its texts, by name, go to marks.h. Of each the first; offsets
 * are looked at once and go nowhere else, so no file can make this take long.
 */
#pragma once

#include "image/image.h"
#include "image/view.h"

/* From TIFF's header on. */
enum image_provenance image_exif_marks(struct image_view tiff);
