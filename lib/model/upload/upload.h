/*
 * Uploads: images and what was done to them. The row (state storing) is written before the file, so that no file lacks
 * a row. Once delete_due_at_us has passed, worker@media marks the row, deletes the file and notes when
 * (deleted_at_us).
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/mode.h"
#include "crypto/digest.h"
#include "db/db.h"
#include "image/image.h"
#include "model/idempotency/idempotency.h"

/* Where an image is. */
struct upload_place {
    struct uuid id;
    int store;             /* enum store_kind */
    int store_other;       /* where a copy of it can be, too, while it is being moved; the same: there is none */
    struct str media_type; /* of what is there; upload_of_attempt and upload_place_of say it */
};

enum upload_state { UPLOAD_STORING, UPLOAD_READY, UPLOAD_DELETED };
extern const char *const upload_state_names[];
extern const char *const upload_change_names[];     /* in the order of enum image_change bits */
extern const char *const upload_provenance_names[]; /* of enum image_provenance, from IMAGE_NONE_FOUND on */

/* An image as it was sent. */
struct upload_original {
    struct str media_type;
    int64_t size_bytes, width, height;
    struct sha256 sha256;
};

struct upload {
    struct uuid id;
    int state;
    struct upload_original original;
    struct str changes;    /* separated by commas, as the SET gives them */
    struct str provenance; /* one of upload_provenance_names; absent if it came before anybody looked */
    struct str media_type; /* of what is kept */
    int64_t size_bytes, width, height;
    struct sha256 sha256;
    int64_t created_at_us, delete_due_at_us, deleted_at_us;
};

/* What the intake found out about an image that is in the store. */
struct upload_report {
    struct uuid id;
    int64_t created_at_us; /* of the row */
    struct image_report image;
    uint64_t original_bytes;
    struct sha256 original_sha256, sha256;
};

/* Who sends an image. key_id: the API key; none: a session. */
struct upload_sender {
    struct uuid user_id, key_id;
    int mode;
};

/*
 * Writes the row, due in UPLOAD_STORING_US, and its purge job, so that an upload that never becomes ready is purged. The
 * errors of CAPS_OF_UPLOAD (user/caps.h), and ERR_UPLOADS_OF_KEY, before anything is written. Do not call it in a transaction.
 */
#define UPLOAD_STORING_US (INT64_C(3600) * US_PER_SEC)
MUST_CHECK enum err upload_begin(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct upload_sender *sender, struct str request_id, struct uuid *ret_id,
                                 int64_t *ret_created_at_us);

/* Whether the key has sent fewer images in a day than its share of the user's: ERR_UPLOADS_OF_KEY. Exact while the user's row is locked; before
 * that a look ahead. */
MUST_CHECK enum err upload_key_has_room(struct db *db, const struct conf *conf, const struct uuid *user_id,
                                        const struct uuid *key_id);

/*
 * upload_keep makes it ready: in a transaction of its own, with the errors of CAPS_OF_IMAGE; last gets the report.
 * upload_ready is for a transaction that has taken the room. ERR_CONFLICT if it took so long that the row is already due.
 */
MUST_CHECK enum err upload_keep(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                                const struct upload_report *report, const struct last_step *last);
MUST_CHECK enum err upload_ready(struct db *db, const struct conf *conf, const struct upload_report *report);

/*
 * For a request that failed: what it began goes at once, and takes none of the user's room. Those that are ready stay.
 * What cannot be dropped now, because the database is away, goes when UPLOAD_STORING_US are over.
 */
void upload_drop(struct db *db, const struct upload_report *reports, size_t n, struct str request_id);

/* The row as upload_ready leaves it, so that it need not be read after the commit. */
struct upload upload_of_report(struct arena *arena, const struct conf *conf, const struct upload_report *report);

MUST_CHECK enum err upload_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                               const struct uuid *id,
                               struct upload *ret_upload); /* that user's of that mode, if ready; else ERR_NOT_FOUND */

/* Where it is, of the same ones. */
MUST_CHECK enum err upload_place_of(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                    const struct uuid *id, struct upload_place *ret_place);

/* Ready uploads whose ids are below that one, newest first. */
MUST_CHECK enum err upload_list(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                const struct uuid *below, size_t max, struct upload **ret_uploads, size_t *ret_n);

/* Makes it due now and adds the purge job. ERR_NOT_FOUND; ERR_UPLOAD_IN_USE while a post that has not ended uses
 * it. The API stops showing it at once; the file is gone once the job has run. */
MUST_CHECK enum err upload_delete(struct db *db, const struct uuid *user_id, int mode, const struct uuid *id,
                                  struct str request_id);

