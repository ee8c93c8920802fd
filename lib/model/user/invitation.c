#include "model/user/invitation.h"

#include "crypto/digest.h"

#define CODE_BYTES 16

enum { INVITATION_INSERT, INVITATION_EACH, INVITATION_REVOKE, INVITATION_LOOK, INVITATION_USE };
static const struct sql invitation_sqls[];

enum err invitation_create(struct db *db, struct arena *arena, const struct invitation_new *invitation,
                           struct str *ret_code, struct uuid *ret_id)
{
    struct str code = token_new(arena, CODE_BYTES);
    struct sha256 hash = sha256_of(code);
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();

    ASSERT(invitation->uses_max >= 1 && invitation->uses_max <= INVITATION_USES_MAX);
    ASSERT(invitation->lifetime_us > 0 && invitation->lifetime_us <= INVITATION_LIFETIME_MAX_US);
    enum err e = db_exec(db, &invitation_sqls[INVITATION_INSERT],
                         DB_ARGS(db_uuid(&id), db_bytes(hash.b, sizeof hash.b), db_i64(invitation->uses_max),
                                 db_i64(now), db_i64(now + invitation->lifetime_us)),
                         NULL);
    if (e != OK)
        return e;
    *ret_code = code;
    *ret_id = id;
    return OK;
}

enum err invitation_each(struct db *db, enum err (*fn)(const void *invitation, void *arg), void *arg)
{
    return db_each(db, &invitation_sqls[INVITATION_EACH], DB_NO_ARGS, sizeof(struct invitation), fn, arg);
}

enum err invitation_revoke(struct db *db, const struct uuid *id)
{
    enum err e = db_change(db, &invitation_sqls[INVITATION_REVOKE], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)));

    return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
}

enum err invitation_look(struct db *db, struct arena *arena, struct str code, struct uuid *ret_id)
{
    struct sha256 hash = sha256_of(code);

    enum err e = db_row(db, &invitation_sqls[INVITATION_LOOK],
                        DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us())), arena, ret_id);
    return e == ERR_NOT_FOUND ? ERR_INVITATION : e;
}

enum err invitation_use(struct db *db, const struct uuid *id, int64_t registered_at_us)
{
    enum err e = db_change(db, &invitation_sqls[INVITATION_USE], DB_ARGS(db_uuid(id), db_i64(registered_at_us)));

    return e == ERR_CONFLICT ? ERR_INVITATION : e;
}

static const struct db_col invitation_cols[] = {
    DB_COL(struct invitation, id, UUID),
    DB_COL(struct invitation, uses_max, I64),
    DB_COL(struct invitation, uses, I64),
    DB_COL(struct invitation, created_at_us, I64),
    DB_COL(struct invitation, expires_at_us, I64),
    DB_COL(struct invitation, revoked_at_us, I64),
    DB_END,
};

#define INVITATION_IS_GOOD "uses < uses_max AND expires_at_us > ? AND revoked_at_us IS NULL"

static const struct sql invitation_sqls[] = {
    [INVITATION_INSERT] = {.text = "INSERT INTO invitations (id, code_hash, uses_max, created_at_us, expires_at_us)"
                                   " VALUES (?, ?, ?, ?, ?)",
                           .in = "ubiii"},
    [INVITATION_EACH] = {.text = "SELECT id, uses_max, uses, created_at_us, expires_at_us, revoked_at_us"
                                 " FROM invitations WHERE id > ? ORDER BY id LIMIT ?",
                         .in = "ui",
                         .cols = invitation_cols},
    [INVITATION_REVOKE] = {.text = "UPDATE invitations SET revoked_at_us = COALESCE(revoked_at_us, ?) WHERE id = ?",
                           .in = "iu"},
    [INVITATION_LOOK] = {.text = "SELECT id FROM invitations WHERE code_hash = ? AND " INVITATION_IS_GOOD,
                         .in = "bi",
                         .cols = db_uuid_cols},
    [INVITATION_USE] = {.text = "UPDATE invitations SET uses = uses + 1 WHERE id = ? AND " INVITATION_IS_GOOD,
                        .in = "ui"},
};
