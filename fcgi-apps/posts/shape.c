#include "fcgi/image_shape.h"
#include "model/post/post_approve.h"
#include "model/post/post_digest.h"
#include "posts.h"
#include "tiktok/tiktok.h"

/* An image as the post shows it. */
struct image_shape {
    struct post_image image;
    struct str sha256;
    struct image_original_shape original;
    struct strs changes;
    struct json_array reasons;
};

static bool posts_shape_shows_failure(const struct post *p)
{
    if (p->held != POST_NOT_HELD)
        return true;
    return p->failure_code.p != NULL &&
           (p->state == POST_FAILED || p->state == POST_DEFERRED || p->state == POST_CANCELED);
}

static const char *const posts_shape_holds[] = {
    [POST_HELD_FOR_ACCOUNT] = "account_needs_reconnect", [POST_HELD_BY_RESTORE] = "service_restored"};

static struct failure_shape posts_shape_failure_of(const struct post *p)
{
    struct str code = p->held == POST_NOT_HELD ? p->failure_code : str_from(posts_shape_holds[p->held]);
    const char *message = tiktok_failure_message(code);

    return (struct failure_shape){
        .code = code,
        .message = str_from(message != NULL ? message : "TikTok refused this post. See platform_error for the reason."),
        .retryable = tiktok_failure_retryable(code),
        .platform_code = p->platform_code,
        .platform_log_id = p->platform_log_id,
        .has_platform = p->platform_code.p != NULL || p->platform_log_id.p != NULL,
    };
}

void shape_post(struct ctx *c, const struct post *p, struct post_shape *ret_shape)
{
    struct strs ids = str_split(c->arena, p->tiktok_post_ids, ',');

    *ret_shape = (struct post_shape){
        .post = *p,
        .url = ids.n > 0 ? post_url(c->arena, c->conf, p->mode, p->username, ids.v[0]) : (struct str){0},
        .tiktok_post_ids = ids,
        .has_failure = posts_shape_shows_failure(p),
        .held_until_us = p->held == POST_HELD_FOR_ACCOUNT ? upload_due_at(c->conf, p->created_at_us) : 0,
        .awaiting_until_us = p->state == POST_AWAITING_APPROVAL ? p->created_at_us + POST_AWAITING_US : 0,
    };
    if (p->held != POST_NOT_HELD)
        ret_shape->post.next_attempt_at_us = 0;
    if (ret_shape->has_failure)
        ret_shape->failure = posts_shape_failure_of(p);
}

static struct json_array posts_shape_images(struct arena *arena, const struct post_image *images, size_t n)
{
    struct image_shape *shapes = arena_array(arena, n, sizeof *shapes);

    for (size_t i = 0; i < n; i++)
        shapes[i] = (struct image_shape){
            .image = images[i],
            .sha256 = hex_encode(arena, images[i].sha256.b, SHA256_BYTES),
            .original = image_shape_original(arena, &images[i].original),
            .changes = str_split(arena, images[i].changes, ','),
            .reasons = image_shape_reasons(arena, &images[i].original, images[i].changes),
        };
    return (struct json_array){.v = shapes, .n = n};
}

static void posts_shape_whole(struct ctx *c, const struct post_receipt *r, struct post_shape *ret_shape)
{
    struct sha256 digest = post_digest(&r->post, r->images, r->images_n);

    shape_post(c, &r->post, ret_shape);
    for (size_t i = 0; i < r->images_n; i++) /* of a post that was just made, it is told by these alone */
        if (r->images[i].position == r->post.photo_cover_index && r->images[i].deleted_at_us == 0)
            ret_shape->post.cover_id = r->images[i].upload_id;
    ret_shape->content_digest = hex_encode(c->arena, digest.b, sizeof digest.b);
    ret_shape->images = posts_shape_images(c->arena, r->images, r->images_n);
    ret_shape->events = (struct json_array){.v = r->events, .n = r->events_n};
}

/* When its images go may change with what was just done, and is read with the post. */
void shape_receipt(struct ctx *c, const struct post_receipt *r, struct post_shape *ret_shape)
{
    posts_shape_whole(c, r, ret_shape);
    struct image_shape *images = ret_shape->images.v;
    for (size_t i = 0; i < ret_shape->images.n; i++)
        images[i].image.delete_due_at_us = 0;
}

enum err shape_read(struct ctx *c, const struct uuid *post_id, struct post_shape *ret_shape)
{
    struct post_receipt r;

    enum err e = post_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, post_id, &r.post);
    if (e == OK)
        e = post_images(c->db, c->arena, post_id, &r.images, &r.images_n);
    if (e == OK)
        e = post_events(c->db, c->arena, post_id, &r.events, &r.events_n);
    if (e == OK)
        posts_shape_whole(c, &r, ret_shape);
    return e;
}

static const struct json_field posts_shape_platform_fields[] = {
    {.name = "code", JSON_STR(struct failure_shape, platform_code), .help = "TikTok's code", .policy = "post.metadata"},
    {.name = "log_id",
     JSON_STR(struct failure_shape, platform_log_id),
     .help = "TikTok's log_id, to quote to them",
     .policy = "post.metadata"},
    JSON_END};

