#include "model/key/key_expiring.h"

#include "base/mode.h"
#include "model/mail/notice.h"

enum { KEY_EXPIRING_LIST, KEY_EXPIRING_NOTE };
static const struct sql key_expiring_sqls[];

struct key_expiring {
    struct uuid id, user_id;
    int mode;
    int64_t created_at_us, expires_at_us;
};

static bool key_expiring_is_news(const struct key_expiring *k)
{
    return k->mode == MODE_LIVE && k->expires_at_us - k->created_at_us > KEY_TOLD_BEFORE_US;
}

/* Of two workers one is told by the row that the other one was quicker. */
static enum err key_expiring_tell_tx(struct db *db, void *arg)
{
    const struct key_expiring *k = arg;

    enum err e = db_change(db, &key_expiring_sqls[KEY_EXPIRING_NOTE], DB_ARGS(db_i64(clock_now_us()), db_uuid(&k->id)));
    if (e == OK && key_expiring_is_news(k))
        e = notice_add(db,
                       &(struct notice_new){.kind = NOTICE_KEY_EXPIRING, .user_id = k->user_id, .subject_id = k->id});
    return e == ERR_CONFLICT ? OK : e;
}

enum err key_tell_expiring(struct db *db, struct arena *arena, size_t *ret_n)
{
    int64_t now = clock_now_us();
    struct key_expiring *keys;
    size_t n;

    enum err e = db_rows(db, &key_expiring_sqls[KEY_EXPIRING_LIST],
                         DB_ARGS(db_i64(now), db_i64(now + KEY_TOLD_BEFORE_US), db_i64(KEY_TELL_BATCH)), arena,
                         sizeof *keys, KEY_TELL_BATCH, (void **)&keys, &n);
    for (size_t i = 0; i < n && e == OK; i++)
        e = db_tx(db, key_expiring_tell_tx, &keys[i]);
    if (e == OK)
        *ret_n = n;
    return e;
}

static const struct db_col key_expiring_cols[] = {
    DB_COL(struct key_expiring, id, UUID),
    DB_COL(struct key_expiring, user_id, UUID),
    DB_COL_ENUM(struct key_expiring, mode, mode_names),
    DB_COL(struct key_expiring, created_at_us, I64),
    DB_COL(struct key_expiring, expires_at_us, I64),
    DB_END,
};

static const struct sql key_expiring_sqls[] = {
    /* The rows of old secrets end when their overlap does, which whoever rotated the key has chosen. */
    [KEY_EXPIRING_LIST] = {.text = "SELECT k.id, k.user_id, k.mode, k.created_at_us, k.expires_at_us FROM api_keys k"
                                   " FORCE INDEX (by_expiry_told) STRAIGHT_JOIN users u ON u.id = k.user_id"
                                   " WHERE k.expiry_told_at_us IS NULL AND k.expires_at_us > ? AND k.expires_at_us <= ?"
                                   " AND k.of_key_id IS NULL AND k.revoked_at_us IS NULL AND u.state = 'active'"
                                   " AND u.undeliverable_at_us IS NULL ORDER BY k.expires_at_us LIMIT ?",
                           .in = "iii",
                           .cols = key_expiring_cols},
    [KEY_EXPIRING_NOTE] = {.text = "UPDATE api_keys SET expiry_told_at_us = ? WHERE id = ? AND"
                                   " expiry_told_at_us IS NULL",
                           .in = "iu"},
};
