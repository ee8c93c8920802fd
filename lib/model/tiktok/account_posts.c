/* What a change of the connection does to the account's posts. */
#include <stdlib.h>

#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/post.h"
#include "model/post/post_state.h"
#include "model/tiktok/account_private.h"

#define CANCEL_BATCH 100          /* posts that one transaction cancels */
#define WAKE_MAX 100              /* polls that one transaction makes due */
#define LATE_US (30 * US_PER_DAY) /* TikTok does not say for how long it knows a post; older ones are left alone */

enum {
    ACCOUNT_CANCELS,
    ACCOUNT_NEWEST_AHEAD,
    ACCOUNT_END_CANCEL,
    ACCOUNT_DISCONNECTED_LOCK,
    ACCOUNT_UNSENT_POSTS,
    ACCOUNT_PROCESSING_POSTS,
    ACCOUNT_UNSETTLED_POSTS,
    ACCOUNT_HAS_TO_WAKE,
    ACCOUNT_WAKE_BELOW,
    ACCOUNT_SET_WAKE_BELOW
};
static const struct sql account_posts_sqls[];

static enum err account_posts_wake(struct db *db, struct arena *arena, const struct uuid *ids, size_t n,
                                   struct str request_id)
{
    struct job_new jobs[WAKE_MAX];

    ASSERT(n <= WAKE_MAX);
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job_new){
            .kind = "poll", .subject_id = ids[i], .run_at_us = clock_now_us(), .request_id = request_id};
    return job_add_all(db, JOB_PUBLISH, arena, jobs, n);
}

/* The newest first. Nothing else would ever ask about the others: they have ended, so they have no job. */
static enum err account_wake_unsettled(struct db *db, struct arena *arena, const struct uuid *id,
                                       const struct uuid *below, struct str request_id, bool *ret_more)
{
    struct uuid from = uuid_floor(clock_now_us() - LATE_US), *ids;
    size_t n;

    enum err e = db_rows(db, &account_posts_sqls[ACCOUNT_UNSETTLED_POSTS],
                         DB_ARGS(db_uuid(id), db_uuid(&from), db_uuid(below), db_i64(WAKE_MAX)), arena, sizeof *ids,
                         WAKE_MAX, (void **)&ids, &n);
    if (e == OK)
        e = account_posts_wake(db, arena, ids, n, request_id);
    if (e != OK)
        return e;
    *ret_more = n == WAKE_MAX;
    return db_exec(db, &account_posts_sqls[ACCOUNT_SET_WAKE_BELOW],
                   DB_ARGS(db_uuid_or_null(*ret_more ? &ids[n - 1] : &UUID_NONE), db_uuid(id)), NULL);
}

enum err account_wake_polls(struct db *db, struct arena *arena, const struct uuid *id, bool late, struct str request_id)
{
    struct uuid *ids;
    size_t n;
    bool more; /* then the account's turn goes on */

    enum err e = db_rows(db, &account_posts_sqls[ACCOUNT_PROCESSING_POSTS], DB_ARGS(db_uuid(id), db_i64(WAKE_MAX)),
                         arena, sizeof *ids, WAKE_MAX, (void **)&ids, &n);
    if (e == OK) /* the others have their jobs, and come by themselves in some minutes */
        e = account_posts_wake(db, arena, ids, n, request_id);
    if (e == OK && late)
        e = account_wake_unsettled(db, arena, id, &UUID_LAST, request_id, &more);
    return e;
}

enum err account_has_to_wake(struct db *db, const struct uuid *id, bool *ret_has)
{
    int64_t one;
    enum err e = db_number(db, &account_posts_sqls[ACCOUNT_HAS_TO_WAKE], DB_ARGS(db_uuid(id)), &one);

    *ret_has = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err account_wake_more(struct db *db, struct arena *arena, const struct uuid *id, struct str request_id,
                           bool *ret_more)
{
    struct uuid below = UUID_NONE;

    *ret_more = false;
    enum err e = db_row(db, &account_posts_sqls[ACCOUNT_WAKE_BELOW], DB_ARGS(db_uuid(id)), arena, &below);
    if (e != OK || uuid_is_none(&below))
        return e == ERR_NOT_FOUND ? OK : e;
    return account_wake_unsettled(db, arena, id, &below, request_id, ret_more);
}

/* Posts below this id are from before the last disconnect. */
static struct uuid account_canceled_floor(int64_t canceled_to_us)
{
    return canceled_to_us == 0 ? UUID_NONE : uuid_ceiling(canceled_to_us);
}

/* Ids of the release before this one have milliseconds. */
enum err account_find_cancel_end(struct db *db, struct arena *arena, const struct uuid *id, int64_t now_us,
                                 int64_t *ret_until_us)
{
    int64_t until_us = now_us + US_PER_MS;
    struct uuid now = uuid_ceiling(until_us), newest;

    enum err e =
        db_row(db, &account_posts_sqls[ACCOUNT_NEWEST_AHEAD], DB_ARGS(db_uuid(&now), db_uuid(id)), arena, &newest);
    if (e == OK)
        until_us = uuid_made_us(&newest);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *ret_until_us = until_us;
    return OK;
}

bool account_has_canceled(const struct account *a, const struct uuid *post_id)
{
    struct uuid floor = account_canceled_floor(a->canceled_to_us);

    return uuid_cmp(post_id, &floor) < 0;
}

enum err account_end_cancel(struct db *db, const struct uuid *id)
{
    return db_exec(db, &account_posts_sqls[ACCOUNT_END_CANCEL], DB_ARGS(db_uuid(id)), NULL);
}

enum err account_stay_disconnected(struct db *db, const struct uuid *id)
{
    int64_t one;
    enum err e = db_number(db, &account_posts_sqls[ACCOUNT_DISCONNECTED_LOCK], DB_ARGS(db_uuid(id)), &one);

    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

/* The posts of an account that are to be canceled have ids below that one. */
static enum err account_cancel_floor(struct db *db, struct arena *arena, const struct uuid *id, struct uuid *ret_floor)
{
    struct account a = {0};