static const struct json_field posts_shape_failure_fields[] = {
    {.name = "code", JSON_STR(struct failure_shape, code), .help = "What went wrong", .policy = "post.metadata"},
    {.name = "message", JSON_STR(struct failure_shape, message), .help = "What it means and what to do"},
    {.name = "retryable",
     JSON_BOOL(struct failure_shape, retryable),
     .help = "Whether the same post may be sent again as it is"},
    /* The struct itself: TikTok's words are two of its members. */
    {.name = "platform_error",
     .type = JSON_TYPE_OBJECT,
     .offset = 0,
     .fields = posts_shape_platform_fields,
     JSON_GIVEN(struct failure_shape, has_platform),
     .help = "What TikTok said; null when it was not TikTok"},
    JSON_END};

static const struct json_field posts_shape_options_fields[] = {
    {.name = "post_mode",
     JSON_ENUM(struct post, post_mode, post_mode_names),
     .help = "MEDIA_UPLOAD: a draft in the TikTok inbox; DIRECT_POST",
     .policy = "post.options"},
    {.name = "privacy_level",
     JSON_STR(struct post, privacy_level),
     .help = "null for a draft",
     .policy = "post.options"},
    {.name = "disable_comment",
     JSON_BOOL(struct post, disable_comment),
     .help = "Comments are off",
     .policy = "post.options"},
    {.name = "auto_add_music",
     JSON_BOOL(struct post, auto_add_music),
     .help = "TikTok adds music",
     .policy = "post.options"},
    {.name = "brand_content_toggle",
     JSON_BOOL(struct post, brand_content_toggle),
     .help = "Paid partnership",
     .policy = "post.options"},
    {.name = "brand_organic_toggle",
     JSON_BOOL(struct post, brand_organic_toggle),
     .help = "Own business",
     .policy = "post.options"},
    {.name = "photo_cover_index",
     JSON_I64(struct post, photo_cover_index),
     .help = "The image that is the cover, from 0",
     .policy = "post.options"},
    {.name = "is_aigc", JSON_BOOL(struct post, is_aigc), .help = "Made by AI", .policy = "post.options"},
    JSON_END};

static const struct json_field posts_shape_image_fields[] = {
    {.name = "position", JSON_I64(struct image_shape, image.position), .help = "From 0"},
    {.name = "upload_id", JSON_UUID(struct image_shape, image.upload_id), .help = "The upload"},
    {.name = "width", JSON_I64(struct image_shape, image.width), .help = "Pixels", .policy = "image.report"},
    {.name = "height", JSON_I64(struct image_shape, image.height), .help = "Pixels", .policy = "image.report"},
    {.name = "size_bytes",
     JSON_I64(struct image_shape, image.size_bytes),
     .help = "As it is kept",
     .policy = "image.report"},
    {.name = "changes",
     JSON_STRS(struct image_shape, changes),
     .help = "What the repair did",
     .policy = "image.report"},
    {.name = "reasons",
     JSON_ARRAY(struct image_shape, reasons, struct image_reason_shape, image_reason_fields),
     .help = "Why, of each change",
     .policy = "image.report"},
    {.name = "sha256", JSON_STR(struct image_shape, sha256), .help = "Digest, as it is kept", .policy = "image.report"},
    {.name = "original",
     JSON_OBJECT(struct image_shape, original, image_original_fields),
     .help = "The image as it was sent",
     .policy = "image.report"},
    {.name = "provenance",
     JSON_STR(struct image_shape, image.provenance),
     .help = "What the original says of AI, as the upload has it",
     .policy = "image.report"},
    {.name = "fetched_at",
     JSON_TIME(struct image_shape, image.fetched_at_us),
     .help =
         "When it was first fetched for the newest attempt, by somebody who knew the address that only TikTok is told",
     .policy = "post.receipt"},
    {.name = "delete_due_at",
     JSON_TIME(struct image_shape, image.delete_due_at_us),
     .help = "When it is deleted, unless a post that has not ended needs it; null in the answer to a change",
     .policy = "image.report"},
    {.name = "deleted_at",
     JSON_TIME(struct image_shape, image.deleted_at_us),
     .help = "When the image was deleted here",
     .policy = "image.report"},
    JSON_END};

static const struct json_field posts_shape_event_fields[] = {
    {.name = "at", JSON_TIME(struct post_event, at_us), .help = "When", .policy = "post.receipt"},
    {.name = "event", JSON_STR(struct post_event, event), .help = "What happened", .policy = "post.receipt"},
    {.name = "status",
     JSON_ENUM(struct post_event, state, post_state_names),
     .help = "The status after it",
     .policy = "post.receipt"},
    {.name = "code", JSON_STR(struct post_event, code), .help = "Our code, for a failure", .policy = "post.receipt"},
    {.name = "platform_code",
     JSON_STR(struct post_event, platform_code),
     .help = "TikTok's code or status",
     .policy = "post.receipt"},
    {.name = "log_id",
     JSON_STR(struct post_event, platform_log_id),
     .help = "TikTok's log_id",
     .policy = "post.receipt"},
    {.name = "request_id", JSON_STR(struct post_event, request_id), .help = "The request that caused it"},
    JSON_END};

