/*
 * Posts and their receipts. The state machine is one table (post_state.c): which event is allowed in which state, and
 * where it leads. Every transition writes a row of post_events in the same transaction.
 */
#pragma once

#include "base/conf.h"
#include "base/problem.h"
#include "db/db.h"
#include "model/idempotency/idempotency.h"
#include "model/tiktok/account.h"
#include "model/upload/upload.h"

enum post_state {
    POST_DRAFT,
    POST_AWAITING_APPROVAL,
    POST_SCHEDULED,
    POST_QUEUED,
    POST_PUBLISHING,
    POST_PROCESSING,
    POST_DEFERRED,
    POST_PUBLISHED,
    POST_IN_INBOX,
    POST_FAILED,
    POST_CANCELED,
    POST_STATE__MAX
};
extern const char *const post_state_names[];  /* NULL-ended, spelt as in the database and the API */
bool post_state_has_ended(enum post_state s); /* published, in_inbox, failed, canceled */

enum post_mode { POST_MEDIA_UPLOAD, POST_DIRECT_POST };
extern const char *const post_mode_names[];
extern const char *const privacy_level_names[]; /* index 0 is PUBLIC_TO_EVERYONE; NULL-ended */

#define POST_IMAGES_MAX 35
#define POST_TITLE_MAX_UNITS 90
#define POST_DESCRIPTION_MAX_UNITS 4000

/* An account must be connected again; or the database was restored, and an administrator must let the post go (post/hold.h). */
enum post_hold { POST_NOT_HELD, POST_HELD_FOR_ACCOUNT, POST_HELD_BY_RESTORE };

struct post {
    struct uuid id, user_id, account_id;
    struct str title, description; /* absent if there is none */
    int post_mode;
    struct str privacy_level; /* absent for a draft */
    bool disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc;
    int64_t photo_cover_index;
    int state;
    struct str failure_code, platform_code, platform_log_id;
    struct str publish_id, tiktok_post_ids; /* separated by commas */
    int64_t next_attempt_at_us, created_at_us, accepted_at_us, ended_at_us;
    int mode;                      /* that of its account */
    int64_t held;                  /* enum post_hold: why it waits, whatever comes; set by post_get and post_list */
    struct str username;           /* the account's handle, for post_url; absent if it is not known any more */
    struct uuid key_id;            /* that made it; none: a session */
    struct uuid cover_id;          /* the upload that is its cover, while it is there; set by post_get and post_list */
    struct sha256 approved_digest; /* what its owner approved (post_digest.h); all zero: nobody was asked */
};

bool post_is_approved(const struct post *post);

struct post_image {
    struct uuid upload_id;
    struct upload_original original;
    int64_t position, width, height, size_bytes;
    struct str changes, provenance; /* as struct upload has them */
    struct sha256 sha256;           /* as it is in the store */
    int64_t deleted_at_us, delete_due_at_us;
    int64_t fetched_at_us; /* first fetch for the newest attempt, by whoever knew the address; 0: not fetched */
};

/* Without its attempt, whose id opens the way to the images: only TikTok is told it. */
struct post_event {
    int64_t at_us;
    struct str event, code, platform_code, platform_log_id, request_id;
    int state;
};

/* A post and all that its answer shows of it. */
struct post_receipt {
    struct post post;
    struct post_image *images; /* in the order of the carousel */
    size_t images_n;
    struct post_event *events; /* oldest first */
    size_t events_n;
};

/* What a client may say about a post, bound from multipart fields or JSON. */
struct post_options {
    struct str post_mode, privacy_level; /* as sent; absent if not sent */
    bool disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc;
    bool disable_comment_given;
    int64_t photo_cover_index;
};

struct post_draft {
    struct str title, description;
    struct str title_overflow; /* "reject" (default) or "truncate" */
    bool title_was_cut;        /* set by post_check */
    struct post_options options;
    struct upload_report *reports; /* images that came with the request; their rows are still storing */
    size_t reports_n;
    struct uuid *upload_ids; /* or images that were there before */
    size_t upload_ids_n;
    bool by_upload_ids;
    struct uuid key_id;
    struct str request_id;
};

/*
 * Checks the rules between the fields and names all problems at once: lengths in UTF-16 units, options of DIRECT_POST,
 * brand and privacy, cover index, what a fresh snapshot offers, the scope that the account was granted. images_n counts
 * the images of the request. Sets what was left out: post_mode MEDIA_UPLOAD, disable_comment true for DIRECT_POST. Cuts
 * the title when asked to.
 */
void post_check(const struct account *account, struct post_draft *draft, size_t images_n, struct arena *arena,
                struct problems *problems);

/* Is the creator snapshot young enough for post_check to compare with it? */
bool post_snapshot_is_fresh(const struct account *account);

