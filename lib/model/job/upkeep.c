#include "model/job/upkeep.h"

#include "base/clock.h"

#define REFRESH_LIFE_US (30 * US_PER_DAY)
#define UNKNOWN_AGE_US (30 * US_PER_DAY) /* TikTok's refresh tokens live for half a year at least */
#define JOB_FAR_US (2400 * US_PER_SEC)   /* longer than a poll waits for its place, and any backoff */
#define UNTOUCHED_US (600 * US_PER_SEC)  /* longer than a transaction can stay open */

#define STATE_OVER_US \
    (3600 * US_PER_SEC) /* with a clock that was ahead until a moment ago, nothing goes that somebody has just begun */

enum { UPKEEP_DELETE_STATES, UPKEEP_AGING, UPKEEP_LATE_JOBS, UPKEEP_WITHOUT_JOB };

static const struct db_col upkeep_post_cols[] = {
    DB_COL(struct upkeep_post, id, UUID),
    DB_COL(struct upkeep_post, user_id, UUID),
    DB_COL(struct upkeep_post, account_id, UUID),
    DB_COL(struct upkeep_post, publish, BOOL),
    DB_END,
};

static const struct db_col upkeep_job_cols[] = {DB_COL(struct upkeep_job, kind, STR),
                                                DB_COL(struct upkeep_job, subject_id, UUID), DB_END};

static const struct sql upkeep_sqls[] = {
    [UPKEEP_DELETE_STATES] = {.text = "DELETE FROM oauth_states WHERE expires_at_us < ? LIMIT 10000", .in = "i"},
    /* TikTok does not say whether a refresh starts the 180 days again. If not, once a day is enough. */
    [UPKEEP_AGING] = {.text = "(SELECT id FROM accounts WHERE state = 'active' AND refresh_expires_at_us > ?"
                              " AND refresh_expires_at_us < ? AND access_expires_at_us < ? LIMIT ?) UNION ALL"
                              " (SELECT id FROM accounts WHERE state = 'active' AND refresh_expires_at_us IS NULL"
                              " AND access_expires_at_us < ? LIMIT ?) LIMIT ?",
                      .in = "iiiiiii",
                      .cols = db_uuid_cols},
    [UPKEEP_LATE_JOBS] = {.text = "SELECT kind, subject_id FROM jobs_publish FORCE INDEX (due)"
                                  " WHERE state = 'ready' AND run_at_us > ? AND rests_until_us IS NULL"
                                  " AND (kind IN ('poll', 'creator', 'refresh', 'publish') OR (kind = 'turn' AND EXISTS"
                                  " (SELECT 1 FROM accounts a JOIN posts p ON p.account_id = a.id"
                                  " AND p.state IN ('queued', 'publishing') JOIN users u ON u.id = a.user_id"
                                  " WHERE a.id = subject_id AND a.state <> 'needs_reconnect'"
                                  " AND u.state = 'active'))) LIMIT ?",
                          .in = "ii",
                          .cols = upkeep_job_cols},
    /* A join, because NOT EXISTS would read the whole jobs table. */
    [UPKEEP_WITHOUT_JOB] = {.text =
                                "SELECT p.id, p.user_id, p.account_id, p.state <> 'processing' FROM posts p"
                                " LEFT JOIN jobs_publish j ON j.kind = IF(p.state = 'processing', 'poll', 'turn')"
                                " AND j.subject_id = IF(p.state = 'processing', p.id, p.account_id)"
                                " AND j.state = 'ready'"
                                " LEFT JOIN accounts h ON h.id = p.account_id AND p.id <= h.held_to_id"
                                " AND p.state IN ('queued', 'deferred')"
                                " WHERE h.id IS NULL AND p.state IN ('queued', 'publishing', 'processing', 'deferred')"
                                " AND (p.updated_at_us < ? OR p.updated_at_us > ?) AND j.id IS NULL LIMIT ?",
                            .in = "iii",
                            .cols = upkeep_post_cols},
};

enum err upkeep_delete_states(struct db *db, int64_t now_us)
{
    return db_exec(db, &upkeep_sqls[UPKEEP_DELETE_STATES], DB_ARGS(db_i64(now_us - STATE_OVER_US)), NULL);
}

enum err upkeep_aging_accounts(struct db *db, struct arena *arena, int64_t now_us, size_t max, struct uuid **ret_ids,
                               size_t *ret_n)
{
    struct db_arg rows = db_i64((int64_t)max);

    return db_rows(db, &upkeep_sqls[UPKEEP_AGING],
                   DB_ARGS(db_i64(now_us), db_i64(now_us + REFRESH_LIFE_US), db_i64(now_us - US_PER_DAY), rows,
                           db_i64(now_us - UNKNOWN_AGE_US), rows, rows),
                   arena, sizeof **ret_ids, max, (void **)ret_ids, ret_n);
}

enum err upkeep_late_jobs(struct db *db, struct arena *arena, int64_t now_us, size_t max, struct upkeep_job **ret_jobs,
                          size_t *ret_n)
{
    return db_rows(db, &upkeep_sqls[UPKEEP_LATE_JOBS], DB_ARGS(db_i64(now_us + JOB_FAR_US), db_i64((int64_t)max)),
                   arena, sizeof **ret_jobs, max, (void **)ret_jobs, ret_n);
}

enum err upkeep_posts_without_job(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                  struct upkeep_post **ret_posts, size_t *ret_n)
{
    return db_rows(db, &upkeep_sqls[UPKEEP_WITHOUT_JOB],
                   DB_ARGS(db_i64(now_us - UNTOUCHED_US), db_i64(now_us + UNTOUCHED_US), db_i64((int64_t)max)), arena,
                   sizeof **ret_posts, max, (void **)ret_posts, ret_n);
}
