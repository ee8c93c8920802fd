#include "base/mode.h"
#include "model/privacy/erasure.h"

static const struct sql erasure_cost_sql;

enum err erasure_cost(struct db *db, struct arena *arena, const struct uuid *user_id, struct erasure_cost *ret_cost)
{
    return db_row(db, &erasure_cost_sql, DB_ARGS(db_uuid(user_id)), arena, ret_cost);
}

static const struct db_col erasure_cost_cols[] = {
    DB_COL(struct erasure_cost, email, STR),         DB_COL(struct erasure_cost, plan, STR),
    DB_COL(struct erasure_cost, plan_until_us, I64), DB_COL(struct erasure_cost, accounts, I64),
    DB_COL(struct erasure_cost, keys, I64),          DB_COL(struct erasure_cost, images, I64),
    DB_COL(struct erasure_cost, posts_waiting, I64), DB_COL(struct erasure_cost, posts_at_tiktok, I64),
    DB_COL(struct erasure_cost, posts, I64),         DB_END,
};

/* Each along an index that begins with the user. */
static const struct sql erasure_cost_sql = {
    .text =
        "SELECT u.email, u.subscribed_plan, u.subscribed_until_us,"
        " (SELECT COUNT(*) FROM accounts a WHERE a.user_id = u.id AND a.state <> 'disconnected'),"
        " (SELECT COUNT(*) FROM api_keys k WHERE k.user_id = u.id AND k.revoked_at_us IS NULL AND k.of_key_id IS NULL),"
        " (SELECT COUNT(*) FROM uploads i WHERE i.user_id = u.id AND i.deleted_at_us IS NULL),"
        " (SELECT COUNT(*) FROM posts p WHERE p.user_id = u.id AND p.ended_at_us IS NULL"
        " AND p.state NOT IN ('publishing', 'processing')),"
        " (SELECT COUNT(*) FROM posts p WHERE p.user_id = u.id AND p.mode = 'live'"
        " AND p.state IN ('published', 'in_inbox', 'publishing', 'processing')),"
        " (SELECT COUNT(*) FROM posts p WHERE p.user_id = u.id) FROM users u WHERE u.id = ?",
    .in = "u",
    .cols = erasure_cost_cols,
};
