#include "base/clock.h"
#include "model/tiktok/account.h"
#include "model/job/job.h"

#define PURGE_MAX 1000 /* rows a statement; the rest waits for the next round */

enum { ACCOUNT_SNAPSHOT_STORE, ACCOUNT_SNAPSHOT_BLOCK, ACCOUNT_SNAPSHOT_PURGE };
static const struct sql account_snapshot_sqls[];

static struct db_arg account_snapshot_text_or_empty(struct str s)
{
    return db_str(s.p == NULL ? STR("") : s);
}

enum err account_store_snapshot(struct db *db, const struct uuid *account_id, const struct account_snapshot *s)
{
    return db_exec(db, &account_snapshot_sqls[ACCOUNT_SNAPSHOT_STORE],
                   DB_ARGS(account_snapshot_text_or_empty(s->username), account_snapshot_text_or_empty(s->nickname),
                           account_snapshot_text_or_empty(s->privacy_level_options), db_i64(s->comment_disabled),
                           db_str(s->post_block), db_i64(clock_now_us()), db_uuid(account_id)),
                   NULL);
}

enum err account_store_block(struct db *db, const struct uuid *account_id, struct str post_block)
{
    return db_exec(db, &account_snapshot_sqls[ACCOUNT_SNAPSHOT_BLOCK],
                   DB_ARGS(db_str(post_block), db_i64(clock_now_us()), db_uuid(account_id)), NULL);
}

enum err account_purge_snapshots(struct db *db, int64_t now_us)
{
    return db_exec(db, &account_snapshot_sqls[ACCOUNT_SNAPSHOT_PURGE],
                   DB_ARGS(db_i64(now_us - SNAPSHOT_KEPT_US), db_i64(now_us + CLOCKS_DIFFER_US), db_i64(PURGE_MAX)),
                   NULL);
}

struct refresh {
    const struct uuid *account_id;
    struct str request_id;
};

static enum err account_snapshot_refresh_tx(struct db *db, void *arg)
{
    const struct refresh *r = arg;

    return job_add(db, JOB_PUBLISH, "creator", r->account_id, clock_now_us(), r->request_id);
}

enum err account_refresh_snapshot(struct db *db, const struct uuid *account_id, struct str request_id)
{
    struct refresh r = {account_id, request_id};

    return db_tx(db, account_snapshot_refresh_tx, &r);
}

static const struct sql account_snapshot_sqls[] = {
    /* Writes nothing for an account that was disconnected while TikTok answered, or is in this very moment: the lock waits for
     * that transaction, whose DELETE of the snapshot sees no row that comes after it. */
    [ACCOUNT_SNAPSHOT_STORE] =
        {.text = "INSERT INTO creator_snapshots (account_id, username, nickname, privacy_level_options,"
                 " comment_disabled, post_block, fetched_at_us)"
                 " SELECT id, ?, ?, ?, ?, ?, ? FROM accounts WHERE id = ? AND state <> 'disconnected'"
                 " LOCK IN SHARE MODE ON DUPLICATE KEY UPDATE username = VALUES(username), nickname = VALUES(nickname),"
                 " privacy_level_options = VALUES(privacy_level_options),"
                 " comment_disabled = VALUES(comment_disabled), post_block = VALUES(post_block),"
                 " fetched_at_us = VALUES(fetched_at_us)",
         .in = "sssisiu"},
    /* What TikTok said before stays, and stays as old as it is. */
    [ACCOUNT_SNAPSHOT_BLOCK] =
        {.text = "INSERT INTO creator_snapshots (account_id, username, nickname, privacy_level_options,"
                 " comment_disabled, post_block, fetched_at_us)"
                 " SELECT id, '', '', '', 0, ?, ? FROM accounts WHERE id = ? AND state <> 'disconnected'"
                 " LOCK IN SHARE MODE ON DUPLICATE KEY UPDATE post_block = VALUES(post_block),"
                 " fetched_at_us = IF(privacy_level_options = '', VALUES(fetched_at_us), fetched_at_us)",
         .in = "siu"},
    [ACCOUNT_SNAPSHOT_PURGE] = {.text = "DELETE FROM creator_snapshots WHERE fetched_at_us <= ? OR fetched_at_us > ?"
                                        " LIMIT ?",
                                .in = "iii"},
};
