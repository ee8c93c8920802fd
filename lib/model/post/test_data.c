#include "model/post/test_data.h"

#include "base/retention.h"

#define KEPT_US RETENTION_US(TEST_DATA)

enum {
    TEST_DATA_POSTS,
    TEST_DATA_ACCOUNTS,
    TEST_DATA_UPLOADS,
    TEST_DATA_END_POST,
    TEST_DATA_END_SNAPSHOT,
    TEST_DATA_END_ACCOUNT,
    TEST_DATA_END_UPLOAD
};
static const struct sql test_data_sqls[];

static enum err test_data_end_post(struct db *db, void *id)
{
    return db_exec(db, &test_data_sqls[TEST_DATA_END_POST], DB_ARGS(db_uuid(id)), NULL);
}

static enum err test_data_end_account(struct db *db, void *id)
{
    enum err e = db_exec(db, &test_data_sqls[TEST_DATA_END_SNAPSHOT], DB_ARGS(db_uuid(id)), NULL);

    return e == OK ? db_exec(db, &test_data_sqls[TEST_DATA_END_ACCOUNT], DB_ARGS(db_uuid(id)), NULL) : e;
}

static enum err test_data_end_upload(struct db *db, void *id)
{
    return db_exec(db, &test_data_sqls[TEST_DATA_END_UPLOAD], DB_ARGS(db_uuid(id)), NULL);
}

/* One of the three kinds of things; each thing in a transaction of its own. */
static enum err test_data_end(struct db *db, struct arena *arena, int due, struct db_arg from,
                              enum err (*end)(struct db *db, void *id), bool *more)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &test_data_sqls[due], DB_ARGS(from, db_i64(TEST_DATA_BATCH)), arena, sizeof *ids,
                         TEST_DATA_BATCH, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = db_tx(db, end, &ids[i]);
    *more = *more || (e == OK && n == TEST_DATA_BATCH);
    return e;
}

enum err test_data_purge(struct db *db, struct arena *arena, int64_t now_us, bool *ret_more)
{
    struct uuid below = uuid_floor(now_us - KEPT_US);
    bool more = false;

    enum err e = test_data_end(db, arena, TEST_DATA_POSTS, db_uuid(&below), test_data_end_post, &more);
    if (e == OK)
        e = test_data_end(db, arena, TEST_DATA_ACCOUNTS, db_i64(now_us - KEPT_US), test_data_end_account, &more);
    if (e == OK)
        e = test_data_end(db, arena, TEST_DATA_UPLOADS, db_uuid(&below), test_data_end_upload, &more);
    *ret_more = more;
    return e;
}

static const struct sql test_data_sqls[] = {
    /* Along the test accounts, which are few, and in each along its posts, oldest first. */
    [TEST_DATA_POSTS] = {.text = "SELECT p.id FROM accounts a FORCE INDEX (by_mode_id) JOIN posts p FORCE INDEX"
                                 " (by_account_mode) ON p.account_id = a.id AND p.mode = 'test' AND p.id < ?"
                                 " WHERE a.mode = 'test' AND p.ended_at_us IS NOT NULL LIMIT ?",
                         .in = "ui",
                         .cols = db_uuid_cols},
    [TEST_DATA_ACCOUNTS] = {.text = "SELECT a.id FROM accounts a FORCE INDEX (by_mode_id) WHERE a.mode = 'test'"
                                    " AND a.connected_at_us < ? AND NOT EXISTS (SELECT 1 FROM posts p"
                                    " WHERE p.account_id = a.id) LIMIT ?",
                            .in = "ii",
                            .cols = db_uuid_cols},
    /* Those whose file is gone, and that no post shows any more. */
    [TEST_DATA_UPLOADS] = {.text = "SELECT u.id FROM uploads u FORCE INDEX (by_mode_id) WHERE u.mode = 'test'"
                                   " AND u.id < ? AND u.deleted_at_us IS NOT NULL AND NOT EXISTS (SELECT 1"
                                   " FROM post_images i WHERE i.upload_id = u.id) LIMIT ?",
                           .in = "ui",
                           .cols = db_uuid_cols},
    /* Its receipt goes with it: posts_test_gone in sql/. */
    [TEST_DATA_END_POST] = {.text = "DELETE FROM test_posts WHERE id = ?", .in = "u"},
    [TEST_DATA_END_SNAPSHOT] = {.text = "DELETE FROM creator_snapshots WHERE account_id = ?", .in = "u"},
    [TEST_DATA_END_ACCOUNT] = {.text = "DELETE FROM test_accounts WHERE id = ?", .in = "u"},
    [TEST_DATA_END_UPLOAD] = {.text = "DELETE FROM test_uploads WHERE id = ?", .in = "u"},
};
