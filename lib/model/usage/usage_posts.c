#include "model/usage/usage_posts.h"

static const struct sql usage_posts_sql;

enum err usage_posts_by_day(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, int64_t from_us,
                            int64_t to_us, size_t max, struct usage_posts **ret_rows, size_t *ret_n)
{
    return db_rows(
        db, &usage_posts_sql,
        DB_ARGS(db_uuid(user_id), db_i64(from_us), db_i64(to_us), db_cstr(mode_names[mode]), db_i64((int64_t)max)),
        arena, sizeof **ret_rows, max, (void **)ret_rows, ret_n);
}

static const struct db_col usage_posts_cols[] = {
    DB_COL(struct usage_posts, starts_at_us, I64), DB_COL(struct usage_posts, account_id, UUID),
    DB_COL(struct usage_posts, published, I64),    DB_COL(struct usage_posts, in_inbox, I64),
    DB_COL(struct usage_posts, failed, I64),       DB_COL(struct usage_posts, canceled, I64),
    DB_COL(struct usage_posts, deferred, I64),     DB_COL(struct usage_posts, p50_us, I64),
    DB_COL(struct usage_posts, p95_us, I64),       DB_END};

/* A quantile is the time of that post of a day and account by which so many had ended (the nearest rank). A post is due when it is
 * taken. What TikTok puts off comes back a minute later at the soonest, so of the others no receipt is read. */
#define DAY "FLOOR(p.ended_at_us / 86400000000)"
#define TOOK "CAST(p.ended_at_us AS SIGNED) - CAST(p.created_at_us AS SIGNED)"
#define COUNT_OF(state) "CAST(SUM(t.state = '" state "') AS SIGNED)"
#define RANK(percent) "COALESCE(MIN(IF(t.state = 'published' AND t.place * 100 >= t.n * " percent ", t.took, NULL)), 0)"

#define COUNTS COUNT_OF("published") ", " COUNT_OF("in_inbox") ", " COUNT_OF("failed") ", " COUNT_OF("canceled")
#define PARTITION "OVER (PARTITION BY " DAY ", p.account_id, p.state"

static const struct sql usage_posts_sql = {
    .text = "SELECT CAST(t.day * 86400000000 AS SIGNED), t.account_id, " COUNTS ", CAST(SUM(t.deferred) AS SIGNED),"
            " " RANK("50") ", " RANK(
                "95") " FROM (SELECT " DAY " AS day, p.account_id, p.state, " TOOK " AS took,"
                      " ROW_NUMBER() " PARTITION " ORDER BY " TOOK ", p.id) AS place, COUNT(*) " PARTITION ") AS n,"
                      " (" TOOK " >= 60000000 AND EXISTS"
                      " (SELECT 1 FROM post_events e WHERE e.post_id = p.id AND e.event = 'deferred')) AS deferred"
                      " FROM posts p FORCE INDEX (by_user_ended)"
                      " WHERE p.user_id = ? AND p.ended_at_us >= ? AND p.ended_at_us < ? AND p.mode = ?) t"
                      " GROUP BY t.day, t.account_id ORDER BY t.day DESC, t.account_id LIMIT ?",
    .in = "uiisi",
    .cols = usage_posts_cols,
};
