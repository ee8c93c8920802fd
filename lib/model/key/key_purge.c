/* The end of keys that ended long ago. */
#include "model/key/key.h"

enum { KEY_PURGE_REVOKED, KEY_PURGE_EXPIRED, KEY_PURGE_DELETE };
static const struct sql key_purge_sqls[];

/* Read first and deleted by id: a DELETE of a range would hold what a request is about to change. */
static enum err key_purge_some(struct db *db, struct arena *arena, int which, int64_t before_us, size_t max,
                               size_t *ret_n)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &key_purge_sqls[which], DB_ARGS(db_i64(before_us), db_i64((int64_t)max)), arena,
                         sizeof *ids, max, (void **)&ids, &n);
    for (size_t i = 0; i < n && e == OK; i++)
        e = db_exec(db, &key_purge_sqls[KEY_PURGE_DELETE], DB_ARGS(db_uuid(&ids[i])), NULL);
    if (e == OK)
        *ret_n = n;
    return e;
}

enum err key_purge(struct db *db, struct arena *arena, int64_t before_us, size_t max, size_t *ret_n)
{
    size_t revoked, expired = 0;

    enum err e = key_purge_some(db, arena, KEY_PURGE_REVOKED, before_us, max, &revoked);
    if (e == OK && revoked < max)
        e = key_purge_some(db, arena, KEY_PURGE_EXPIRED, before_us, max - revoked, &expired);
    if (e == OK)
        *ret_n = revoked + expired;
    return e;
}

static const struct sql key_purge_sqls[] = {
    [KEY_PURGE_REVOKED] = {.text = "SELECT id FROM api_keys WHERE revoked_at_us < ? ORDER BY revoked_at_us LIMIT ?",
                           .in = "ii",
                           .cols = db_uuid_cols},
    [KEY_PURGE_EXPIRED] = {.text = "SELECT id FROM api_keys WHERE expires_at_us < ? ORDER BY expires_at_us LIMIT ?",
                           .in = "ii",
                           .cols = db_uuid_cols},
    [KEY_PURGE_DELETE] = {.text = "DELETE FROM api_keys WHERE id = ?", .in = "u"},
};
