/*
 * What a C2PA manifest store (spec.c2pa.org, 2.x, 8 and 11; JUMBF is ISO 19566-5) says of how an image was made. Signatures are
 * not checked: whoever wrote that a model made the image has no reason to lie about it, and whoever wants to hide it leaves the
 * store out.
 *
 *    found = MAX(found, image_c2pa_marks(store));
 *
 * A store has a manifest for each program that had the image, the newest last. An image that a model made stays one when others
 * crop or convert it; one that was put into something new makes that an edited one. Manifests that are compressed (Brotli) are
 * not read.
 */
#pragma once

#include "image/image.h"
#include "image/view.h"

enum image_provenance image_c2pa_marks(struct image_view store);
