#include "model/post/ready.h"

#include "model/post/post_private.h"
#include "model/post/turn.h"

enum { READY_TURNS, READY_POLLS };
static const struct sql ready_sqls[];

enum err ready_turns(struct db *db, struct arena *arena, const struct uuid *account_ids, size_t n, int64_t now_us,
                     struct ready **ret_ready, size_t *ret_n)
{
    struct db_arg args[DB_MANY_MAX + 4] = {db_i64(account_snapshots_from_us())};

    db_many_ids(&args[1], account_ids, n);
    args[DB_MANY_MAX + 1] = args[DB_MANY_MAX + 2] = db_i64(now_us);
    args[DB_MANY_MAX + 3] = db_i64(now_us + TURN_DEFERRED_FAR_US);
    return db_rows(db, &ready_sqls[READY_TURNS], args, ARRAY_LEN(args), arena, sizeof **ret_ready, DB_MANY_MAX,
                   (void **)ret_ready, ret_n);
}

enum err ready_polls(struct db *db, struct arena *arena, const struct uuid *post_ids, size_t n,
                     struct ready **ret_ready, size_t *ret_n)
{
    struct db_arg args[DB_MANY_MAX];

    db_many_ids(args, post_ids, n);
    return db_rows(db, &ready_sqls[READY_POLLS], args, ARRAY_LEN(args), arena, sizeof **ret_ready, DB_MANY_MAX,
                   (void **)ret_ready, ret_n);
}

/* A struct ready begins with its post. */
static const struct db_col ready_turn_cols[] = {POST_DB_COLS,
                                                DB_COL(struct ready, account.id, UUID),
                                                DB_COL_ENUM(struct ready, account.state, account_state_names),
                                                DB_COL(struct ready, account.scopes, STR),
                                                DB_COL(struct ready, account.privacy_level_options, STR),
                                                DB_COL(struct ready, account.snapshot_at_us, I64),
                                                DB_COL(struct ready, access, BYTES),
                                                DB_COL(struct ready, access_expires_at_us, I64),
                                                DB_COL(struct ready, calls, BYTES),
                                                DB_COL(struct ready, request_id, STR),
                                                DB_COL(struct ready, images_n, I64),
                                                DB_END};

static const struct db_col ready_poll_cols[] = {POST_DB_COLS, DB_COL(struct ready, access, BYTES),
                                                DB_COL(struct ready, access_expires_at_us, I64),
                                                DB_COL(struct ready, calls, BYTES), DB_END};

#define READY_TOKENS " a.state = 'active' AND a.access_token IS NOT NULL AND a.refresh_token IS NOT NULL"

static const struct sql ready_sqls[] = {
    /* One row of an index for each part, as in turn.c. */
    [READY_TURNS] =
        {.text = "SELECT " POST_COLS ", a.id, a.state, a.scopes, s.privacy_level_options, s.fetched_at_us,"
                 " a.access_token, a.access_expires_at_us, a.init_calls,"
                 " (SELECT e.request_id FROM post_events e WHERE e.post_id = p.id ORDER BY e.at_us, e.id LIMIT 1),"
                 " (SELECT IF(COUNT(u.deleted_at_us) > 0, 0, COUNT(*)) FROM post_images i"
                 " JOIN uploads u ON u.id = i.upload_id WHERE i.post_id = p.id)"
                 " FROM accounts a JOIN users w ON w.id = a.user_id AND w.state = 'active'"
                 " JOIN posts p ON p.id = (SELECT q.id FROM posts q FORCE INDEX (by_account)"
                 " WHERE q.account_id = a.id AND q.state = 'queued' AND q.id > COALESCE(a.held_to_id, '') ORDER BY "
                 "q.id LIMIT 1)"
                 " LEFT JOIN creator_snapshots s ON s.account_id = a.id AND s.fetched_at_us > ?"
                 " WHERE a.id IN " DB_MANY_IDS " AND a.canceled_to_us IS NULL AND p.mode = a.mode AND" READY_TOKENS
                 " AND p.approved_digest IS NULL AND NOT EXISTS (SELECT 1 FROM key_budgets b WHERE b.key_id = p.key_id)"
                 " AND (p.next_attempt_at_us IS NULL OR p.next_attempt_at_us <= ?)"
                 " AND NOT EXISTS (SELECT 1 FROM posts o FORCE INDEX (by_account)"
                 " WHERE o.account_id = a.id AND o.state = 'publishing')"
                 " AND NOT EXISTS (SELECT 1 FROM posts o FORCE INDEX (by_turn)"
                 " WHERE o.account_id = a.id AND o.state = 'deferred' AND o.id > COALESCE(a.held_to_id, '') AND "
                 "(o.next_attempt_at_us IS NULL"
                 " OR o.next_attempt_at_us <= ? OR o.next_attempt_at_us > ?))"
                 " AND NOT EXISTS (SELECT 1 FROM post_attempts t WHERE t.post_id = p.id)"
                 " AND NOT EXISTS (SELECT 1 FROM jobs_publish j WHERE j.kind = 'publish' AND j.subject_id = p.id"
                 " AND j.state = 'ready')",
         .in = "i" DB_MANY_IDS_IN "iii",
         .cols = ready_turn_cols},
    [READY_POLLS] = {.text = "SELECT " POST_COLS ", a.access_token, a.access_expires_at_us, a.poll_calls"
                             " FROM posts p JOIN accounts a ON a.id = p.account_id"
                             " WHERE p.id IN " DB_MANY_IDS
                             " AND p.state = 'processing' AND p.mode = a.mode AND" READY_TOKENS,
                     .in = DB_MANY_IDS_IN,
                     .cols = ready_poll_cols},
};
