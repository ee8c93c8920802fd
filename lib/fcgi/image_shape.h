/*
 * What was done to an image, as the answers of uploads and posts show it.
 *
 *    shape.original = image_shape_original(arena, &u->original);
 *    shape.reasons = image_shape_reasons(arena, &u->original, u->changes);
 */
#pragma once

#include "json/json.h"
#include "model/upload/upload.h"

struct image_original_shape {
    struct str media_type, sha256;
    int64_t width, height, size_bytes;
};

struct image_reason_shape {
    struct str change, reason;
};

extern const struct json_field image_original_fields[], image_reason_fields[];

struct image_original_shape image_shape_original(struct arena *arena, const struct upload_original *o);

/* A struct image_reason_shape for each of the changes. */
struct json_array image_shape_reasons(struct arena *arena, const struct upload_original *o, struct str changes);
