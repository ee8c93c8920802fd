#include "model/user/pending.h"

#define TOKEN_BYTES 32
#define ALL_MAX 1000 /* far above PENDING_MAX */

enum {
    PENDING_INSERT,
    PENDING_LOOK,
    PENDING_TRY,
    PENDING_DELETE,
    PENDING_OF_USER,
};
static const struct sql pending_sqls[];

/* All but the newest. Read first and deleted by key: a DELETE of a range would lock the gap into which others insert. */
static enum err pending_delete_beyond(struct db *db, struct arena *arena, const struct uuid *user_id, size_t stay)
{
    struct sha256 *hashes;
    size_t n;

    enum err e =
        db_rows(db, &pending_sqls[PENDING_OF_USER], DB_ARGS(db_uuid(user_id), db_i64((int64_t)stay), db_i64(ALL_MAX)),
                arena, sizeof *hashes, ALL_MAX, (void **)&hashes, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = db_exec(db, &pending_sqls[PENDING_DELETE], DB_ARGS(db_bytes(hashes[i].b, sizeof hashes[i].b)), NULL);
    return e;
}

enum err pending_create(struct db *db, struct arena *arena, const struct uuid *user_id, const struct sha256 *mark,
                        struct str *ret_token, int64_t *ret_expires_at_us)
{
    struct str token = token_new(arena, TOKEN_BYTES);
    struct sha256 hash = sha256_of(token);
    int64_t now = clock_now_us(), expires_at_us = now + PENDING_LIFETIME_US;

    enum err e = pending_delete_beyond(db, arena, user_id, PENDING_MAX - 1);
    if (e == OK)
        e = db_exec(db, &pending_sqls[PENDING_INSERT],
                    DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_uuid(user_id), db_bytes(mark->b, sizeof mark->b),
                            db_i64(now), db_i64(expires_at_us)),
                    NULL);
    if (e == OK) {
        *ret_token = token;
        *ret_expires_at_us = expires_at_us;
    }
    return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e; /* nobody has the token, so it is as if there were none */
}

enum err pending_look(struct db *db, struct arena *arena, struct str token, struct pending *ret_pending)
{
    struct sha256 hash = sha256_of(token);

    enum err e = db_row(db, &pending_sqls[PENDING_LOOK],
                        DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us()), db_i64(PENDING_TRIES_MAX)),
                        arena, ret_pending);
    return e == ERR_NOT_FOUND ? ERR_SIGN_IN_ENDED : e;
}

static enum err pending_change(struct db *db, const struct sql *q, const struct db_arg *args, size_t n)
{
    enum err e = db_change(db, q, args, n);

    return e == ERR_CONFLICT ? ERR_SIGN_IN_ENDED : e;
}

enum err pending_try(struct db *db, struct str token)
{
    struct sha256 hash = sha256_of(token);

    return pending_change(db, &pending_sqls[PENDING_TRY],
                          DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us()), db_i64(PENDING_TRIES_MAX)));
}

enum err pending_end(struct db *db, struct str token)
{
    struct sha256 hash = sha256_of(token);

    return pending_change(db, &pending_sqls[PENDING_DELETE], DB_ARGS(db_bytes(hash.b, sizeof hash.b)));
}

enum err pending_end_all(struct db *db, struct arena *arena, const struct uuid *user_id)
{
    return pending_delete_beyond(db, arena, user_id, 0);
}

static const struct db_col pending_cols[] = {
    DB_COL(struct pending, user_id, UUID),
    DB_COL_FIXED(struct pending, mark),
    DB_COL(struct pending, tries, I64),
    DB_END,
};

static const struct db_col pending_hash_cols[] = {DB_COL_FIXED(struct sha256, b), DB_END};

static const struct sql pending_sqls[] = {
    [PENDING_INSERT] = {.text = "INSERT INTO pending_sign_ins (token_hash, user_id, password_mark, created_at_us,"
                                " expires_at_us) VALUES (?, ?, ?, ?, ?)",
                        .in = "bubii"},
    [PENDING_LOOK] = {.text = "SELECT user_id, password_mark, tries FROM pending_sign_ins WHERE token_hash = ?"
                              " AND expires_at_us > ? AND tries < ?",
                      .in = "bii",
                      .cols = pending_cols},
    [PENDING_TRY] = {.text = "UPDATE pending_sign_ins SET tries = tries + 1 WHERE token_hash = ? AND expires_at_us > ?"
                             " AND tries < ?",
                     .in = "bii"},
    [PENDING_DELETE] = {.text = "DELETE FROM pending_sign_ins WHERE token_hash = ?", .in = "b"},
    [PENDING_OF_USER] = {.text = "SELECT token_hash FROM pending_sign_ins WHERE user_id = ? ORDER BY created_at_us DESC"
                                 " LIMIT ?, ?",
                         .in = "uii",
                         .cols = pending_hash_cols},
};