/* For the address where TikTok fetches: the upload at position of an attempt that is younger than an hour or whose post
 * has not ended; else ERR_NOT_FOUND. One of before a retry is over at once. upload_note_fetch records the first fetch. */
MUST_CHECK enum err upload_of_attempt(struct db *db, struct arena *arena, const struct uuid *attempt_id,
                                      int64_t position, struct upload_place *ret_place);
MUST_CHECK enum err upload_note_fetch(struct db *db, const struct uuid *attempt_id, int64_t position);

/*
 * For post_create, in its transaction: locks one of the user's ready uploads of that mode, so that a purge at the same moment does
 * not delete the new post's file. ERR_UPLOAD_NOT_FOUND.
 */
MUST_CHECK enum err upload_take(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                const struct uuid *id, struct upload *ret_upload);

/*
 * For a post that is retried, in its transaction: locks one of its images likewise, so that a purge at the same moment finds it in use.
 * ERR_IMAGES_GONE: it is deleted, or would have been by that time, had no post needed it. When it is due does not change: the promise counts
 * from the post's first end.
 */
MUST_CHECK enum err upload_take_back(struct db *db, const struct uuid *user_id, int mode, const struct uuid *id,
                                     int64_t needed_until_us);

/* What an image was, and what was done to it, as struct upload has them. */
struct upload_original upload_original(const struct upload_report *report);
struct str upload_kept_type(const struct upload_report *report);
struct str upload_changes(struct arena *arena, const struct image_report *image);

/* The same, in the caller's buffer. */
#define UPLOAD_CHANGES_MAX_BYTES 256 /* all of them together have 76 */
struct str upload_change_set(uint32_t changes, struct buf *b);

/* Why one of upload_change_names was done. */
struct str upload_reason(const struct upload_original *original, struct str change);

/* What the original said, as struct upload has it. */
struct str upload_provenance(const struct image_report *image);

/* For the end of some posts (DB_MANY_MAX at most), in its transaction: makes their images due, or sooner if an earlier post has ended: the promise
 * counts from the first. (Those that another post still needs stay until that one has ended.) */
MUST_CHECK enum err upload_release(struct db *db, const struct uuid *post_ids, size_t n, int64_t due_at_us);

/* When an image whose time begins at from_us is due: keep_days later, but after 6 days at most, because the privacy
 * policy promises 7 and a day is left for outages. */
int64_t upload_due_at(const struct conf *conf, int64_t from_us);

/*
 * For worker@media. Call upload_purge_begin in the transaction that also sets when the job runs again: while it holds
 * the row, nobody can make the row due sooner without the job noticing.
 *    PURGE_FILE    it is marked deleted: delete the file where ret_place says, both places, then call upload_purged
 *    PURGE_LATER    not before ret_again_at_us, which the row says from then on, too
 *    PURGE_DONE    there is nothing left to do
 * A worker that dies in between repeats PURGE_FILE.
 */
enum upload_purge { PURGE_FILE, PURGE_LATER, PURGE_DONE };
MUST_CHECK enum err upload_purge_begin(struct db *db, struct arena *arena, const struct uuid *id,
                                       enum upload_purge *ret_purge, struct upload_place *ret_place,
                                       int64_t *ret_again_at_us);
MUST_CHECK enum err upload_purged(struct db *db, const struct uuid *id);

/* Those that are due by by_us and still there, after that one, by their time. */
struct upload_due {
    struct uuid id;
    int64_t due_at_us;
};
MUST_CHECK enum err upload_due(struct db *db, struct arena *arena, int64_t by_us, const struct upload_due *after,
                               size_t max, struct upload_due **ret_due, size_t *ret_n);

extern const struct db_col upload_due_cols[];

/*
 * Late: due before due_before_us, not needed by a post that has not ended, and still there. upload_count_late counts up to
 * UPLOAD_COUNT_MAX. upload_late_untold gives those of which the alarm has not told since told_before_us; upload_tell_late
 * notes that it does, and is ERR_CONFLICT when another worker has, so that each is told once.
 */
#define UPLOAD_COUNT_MAX 10000
MUST_CHECK enum err upload_count_late(struct db *db, int store, int64_t due_before_us,
                                      int64_t *ret_n); /* of enum store_kind */
MUST_CHECK enum err upload_late_untold(struct db *db, struct arena *arena, int64_t due_before_us,
                                       int64_t told_before_us, size_t max, struct upload_due **ret_late, size_t *ret_n);
MUST_CHECK enum err upload_tell_late(struct db *db, const struct uuid *id, int64_t now_us, int64_t told_before_us);
