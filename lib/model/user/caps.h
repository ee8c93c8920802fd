/*
 * What one user can have: a number for everything that a user makes and that takes room, so that nobody fills the server
 * or makes its statements slow. The numbers and their reasons are in base/conf.def, what is counted at the end of
 * caps.c.
 *
 *    static enum err upload_begin_tx(struct db *db, void *arg)
 *    {
 *        enum err e = caps_take(db, arena, conf, user_id, CAPS_OF_UPLOAD, 0);
 *        if (e == OK)
 *            e = db_exec(db, ...);                       the row itself
 *
 * Exact under simultaneous requests: caps_take locks the user's row and counts in the same statement, so it must be the
 * first in the transaction that makes the row (the order of locks is user, account, post, upload, job, idempotency key). It costs one
 * statement, which walks an index of what the user has: no more rows than the cap. Posts are kept, so they are many: of them
 * only those since the row of posts_counted are walked, and caps_take moves that row on. Who deletes posts deletes that row, too.
 *
 * What ends is not in the way any more, but its row stays: so the rows that one can make in a day are capped, too. Otherwise to make and
 * end a thing again and again would fill the tables. A row's id says when it was made.
 *
 * The error says by its code which cap it was. Its answer gets a sentence with the number (caps_explain).
 */
#pragma once

#include "base/conf.h"
#include "base/problem.h"
#include "db/db.h"
#include "model/billing/terms.h"

enum cap {
    CAP_UPLOADS,      /* until the file is gone: a deleted one counts until the purge has run */
    CAP_UPLOAD_BYTES, /* of the same, in the store */
    CAP_QUEUED_POSTS, /* that have not ended */
    CAP_POSTS,
    CAP_SESSIONS,         /* those that are over do not count; a sign-in makes room by itself (session.c) */
    CAP_KEYS,             /* that are not revoked */
    CAP_ACCOUNTS,         /* that are connected */
    CAP_IDEMPOTENCY_KEYS, /* of the last 24 hours; so are all below */
    CAP_UPLOADS_A_DAY,
    CAP_KEYS_A_DAY,
    CAP_KEY_CHANGES_A_DAY, /* new terms and new secrets: rows of the user's activity */
    CAP_ACCOUNTS_A_DAY,    /* connecting one again makes no row */
    CAP__MAX
};

/* What is to be made, and so which caps it must fit in. */
enum caps_of {
    CAPS_OF_UPLOAD,         /* the row of an image whose size is not known yet: the user's room must not be full */
    CAPS_OF_IMAGE,          /* bytes more */
    CAPS_OF_POST,           /* of images that are there */
    CAPS_OF_POST_OF_IMAGES, /* that come with it: bytes more */
    CAPS_OF_RETRY,          /* of a post that has ended: it is under way again, and no new one */
    CAPS_OF_FORM,           /* a look ahead, before images come: is there room for a post and one more image? */
    CAPS_OF_KEY,
    CAPS_OF_KEY_CHANGE,
    CAPS_OF_ACCOUNT, /* that was never connected before. Of those that are connected caps_look knows; account_connect counts them */
    CAPS_OF_IDEMPOTENCY_KEY,
};

/* In the unit that is counted: bytes for CAP_UPLOAD_BYTES. */
int64_t cap_max(const struct conf *conf, enum cap cap);

/* OK if so many more fit, else the cap's error. */
MUST_CHECK enum err cap_fits(const struct conf *conf, enum cap cap, int64_t used, int64_t more);

/*
 * bytes: how many are to be kept; of the other caps, one more must fit. The room that the user's plan allows is looked at, too
 * (ERR_PLAN_STORAGE): it is in the row that is locked. ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND: of the user. ret_plan: the user's, as
 * long as the transaction lasts; may be NULL.
 * caps_look, which not all of them have, does not lock and promises nothing (plan_counts: of a post, whether the user's plan counts
 * it, ERR_PLAN_POSTS): it refuses early what would be refused anyway.
 */
MUST_CHECK enum err caps_take_of_plan(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *user_id, enum caps_of what, int64_t bytes,
                                      const struct plan **ret_plan);
MUST_CHECK enum err caps_take(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                              enum caps_of what, int64_t bytes);
MUST_CHECK enum err caps_look(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                              enum caps_of what, bool plan_counts);

/* What a user has of each, to be shown; in the units that are counted. ret has CAP__MAX. ERR_NOT_FOUND: no such user. */
struct cap_use {
    struct str name;
    int64_t max, used;
};
MUST_CHECK enum err caps_used(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                              struct cap_use *ret);

/* If e is a cap's error, adds it to the problems with a sentence that has the number. */
void caps_explain(const struct conf *conf, struct arena *arena, enum err e, struct problems *problems);
