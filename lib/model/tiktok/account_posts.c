/* What a change of the connection does to the account's posts. */
#include <stdlib.h>

#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/post.h"
#include "model/post/post_state.h"
#include "model/tiktok/account_private.h"

#define CANCEL_BATCH 100          /* posts that one transaction cancels */
#define WAKE_MAX 100              /* polls that are made due at once; the others come by themselves in some minutes */
#define LATE_US (30 * US_PER_DAY) /* TikTok does not say for how long it knows a post; older ones are left alone */

enum { ACCOUNT_UNSENT_POSTS, ACCOUNT_PROCESSING_POSTS, ACCOUNT_UNSETTLED_POSTS };
static const struct sql account_posts_sqls[];

static enum err account_posts_wake(struct db *db, struct arena *arena, const struct sql *q, const struct db_arg *args,
                                   size_t args_n, struct str request_id)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, q, args, args_n, arena, sizeof *ids, WAKE_MAX, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = job_add(db, JOB_PUBLISH, "poll", &ids[i], clock_now_us(), request_id);
    return e;
}

enum err account_wake_polls(struct db *db, struct arena *arena, const struct uuid *id, bool late, struct str request_id)
{
    struct uuid from = uuid_floor(clock_now_us() - LATE_US);

    enum err e = account_posts_wake(db, arena, &account_posts_sqls[ACCOUNT_PROCESSING_POSTS],
                                    DB_ARGS(db_uuid(id), db_i64(WAKE_MAX)), request_id);
    if (e == OK && late)
        e = account_posts_wake(db, arena, &account_posts_sqls[ACCOUNT_UNSETTLED_POSTS],
                               DB_ARGS(db_uuid(id), db_uuid(&from), db_i64(WAKE_MAX)), request_id);
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
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &account_posts_sqls[ACCOUNT_UNSENT_POSTS], DB_ARGS(db_uuid(id), db_i64(CANCEL_BATCH)),
                         arena, sizeof *ids, CANCEL_BATCH, (void **)&ids, &n);
    if (e == OK && n > 0) /* locked in one order; the statement would sort all that there are */
        qsort(ids, n, sizeof *ids, account_posts_compare);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = post_move(db, arena, conf, &ids[i], &move);
        if (e == ERR_CONFLICT) /* the post went to TikTok a moment ago */
            e = OK;
    }
    *ret_more = e == OK && n == CANCEL_BATCH;
    return e;
}

static const struct sql account_posts_sqls[] = {
    [ACCOUNT_UNSENT_POSTS] = {.text = "SELECT id FROM posts WHERE account_id = ? AND state IN ('draft',"
                                      " 'awaiting_approval', 'scheduled', 'queued', 'deferred') LIMIT ?",
                              .in = "ui",
                              .cols = db_uuid_cols},
    [ACCOUNT_PROCESSING_POSTS] = {.text = "SELECT id FROM posts WHERE account_id = ? AND state = 'processing' LIMIT ?",
                                  .in = "ui",
                                  .cols = db_uuid_cols},
    [ACCOUNT_UNSETTLED_POSTS] = {.text = "SELECT id FROM posts WHERE account_id = ? AND state = 'failed' AND id >= ?"
                                         " AND failure_code IN ('" POST_UNCONFIRMED "', '" POST_TIMED_OUT "')"
                                         " AND publish_id IS NOT NULL ORDER BY id DESC LIMIT ?",
                                 .in = "uui",
                                 .cols = db_uuid_cols},
};
