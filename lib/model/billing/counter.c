#include "model/billing/counter.h"

#include <time.h>

#include "base/clock.h"
#include "model/usage/usage.h"

enum { COUNTER_TAKE, COUNTER_GIVE_BACK };
static const struct sql counter_sqls[];

int64_t plan_month_now(void)
{
    time_t t = clock_now_us() / US_PER_SEC;
    struct tm tm;

    ASSERT(gmtime_r(&t, &tm) != NULL);
    return (tm.tm_year - 70) * INT64_C(12) + tm.tm_mon;
}

int64_t plan_month_end_us(int64_t now_us)
{
    return usage_month_of(now_us, 1);
}

int64_t plan_posts_month(const struct plan *plan)
{
    return plan->limits[PLAN_POSTS_PER_MONTH] == PLAN_NO_LIMIT ? 0 : plan_month_now();
}

enum err plan_posts_take(struct db *db, const struct uuid *user_id, const struct plan *plan, int64_t month)
{
    uint64_t taken;

    if (month == 0)
        return OK;
    enum err e = db_exec(db, &counter_sqls[COUNTER_TAKE],
                         DB_ARGS(db_uuid(user_id), db_i64(month), db_uuid(user_id), db_i64(month), db_i64(month + 1),
                                 db_i64(plan->limits[PLAN_POSTS_PER_MONTH])),
                         &taken);
    return e == OK && taken == 0 ? ERR_PLAN_POSTS : e;
}

enum err plan_posts_give_back(struct db *db, const struct uuid *post_id)
{
    return db_exec(db, &counter_sqls[COUNTER_GIVE_BACK], DB_ARGS(db_uuid(post_id)), NULL);
}

enum err plan_posts_fit(const struct plan *plan, int64_t month, int64_t posts)
{
    int64_t now = plan_month_now();

    return plan_allows(plan, PLAN_POSTS_PER_MONTH, (month == now || month == now + 1 ? posts : 0) + 1) ? OK
                                                                                                       : ERR_PLAN_POSTS;
}

/* A count of the next month is of a machine whose clock is ahead, and still holds. Any other is over. */
static const struct sql counter_sqls[] = {
    /* No row comes of the SELECT when the last place is taken; then nothing is inserted or changed. */
    [COUNTER_TAKE] =
        {.text = "INSERT INTO plan_counters (user_id, month, posts) SELECT ?, GREATEST(?, COALESCE(c.month, 0)),"
                 " COALESCE(c.posts, 0) + 1 FROM (SELECT 1 AS one) n LEFT JOIN plan_counters c ON c.user_id = ?"
                 " AND c.month IN (?, ?) WHERE COALESCE(c.posts, 0) < ?"
                 " ON DUPLICATE KEY UPDATE posts = IF(plan_counters.month = VALUES(month), plan_counters.posts, 0) + 1,"
                 " month = VALUES(month)",
         .in = "uiuiii"},
    [COUNTER_GIVE_BACK] = {.text =
                               "UPDATE posts p JOIN plan_counters c ON c.user_id = p.user_id AND c.month = p.plan_month"
                               " SET c.posts = c.posts - 1, p.plan_month = NULL WHERE p.id = ? AND c.posts > 0"
                               " AND NOT EXISTS (SELECT 1 FROM post_attempts a WHERE a.post_id = p.id"
                               " AND a.state IN ('accepted', 'outcome_unknown'))",
                           .in = "u"},
};