static const struct json_field posts_shape_warning_fields[] = {
    {.name = "code", JSON_STR(struct post_warning, code), .help = "What to look at"},
    {.name = "message", JSON_STR(struct post_warning, message), .help = "What it means"},
    {.name = "param", JSON_STR(struct post_warning, param), .help = "What it is about, as in an error; null: the post"},
    JSON_END};

#define ITEM_FIELDS \
    {.name = "id", JSON_UUID(struct post_shape, post.id), .help = "The post"}, \
        {.name = "account_id", JSON_UUID(struct post_shape, post.account_id), .help = "The TikTok account"}, \
        {.name = "status", \
         JSON_ENUM(struct post_shape, post.state, post_state_names), \
         .help = "Where it is", \
         .policy = "post.metadata"}, \
        {.name = "title", \
         JSON_STR(struct post_shape, post.title), \
         .help = "At most 90 UTF-16 units", \
         .policy = "post.text"}, \
        {.name = "description", \
         JSON_STR(struct post_shape, post.description), \
         .help = "At most 4000 UTF-16 units", \
         .policy = "post.text"}, \
        {.name = "post_mode", \
         JSON_ENUM(struct post_shape, post.post_mode, post_mode_names), \
         .help = "As in platform_options", \
         .policy = "post.options"}, \
        {.name = "platform_options", \
         JSON_OBJECT(struct post_shape, post, posts_shape_options_fields), \
         .help = "What was asked of TikTok", \
         .policy = "post.options"}, \
        {.name = "publish_id", \
         JSON_STR(struct post_shape, post.publish_id), \
         .help = "TikTok's, once it has accepted", \
         .policy = "post.metadata"}, \
        {.name = "post_url", \
         JSON_STR(struct post_shape, url), \
         .help = "The post's page, once it is known", \
         .policy = "post.metadata"}, \
        {.name = "tiktok_post_ids", \
         JSON_STRS(struct post_shape, tiktok_post_ids), \
         .help = "A draft can become several posts", \
         .policy = "post.metadata"}, \
        {.name = "failure", \
         JSON_OBJECT(struct post_shape, failure, posts_shape_failure_fields), \
         JSON_GIVEN(struct post_shape, has_failure), \
         .help = "Why it failed or waits; null otherwise"}, \
        {.name = "next_attempt_at", \
         JSON_TIME(struct post_shape, post.next_attempt_at_us), \
         .help = "When it is tried again"}, \
        {.name = "held_until", \
         JSON_TIME(struct post_shape, held_until_us), \
         .help = "It waits for the account to be connected again: until then, and then it fails and its images go"}, \
        {.name = "awaiting_until", \
         JSON_TIME(struct post_shape, awaiting_until_us), \
         .help = "It waits for its owner's approval: until then, and then it is canceled"}, \
        {.name = "cover_upload_id", \
         JSON_UUID(struct post_shape, post.cover_id), \
         .help = "The image that is its cover; null once that is deleted"}, \
        {.name = "key_id", \
         JSON_UUID(struct post_shape, post.key_id), \
         .help = "The API key that made it; null: a session", \
         .policy = "post.metadata"}, \
        {.name = "created_at", \
         JSON_TIME(struct post_shape, post.created_at_us), \
         .help = "Acceptance", \
         .policy = "post.metadata"}, \
    { \
        .name = "ended_at", JSON_TIME(struct post_shape, post.ended_at_us), \
        .help = "When it was published, failed, canceled or came to the inbox", .policy = "post.metadata" \
    }

#define RECEIPT_FIELDS \
    {.name = "content_digest", \
     JSON_STR(struct post_shape, content_digest), \
     .help = "Of account, texts, options and images: an approval names it", \
     .policy = "post.metadata"}, \
        {.name = "images", \
         JSON_ARRAY(struct post_shape, images, struct image_shape, posts_shape_image_fields), \
         .help = "In the order of the carousel"}, \
    { \
        .name = "events", JSON_ARRAY(struct post_shape, events, struct post_event, posts_shape_event_fields), \
        .help = "The receipt: what happened, oldest first" \
    }

const struct json_field post_item_fields[] = {ITEM_FIELDS, JSON_END};
const struct json_field post_fields[] = {ITEM_FIELDS, RECEIPT_FIELDS, JSON_END};
const struct json_field post_created_fields[] = {
    ITEM_FIELDS,
    RECEIPT_FIELDS,
    {.name = "warnings",
     JSON_ARRAY(struct post_shape, warnings, struct post_warning, posts_shape_warning_fields),
     .help = "What could not be checked or was changed"},
    JSON_END};