/*
 * In one transaction, takes room for the post (the errors of CAPS_OF_POST and CAPS_OF_POST_OF_IMAGES, user/caps.h) and of its
 * key's budget (those of budget_take, key/budget.h; a post that needs an approval waits for it), makes
 * the uploads ready or takes them (else ERR_VALIDATION with problems at "upload_ids[i]") and writes the post, its images,
 * the event "created" and the account's job "turn"; for a DIRECT_POST on an old snapshot also the account's job "creator". draft
 * must have passed post_check. The receipt is what was written, so that nothing has to be read after the commit: last gets it
 * (const struct post_receipt *), and it is also set with ERR_OUTCOME_UNKNOWN, when it may have been.
 */
MUST_CHECK enum err post_create(struct db *db, struct arena *arena, const struct conf *conf,
                                const struct account *account, const struct post_draft *draft,
                                struct problems *problems, const struct last_step *last,
                                struct post_receipt *ret_receipt);

/* Of one mode, as post_list: ERR_NOT_FOUND for what is of the other, or somebody else's. */
MUST_CHECK enum err post_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                             const struct uuid *id, struct post *ret_post);

/* Those with ids below that one, newest first. Each way to ask is along an index that has no others. */
struct post_filter {
    const struct uuid *user_id;
    int mode;
    enum post_state state;  /* POST_STATE__MAX: in any */
    struct uuid account_id; /* none: of any. Of somebody else's there are none */
};
MUST_CHECK enum err post_list(struct db *db, struct arena *arena, const struct post_filter *filter,
                              const struct uuid *below, size_t max, struct post **ret_posts, size_t *ret_n);
/* Those of an account whose end TikTok has not told, the newest first. */
MUST_CHECK enum err post_processing(struct db *db, struct arena *arena, const struct uuid *account_id, size_t max,
                                    struct post **ret_posts, size_t *ret_n);
MUST_CHECK enum err post_images(struct db *db, struct arena *arena, const struct uuid *post_id, struct post_image **ret,
                                size_t *ret_n);
MUST_CHECK enum err post_events(struct db *db, struct arena *arena, const struct uuid *post_id, struct post_event **ret,
                                size_t *ret_n); /* oldest first; the newest 500 */

/* TikTok's word in the newest event EVENT_POLL. ERR_NOT_FOUND: there is none. */
MUST_CHECK enum err post_last_poll(struct db *db, struct arena *arena, const struct uuid *post_id,
                                   struct str *ret_code);
#define EVENT_POLL "poll" /* a note: TikTok answered something new, and no end */

#define EVENT_RETRIED "retried" /* somebody had it tried again (post_again.h) */

/* Is that what happened to the post last, with this code? */
MUST_CHECK enum err post_last_event_is(struct db *db, const struct uuid *post_id, const char *event, const char *code,
                                       bool *ret);

/* For the worker; without the username. */
MUST_CHECK enum err post_by_id(struct db *db, struct arena *arena, const struct uuid *id, struct post *ret_post);

/*
 * Moves a post. event is a row of the table in post_state.c. Call it in a transaction. It writes the new state if the
 * old one allows the event (else ERR_CONFLICT), the fields below, the row of post_events, and, when the post ends for
 * the first time, ended_at_us and when its uploads are due. Whoever's post fails is told by mail (mail/notice.h).
 */
struct post_move {
    const char *event;
    struct str failure_code, platform_code, platform_log_id, publish_id, tiktok_post_ids, request_id;
    int64_t next_attempt_at_us;
    struct uuid attempt_id;
    struct str event_code;    /* of the event, where that is not the failure_code: who did it */
    struct str of_publish_id; /* TikTok's word about this one: ERR_CONFLICT if the post has another by now, or none */
    int64_t
        not_before_us; /* of its event, which comes after others although a clock was set back; 0: it is as the clock says */
};
MUST_CHECK enum err post_move(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                              const struct post_move *move);

/*
 * The same for several posts that have not ended, DB_MANY_MAX at most, from the states in which the caller has read them; in
 * fewer statements. ERR_CONFLICT if one of them is not there any more: nobody knows which, so the transaction must be taken
 * back.
 */
struct post_moving {
    struct uuid id;
    enum post_state from;
    struct post_move move;
};
MUST_CHECK enum err post_move_many(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct post_moving *posts, size_t n);

/* Call it first in a transaction that locks other rows before it moves the post. ERR_NOT_FOUND. */
MUST_CHECK enum err post_lock(struct db *db, const struct uuid *post_id);

/* Likewise, for a note about the post as it was read before: ERR_CONFLICT if it is no longer in that state. */
MUST_CHECK enum err post_lock_in(struct db *db, const struct uuid *post_id, enum post_state state);

/* Writes an event that changes no state, which must be the one that the post is in: post_lock_in. */
MUST_CHECK enum err post_note(struct db *db, const struct uuid *post_id, const struct post_move *note,
                              enum post_state state, int64_t at_us);

/* For a post that waits for its turn: when that comes. Nothing, once the post is no longer queued or deferred. */
MUST_CHECK enum err post_show_next_attempt(struct db *db, const struct uuid *post_id, int64_t at_us);

/* The address of a post's page at TikTok, or of a test post at the simulator, built from the snapshot's username when the post is read. Absent if
 * either part is unknown. */
struct str post_url(struct arena *arena, const struct conf *conf, int mode, struct str username,
                    struct str tiktok_post_id);
