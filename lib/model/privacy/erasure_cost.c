/* What an erasure costs, and what it leaves. */
#include "base/buf.h"
#include "base/mode.h"
#include "model/post/post.h"
#include "model/privacy/erasure_private.h"

#define LEFT_MAX 8 /* addresses in a mail, whose parameters have 2000 characters */
#define LEFT_BYTES 1500

static const struct sql erasure_cost_sql, erasure_left_sql;

enum err erasure_cost(struct db *db, struct arena *arena, const struct uuid *user_id, struct erasure_cost *ret_cost)
{
    return db_row(db, &erasure_cost_sql, DB_ARGS(db_uuid(user_id)), arena, ret_cost);
}

struct left_post {
    struct str username, ids;
    int64_t n; /* of all that have an id */
};

static struct str erasure_left_address(struct arena *arena, const struct conf *conf, const struct left_post *p)
{
    struct str id, ids = p->ids;

    (void)str_next(&ids, ',', &id);
    struct str url = post_url(arena, conf, MODE_LIVE, p->username, id);
    return url.p != NULL ? url : arena_printf(arena, "TikTok's id %.*s", STR_FMT(id));
}

enum err erasure_posts_left(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                            struct str *ret_addresses, struct str *ret_why)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(LEFT_BYTES);
    struct left_post *v;
    size_t n;

    enum err e =
        db_rows(db, &erasure_left_sql,
                DB_ARGS(db_uuid(user_id), db_i64(account_snapshots_from_us()), db_uuid(user_id), db_i64(LEFT_MAX)),
                arena, sizeof *v, LEFT_MAX, (void **)&v, &n);
    if (e != OK || n == 0)
        return e;
    size_t told = 0;
    for (; told < n; told++) {
        struct str address = erasure_left_address(arena, conf, &v[told]);
        if (b.n + address.n + 2 > LEFT_BYTES)
            break;
        buf_printf(&b, "%s%.*s", told == 0 ? "" : ", ", STR_FMT(address));
    }
    *ret_addresses = arena_str(arena, buf_str(&b));
    *ret_why = (int64_t)told == v[0].n
                   ? STR("These stay at TikTok, where only you can delete them:")
                   : arena_printf(arena,
                                  "%lld posts stay at TikTok, where only you can delete them. An export that you made "
                                  "before has them all; the newest are:",
                                  (long long)v[0].n);
    return OK;
}

static const struct db_col erasure_left_cols[] = {DB_COL(struct left_post, username, STR),
                                                  DB_COL(struct left_post, ids, STR), DB_COL(struct left_post, n, I64),
                                                  DB_END};

#define LEFT_ARE "user_id = ? AND mode = 'live' AND state = 'published' AND tiktok_post_ids IS NOT NULL"

static const struct sql erasure_left_sql = {
    .text = "SELECT s.username, p.tiktok_post_ids, (SELECT COUNT(*) FROM posts WHERE " LEFT_ARE ") FROM posts p"
            " LEFT JOIN creator_snapshots s ON s.account_id = p.account_id AND s.fetched_at_us > ? WHERE p." LEFT_ARE
            " ORDER BY p.id DESC LIMIT ?",
    .in = "uiui",
    .cols = erasure_left_cols,
};

static const struct db_col erasure_cost_cols[] = {
    DB_COL(struct erasure_cost, email, STR),         DB_COL(struct erasure_cost, plan, STR),
    DB_COL(struct erasure_cost, plan_until_us, I64), DB_COL(struct erasure_cost, accounts, I64),
    DB_COL(struct erasure_cost, keys, I64),          DB_COL(struct erasure_cost, images, I64),
    DB_COL(struct erasure_cost, posts_waiting, I64), DB_COL(struct erasure_cost, posts_at_tiktok, I64),
    DB_COL(struct erasure_cost, posts, I64),         DB_END,
};

/* Each along an index that begins with the user. What users.subscribed_until_us has is no paid time, but the days of grace of a bill that is
 * not paid; nor is a trial. */
static const struct sql erasure_cost_sql = {
    .text =
        "SELECT u.email, u.subscribed_plan,"
        " (SELECT s.period_end_us FROM subscriptions s WHERE s.user_id = u.id AND s.status = 'active'),"
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
