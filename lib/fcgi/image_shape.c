#include "fcgi/image_shape.h"

#include "crypto/digest.h"

struct image_original_shape image_shape_original(struct arena *arena, const struct upload_original *o)
{
    return (struct image_original_shape){.media_type = o->media_type,
                                         .sha256 = hex_encode(arena, o->sha256.b, sizeof o->sha256.b),
                                         .width = o->width,
                                         .height = o->height,
                                         .size_bytes = o->size_bytes};
}

struct json_array image_shape_reasons(struct arena *arena, const struct upload_original *o, struct str changes)
{
    struct strs names = str_split(arena, changes, ',');
    struct image_reason_shape *v = arena_array(arena, names.n, sizeof *v);

    for (size_t i = 0; i < names.n; i++)
        v[i] = (struct image_reason_shape){.change = names.v[i], .reason = upload_reason(o, names.v[i])};
    return (struct json_array){.v = v, .n = names.n};
}

#define IMAGE_REPORT .policy = "image.report"

const struct json_field image_original_fields[] = {
    {.name = "media_type", JSON_STR(struct image_original_shape, media_type), .help = "By its bytes", IMAGE_REPORT},
    {.name = "width", JSON_I64(struct image_original_shape, width), .help = "Pixels, before orientation", IMAGE_REPORT},
    {.name = "height",
     JSON_I64(struct image_original_shape, height),
     .help = "Pixels, before orientation",
     IMAGE_REPORT},
    {.name = "size_bytes", JSON_I64(struct image_original_shape, size_bytes), .help = "Size of the file", IMAGE_REPORT},
    {.name = "sha256", JSON_STR(struct image_original_shape, sha256), .help = "Digest of the file", IMAGE_REPORT},
    JSON_END,
};

const struct json_field image_reason_fields[] = {
    {.name = "change", JSON_STR(struct image_reason_shape, change), .help = "One of changes", IMAGE_REPORT},
    {.name = "reason", JSON_STR(struct image_reason_shape, reason), .help = "Why it was done"},
    JSON_END,
};
