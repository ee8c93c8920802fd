/* What the answers say of an image: what it was, what was done to it, and why. */
#include "base/buf.h"
#include "model/upload/upload.h"

const char *const upload_change_names[] = {"orientation", "resized",          "reencoded", "metadata_removed",
                                           "flattened",   "colour_converted", NULL};
static const char *const upload_reasons[] = {
    "The file only says how to turn it, and whoever shows it may not look at that.",
    "TikTok refuses a whole post for one image beyond 1080 x 1920 pixels.",
    "Its pixels were changed, or are stored in a way that not everybody reads, so the file was written anew.",
    "Metadata may tell where and by whom an image was made, and TikTok was seen to refuse images for it.",
    "A JPEG has no transparency, so what shone through is white, or the background that was asked for.",
    "Its colours need a profile that is removed, so they were converted to sRGB.",
};
const char *const upload_provenance_names[] = {"none_found", "ai_edited", "ai_generated", NULL};

struct str upload_change_set(uint32_t changes, struct buf *b)
{
    for (size_t i = 0; upload_change_names[i] != NULL; i++)
        if (changes & (1u << i))
            buf_printf(b, "%s%s", b->n > 0 ? "," : "", upload_change_names[i]);
    ASSERT(!b->overflow);
    return buf_str(b);
}

static struct str upload_media_type(enum image_type type)
{
    static const char *const types[] = {[IMAGE_JPEG] = "image/jpeg",
                                        [IMAGE_PNG] = "image/png",
                                        [IMAGE_WEBP] = "image/webp",
                                        [IMAGE_AVIF] = "image/avif",
                                        [IMAGE_HEIC] = "image/heic"};

    return str_from(types[type]);
}

struct upload_original upload_original(const struct upload_report *r)
{
    return (struct upload_original){.media_type = upload_media_type(r->image.type),
                                    .size_bytes = (int64_t)r->original_bytes,
                                    .width = r->image.original_width,
                                    .height = r->image.original_height,
                                    .sha256 = r->original_sha256};
}

struct str upload_kept_type(const struct upload_report *r)
{
    return upload_media_type(r->image.kept);
}

struct str upload_reason(const struct upload_original *original, struct str change)
{
    const char *why = "";

    for (size_t i = 0; upload_change_names[i] != NULL; i++)
        if (str_eqc(change, upload_change_names[i]))
            why = upload_reasons[i];
    if (str_eqc(change, "reencoded") && !str_eqc(original->media_type, "image/jpeg") &&
        !str_eqc(original->media_type, "image/webp"))
        why = "TikTok takes no images of this kind, so it is kept as JPEG.";
    return str_from(why);
}

struct str upload_provenance(const struct image_report *image)
{
    return str_from(image->provenance == IMAGE_NOT_LOOKED ? NULL : upload_provenance_names[image->provenance]);
}

struct str upload_changes(struct arena *arena, const struct image_report *image)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(UPLOAD_CHANGES_MAX_BYTES);

    return arena_str(arena, upload_change_set(image->changes, &b));
}

struct upload upload_of_report(struct arena *arena, const struct conf *conf, const struct upload_report *r)
{
    struct upload u = {
        .id = r->id,
        .state = UPLOAD_READY,
        .original = upload_original(r),
        .changes = upload_changes(arena, &r->image),
        .provenance = upload_provenance(&r->image),
        .media_type = upload_kept_type(r),
        .size_bytes = (int64_t)r->image.size_bytes,
        .width = r->image.width,
        .height = r->image.height,
        .sha256 = r->sha256,
        .created_at_us = r->created_at_us,
        .delete_due_at_us = upload_due_at(conf, r->created_at_us),
    };

    return u;
}
