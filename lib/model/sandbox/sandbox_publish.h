/*
 * The TikTok simulator's posts: init makes them, the puller moves them on, status/fetch and the post page show them.
 *
 * A post is in PROCESSING_DOWNLOAD until its images have been fetched (sandbox_pull_*), stays there for a moment, and
 * then ends. A public one is moderated after that: until then it has no number and no page. All state is in the row: if a puller dies, another takes over when the lease, next_at_us, is over.
 */
#pragma once

#include "db/db.h"
#include "model/sandbox/sandbox.h"

#define SANDBOX_PENDING_MAX 5   /* inbox shares per creator in 24 h (TikTok's cap) */
#define SANDBOX_UNAUDITED_MAX 5 /* creators who post in 24 h, of an app that is not audited */
#define SANDBOX_MODERATION_MAX_SEC 86400
#define SANDBOX_PULLS_MAX 5                 /* after these it is FAILED with internal */
#define SANDBOX_STEP_US 400000              /* how long it waits before and after pulling, so that polls see it */
#define SANDBOX_LEASE_US (180 * US_PER_SEC) /* longer than one image may take (120 s); renewed for each */

enum sandbox_status {
    SANDBOX_PROCESSING_DOWNLOAD,
    SANDBOX_SEND_TO_USER_INBOX,
    SANDBOX_PUBLISH_COMPLETE,
    SANDBOX_FAILED
};
extern const char *const sandbox_status_names[];

enum sandbox_mode { SANDBOX_DIRECT_POST, SANDBOX_MEDIA_UPLOAD };
extern const char *const sandbox_mode_names[];

struct sandbox_publish {
    struct uuid id, creator_id, lease_token;
    struct str publish_id, client_key, username;
    int post_mode, status;
    struct str title, description, privacy_level; /* privacy_level: absent for a draft */
    bool disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc;
    int64_t photo_cover_index, images_n;
    struct str fail_reason, script_fail;
    int64_t post_id, downloaded_bytes, pulled_at_us, next_at_us, pulls, created_at_us, ended_at_us, moderation_sec;
    bool stuck; /* for sandbox_publish_add: it stays as it is for ever */
};

/* TikTok's caps, each for 24 hours; 0: there is none (docs/tiktok.md#limits). */
struct sandbox_caps {
    int64_t posts;   /* of a creator, over all apps; one that failed does not count */
    int64_t pending; /* inbox shares of a creator */
    int64_t users;   /* creators who post by an app */
};

/* Makes the post, and sets id and publish_id of p. ERR_TOO_MANY: a cap is reached; *ret_cap is TikTok's code for it. */
MUST_CHECK enum err sandbox_publish_add(struct db *db, struct arena *arena, const struct sandbox_caps *caps,
                                        struct sandbox_publish *p, const struct str *urls, const char **ret_cap);

/* Whether a post of this mode could be made now: OK, or ERR_TOO_MANY as above. */
MUST_CHECK enum err sandbox_publish_check(struct db *db, const struct sandbox_caps *caps, const struct uuid *creator_id,
                                          struct str client_key, int post_mode, const char **ret_cap);

/* Whether everybody can see it, so that it has a page and its number is told. */
bool sandbox_publish_is_public(const struct sandbox_publish *p);

/* ERR_NOT_FOUND */
MUST_CHECK enum err sandbox_publish_find(struct db *db, struct arena *arena, struct str publish_id,
                                         struct sandbox_publish *ret_publish);
MUST_CHECK enum err sandbox_publish_by_post(struct db *db, struct arena *arena, int64_t post_id,
                                            struct sandbox_publish *ret_publish);

/* Only before its images have been pulled; afterwards ERR_CONFLICT. */
MUST_CHECK enum err sandbox_publish_cancel(struct db *db, const struct uuid *id);

/* Fails the posts that a creator has in progress for a client, with auth_removed. For sandbox_revoke, in its
 * transaction. */
MUST_CHECK enum err sandbox_publish_orphan(struct db *db, const struct uuid *creator_id, struct str client_key,
                                           int64_t now_us);

/* Takes one post of those that are longest due. ERR_NOT_FOUND: none is; ERR_CONFLICT: others were faster. */
MUST_CHECK enum err sandbox_pull_claim(struct db *db, struct arena *arena, struct sandbox_publish *ret_publish);

struct sandbox_image {
    int64_t position;
    struct str url;
    const char *result; /* "ok" or a fail_reason */
    int64_t http_status, size_bytes, width, height;
    struct str sha256;
};
/* The images that have not been fetched successfully yet, in order. */
MUST_CHECK enum err sandbox_pull_images(struct db *db, struct arena *arena, const struct sandbox_publish *p,
                                        struct sandbox_image **ret_images, size_t *ret_n);

/* All of them need the lease: ERR_CONFLICT if somebody else has it or the post has ended. */
MUST_CHECK enum err sandbox_pull_renew(struct db *db, const struct sandbox_publish *p);
MUST_CHECK enum err sandbox_pull_image(struct db *db, const struct sandbox_publish *p, const struct sandbox_image *i);
MUST_CHECK enum err sandbox_pull_done(struct db *db, const struct sandbox_publish *p); /* all images are there */
/* fail_reason NULL: ends as its mode says; else FAILED. The app is told (sandbox_hook.h). */
MUST_CHECK enum err sandbox_pull_end(struct db *db, struct arena *arena, const struct sandbox_publish *p,
                                     struct str hooked, const char *fail_reason);
