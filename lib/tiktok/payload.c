#include "json/json.h"
#include "tiktok/tiktok.h"

#define PAYLOAD_MAX_BYTES (256u << 10) /* 35 addresses and 4000 escaped characters are below 60 KiB */

struct info {
    struct str title, description, privacy_level;
    bool disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle;
};

struct source {
    struct str source;
    struct strs photo_images;
    int64_t photo_cover_index;
};

struct payload {
    struct str media_type, post_mode;
    struct info post_info;
    struct source source_info;
    bool is_aigc;
};

static const struct json_field tiktok_payload_draft_fields[], tiktok_payload_direct_fields[],
    tiktok_payload_labelled_fields[];

struct str tiktok_init_payload(struct arena *arena, const struct tiktok_post *post)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(PAYLOAD_MAX_BYTES);
    const struct payload payload = {
        .media_type = STR("PHOTO"),
        .post_mode = post->direct ? STR("DIRECT_POST") : STR("MEDIA_UPLOAD"),
        .post_info = {post->title, post->description, post->privacy_level, post->disable_comment, post->auto_add_music,
                      post->brand_content_toggle, post->brand_organic_toggle},
        .source_info = {STR("PULL_FROM_URL"), {post->image_urls, post->image_urls_n}, post->photo_cover_index},
        .is_aigc = post->is_aigc,
    };

    json_write(&b,
               !post->direct   ? tiktok_payload_draft_fields
               : post->is_aigc ? tiktok_payload_labelled_fields
                               : tiktok_payload_direct_fields,
               &payload);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

/* A draft has title and description only: TikTok ignores every other setting, and so the user would be misled. */
static const struct json_field tiktok_payload_draft_info_fields[] = {
    {.name = "title", JSON_STR(struct info, title), .omit_empty = true},
    {.name = "description", JSON_STR(struct info, description), .omit_empty = true},
    JSON_END,
};

/* Both brand toggles are required, although TikTok's own examples leave them out. */
static const struct json_field tiktok_payload_direct_info_fields[] = {
    {.name = "title", JSON_STR(struct info, title), .omit_empty = true},
    {.name = "description", JSON_STR(struct info, description), .omit_empty = true},
    {.name = "privacy_level", JSON_STR(struct info, privacy_level)},
    {.name = "disable_comment", JSON_BOOL(struct info, disable_comment)},
    {.name = "auto_add_music", JSON_BOOL(struct info, auto_add_music)},
    {.name = "brand_content_toggle", JSON_BOOL(struct info, brand_content_toggle)},
    {.name = "brand_organic_toggle", JSON_BOOL(struct info, brand_organic_toggle)},
    JSON_END,
};

static const struct json_field tiktok_payload_source_fields[] = {
    {.name = "source", JSON_STR(struct source, source)},
    {.name = "photo_images", JSON_STRS(struct source, photo_images)},
    {.name = "photo_cover_index", JSON_I64(struct source, photo_cover_index)},
    JSON_END,
};

#define PAYLOAD_FIELDS(info_fields) \
    {.name = "media_type", JSON_STR(struct payload, media_type)}, \
        {.name = "post_mode", JSON_STR(struct payload, post_mode)}, \
        {.name = "post_info", JSON_OBJECT(struct payload, post_info, info_fields)}, \
    { \
        .name = "source_info", JSON_OBJECT(struct payload, source_info, tiktok_payload_source_fields) \
    }

static const struct json_field tiktok_payload_draft_fields[] = {PAYLOAD_FIELDS(tiktok_payload_draft_info_fields),
                                                                JSON_END};
static const struct json_field tiktok_payload_direct_fields[] = {PAYLOAD_FIELDS(tiktok_payload_direct_info_fields),
                                                                 JSON_END};

/* is_aigc is at the root in TikTok's page of 2026-09; older pages do not have it, so it is sent when true only. */
static const struct json_field tiktok_payload_labelled_fields[] = {
    PAYLOAD_FIELDS(tiktok_payload_direct_info_fields),
    {.name = "is_aigc", JSON_BOOL(struct payload, is_aigc)},
    JSON_END,
};
