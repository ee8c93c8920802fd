/* What the files of the app posts share. */
#pragma once

#include "fcgi/app.h"
#include "model/post/post.h"

/* A post may have 35 images of 20 MB each; its text is small beside that. nginx has the same limit. */
#define POST_BODY_MAX_BYTES ((POST_IMAGES_MAX * (uint64_t)IMAGE_MAX_BYTES) + (1u << 20))
#define POST_JSON_MAX_BYTES (256u << 10) /* 4000 units of description, all escaped, are 48 KB; 35 ids are 2 KB */

extern const struct route post_routes[], create_routes[], approve_routes[], again_routes[], usage_routes[],
    usage_posts_routes[];

/*
 * Reads what a request says about a post (form.c): multipart fields with the images themselves, or JSON with
 * upload_ids. OK also when single fields are wrong, which are then in c->problems; other results end the request.
 * ret_images_n counts all images of the request, good or bad.
 */
MUST_CHECK enum err form_look(struct ctx *c); /* before the body comes: its type, and whether there is room */
MUST_CHECK enum err form_read(struct ctx *c, struct post_draft *ret_draft, size_t *ret_images_n);

/* ?from= and ?to= as whole days (usage.c): that of from, and all until the one before to; that of to as well, unless to is its beginning. Without
 * them the last 30 days. False: what is wrong with them is in c->problems. */
bool usage_read_days(struct ctx *c, int64_t *ret_from_us, int64_t *ret_to_us);

/* One post as answers show it (shape.c). */
struct post_warning {
    struct str code, message, param;
};

struct failure_shape {
    struct str code, message, platform_code, platform_log_id;
    bool retryable, has_platform;
};

struct post_shape {
    struct post post;
    struct str url;
    struct strs tiktok_post_ids;
    struct failure_shape failure;
    bool has_failure;
    int64_t held_until_us;     /* 0: it does not wait for the account */
    int64_t awaiting_until_us; /* 0: it does not wait for approval */
    struct str content_digest;
    struct json_array images, events, warnings;
};

extern const struct json_field post_item_fields[];    /* in a list: without images and events */
extern const struct json_field post_fields[];         /* alone */
extern const struct json_field post_created_fields[]; /* just made: with warnings */

void shape_post(struct ctx *c, const struct post *post, struct post_shape *ret_shape);

/* With images and events. */
void shape_receipt(struct ctx *c, const struct post_receipt *receipt, struct post_shape *ret_shape);

/* Reads the post with its images and events. */
MUST_CHECK enum err shape_read(struct ctx *c, const struct uuid *post_id, struct post_shape *ret_shape);