    enum err e = db_row(db, &account_posts_sqls[ACCOUNT_CANCELS], DB_ARGS(db_uuid(id)), arena, &a);
    *ret_floor = a.state == ACCOUNT_DISCONNECTED ? UUID_LAST : account_canceled_floor(a.canceled_to_us);
    return e;
}

static int account_posts_compare(const void *a, const void *b)
{
    return uuid_cmp(a, b);
}

enum err account_cancel_posts(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                              struct str request_id, bool *ret_more)
{
    const struct post_move move = {
        .event = "account_disconnected",
        .failure_code = STR("account_disconnected"),
        .request_id = request_id,
    };
    struct uuid *ids, floor;
    size_t n;

    enum err e = account_cancel_floor(db, arena, id, &floor);
    if (e != OK)
        return e;
    e = db_rows(db, &account_posts_sqls[ACCOUNT_UNSENT_POSTS],
                DB_ARGS(db_uuid(id), db_uuid(&floor), db_i64(CANCEL_BATCH), db_uuid(id), db_uuid(&floor),
                        db_i64(CANCEL_BATCH), db_i64(CANCEL_BATCH)),
                arena, sizeof *ids, CANCEL_BATCH, (void **)&ids, &n);
    if (e == OK && n > 0) /* locked in one order; the statement would sort all that there are */
        qsort(ids, n, sizeof *ids, account_posts_compare);
    /* All posts before the images of the first one, which others may have, too. */
    for (size_t i = 0; e == OK && i < n; i++)
        e = post_lock(db, &ids[i]);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = post_move(db, arena, conf, &ids[i], &move);
        if (e == ERR_CONFLICT) /* the post went to TikTok a moment ago */
            e = OK;
    }
    *ret_more = e == OK && n == CANCEL_BATCH;
    return e;
}

static const struct db_col account_cancels_cols[] = {DB_COL_ENUM(struct account, state, account_state_names),
                                                     DB_COL(struct account, canceled_to_us, I64), DB_END};

static const struct sql account_posts_sqls[] = {
    [ACCOUNT_CANCELS] = {.text = "SELECT state, canceled_to_us FROM accounts WHERE id = ? FOR UPDATE",
                         .in = "u",
                         .cols = account_cancels_cols},
    /* Few posts of anybody are ahead of the clock. */
    [ACCOUNT_NEWEST_AHEAD] = {.text = "SELECT id FROM posts FORCE INDEX (PRIMARY) WHERE id > ? AND account_id = ?"
                                      " ORDER BY id DESC LIMIT 1",
                              .in = "uu",
                              .cols = db_uuid_cols},
    [ACCOUNT_END_CANCEL] = {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET canceled_to_us = NULL WHERE id = ?",
                            .in = "u"},
    [ACCOUNT_DISCONNECTED_LOCK] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND state = 'disconnected' FOR UPDATE",
                                   .in = "u",
                                   .cols = db_number_cols},
    /* First those that a worker may be about to send. */
    [ACCOUNT_UNSENT_POSTS] = {.text = "(SELECT id FROM posts WHERE account_id = ? AND state IN ('queued', 'deferred')"
                                      " AND id < ? LIMIT ?) UNION ALL (SELECT id FROM posts WHERE account_id = ?"
                                      " AND state IN ('draft', 'awaiting_approval', 'scheduled') AND id < ? LIMIT ?)"
                                      " LIMIT ?",
                              .in = "uuiuuii",
                              .cols = db_uuid_cols},
    [ACCOUNT_PROCESSING_POSTS] = {.text = "SELECT id FROM posts WHERE account_id = ? AND state = 'processing' LIMIT ?",
                                  .in = "ui",
                                  .cols = db_uuid_cols},
    [ACCOUNT_UNSETTLED_POSTS] =
        {.text = "SELECT id FROM posts WHERE account_id = ? AND state = 'failed' AND id >= ? AND id < ?"
                 " AND failure_code IN ('" POST_UNCONFIRMED "', '" POST_TIMED_OUT "')"
                 " AND publish_id IS NOT NULL ORDER BY id DESC LIMIT ?",
         .in = "uuui",
         .cols = db_uuid_cols},
    [ACCOUNT_HAS_TO_WAKE] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND wake_below_id IS NOT NULL",
                             .in = "u",
                             .cols = db_number_cols},
    [ACCOUNT_WAKE_BELOW] = {.text = "SELECT wake_below_id FROM accounts WHERE id = ? FOR UPDATE",
                            .in = "u",
                            .cols = db_uuid_cols},
    [ACCOUNT_SET_WAKE_BELOW] = {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET wake_below_id = ? WHERE id = ?",
                                .in = "uu"},
};
