#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/turn.h"
#include "model/tiktok/account_private.h"

enum {
    ACCOUNT_TOKENS_READ,
    ACCOUNT_TOKENS_LOCK,
    ACCOUNT_TOKENS_STORE,
    ACCOUNT_TOKENS_LEASE,
    ACCOUNT_TOKENS_HOLD,
    ACCOUNT_TOKENS_LOCK_LEASE,
    ACCOUNT_TOKENS_LOOK_LEASE,
    ACCOUNT_TOKENS_END_LEASE,
    ACCOUNT_TOKENS_DEAD
};
static const struct sql account_tokens_sqls[];

struct sealed_row {
    struct str access, refresh;
    int64_t access_expires_at_us, refresh_expires_at_us;
    int mode;
};

void account_tokens_done(struct account_tokens *t)
{
    secret_done(&t->access);
    secret_done(&t->refresh);
    *t = (struct account_tokens){0};
}

struct str account_tokens_place(struct arena *arena, const char *column, int mode, const struct uuid *id)
{
    return arena_printf(arena, "%s.%s:%s", mode == MODE_TEST ? "test_accounts" : "accounts", column, uuid_text(id).s);
}

enum err account_seal(const struct keyring *ring, struct arena *arena, const struct uuid *id,
                      const struct account_tokens *tokens, struct account_sealed *ret_sealed)
{
    struct account_sealed sealed = {0};
    enum err e = OK;

    if (tokens->access.n > 0)
        e = keyring_seal(ring, secret_str(&tokens->access),
                         account_tokens_place(arena, "access_token", tokens->mode, id), arena, &sealed.access);
    if (e == OK && tokens->refresh.n > 0)
        e = keyring_seal(ring, secret_str(&tokens->refresh),
                         account_tokens_place(arena, "refresh_token", tokens->mode, id), arena, &sealed.refresh);
    if (e == OK)
        *ret_sealed = sealed;
    return e;
}

enum err account_open_access(const struct keyring *ring, struct arena *arena, const struct uuid *id, int mode,
                             struct str sealed, struct secret *ret_access)
{
    return keyring_open(ring, sealed, account_tokens_place(arena, "access_token", mode, id), ret_access);
}

/* Each by itself: of one that cannot be opened ret_tokens has nothing, and the error says so. */
static enum err account_tokens_open(struct db *db, struct arena *arena, const struct keyring *ring,
                                    const struct uuid *id, struct account_tokens *ret_tokens)
{
    struct account_tokens tokens = {0};
    struct sealed_row row = {0};

    enum err e = db_row(db, &account_tokens_sqls[ACCOUNT_TOKENS_READ], DB_ARGS(db_uuid(id)), arena, &row);
    if (e != OK)
        return e;
    enum err access = account_open_access(ring, arena, id, row.mode, row.access, &tokens.access);
    enum err refresh =
        keyring_open(ring, row.refresh, account_tokens_place(arena, "refresh_token", row.mode, id), &tokens.refresh);
    tokens.access_expires_at_us = access == OK ? row.access_expires_at_us : 0;
    tokens.refresh_expires_at_us = refresh == OK ? row.refresh_expires_at_us : 0;
    tokens.mode = row.mode;
    *ret_tokens = tokens;
    return access != OK ? access : refresh;
}

enum err account_tokens(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *id,
                        struct account_tokens *ret_tokens)
{
    struct account_tokens tokens = {0};

    enum err e = account_tokens_open(db, arena, ring, id, &tokens);
    if (e == OK)
        *ret_tokens = tokens;
    else
        account_tokens_done(&tokens);
    return e;
}

enum err account_tokens_left(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *id,
                             struct account_tokens *ret_tokens)
{
    struct account_tokens tokens = {0};

    enum err e = account_tokens_open(db, arena, ring, id, &tokens);
    if (e != OK && e != ERR_SEALED)
        return e;
    *ret_tokens = tokens;
    return OK;
}

enum err account_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token, int64_t lapsed_us,
                       int64_t until_us)
{
    enum err e = db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_LEASE],
                           DB_ARGS(db_uuid(lease_token), db_i64(until_us), db_uuid(id), db_i64(lapsed_us),
                                   db_i64(lapsed_us == 0 ? INT64_MAX : lapsed_us + JOB_LEASE_FAR_US)));

    return e == ERR_CONFLICT ? ERR_AGAIN : e;
}

enum err account_hold_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token, int64_t until_us)
{
    enum err e =
        db_lock_now(db, &account_tokens_sqls[ACCOUNT_TOKENS_LOCK_LEASE],
                    &account_tokens_sqls[ACCOUNT_TOKENS_LOOK_LEASE], DB_ARGS(db_uuid(id), db_uuid(lease_token)));

    if (e != OK)
        return e;
    return db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_HOLD],
                     DB_ARGS(db_i64(until_us + JOB_LEASE_FAR_US), db_i64(until_us), db_i64(until_us), db_uuid(id),
                             db_uuid(lease_token)));
}

/* What a new pair cures: TikTok had refused the one before. What the user did not grant, it still does not. */
static bool account_tokens_cure(const struct account *a)
{
    static const char *const reasons[] = {"invalid_grant", "refresh_token_expired", "access_token_invalid",
                                          "access_token_expired"};

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (a->state == ACCOUNT_NEEDS_RECONNECT && str_eqc(a->state_reason, reasons[i]))
            return true;
    return false;
}

struct storing {
    struct arena *arena;
    const struct uuid *id, *lease_token;
    int64_t pair_expires_at_us;
    const struct account_tokens *tokens;
    const struct account_sealed *sealed;
    struct str scopes;
};

static enum err account_tokens_store_tx(struct db *db, void *arg)
{
    const struct storing *x = arg;
    const struct account_tokens *t = x->tokens;
    struct account before = {0};

    enum err e = db_row(db, &account_tokens_sqls[ACCOUNT_TOKENS_LOCK], DB_ARGS(db_uuid(x->id)), x->arena, &before);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    bool cured = account_tokens_cure(&before);
    e = db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_STORE],
                  DB_ARGS(db_bytes(x->sealed->access.p, x->sealed->access.n),
                          db_bytes(x->sealed->refresh.p, x->sealed->refresh.n), db_i64_or_null(t->access_expires_at_us),
                          db_i64_or_null(t->refresh_expires_at_us),
                          db_str(x->scopes.n > 0 ? x->scopes : (struct str){0}), db_i64(clock_now_us()), db_i64(cured),
                          db_i64(cured), db_uuid(x->id), db_cstr(mode_names[t->mode]), db_uuid(x->lease_token),
                          db_i64(x->pair_expires_at_us)));
    if (e != OK || !cured)
        return e;
    return turn_add(db, &UUID_NONE, x->id, clock_now_us(),
                    (struct str){0}); /* whose posts have waited, the turn knows */
}

enum err account_store_tokens(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *id,
                              const struct uuid *lease_token, int64_t pair_expires_at_us,
                              const struct account_tokens *tokens, struct str scopes)
{
    struct account_sealed sealed;
    struct storing x = {arena, id, lease_token, pair_expires_at_us, tokens, &sealed, scopes};

    enum err e = account_seal(ring, arena, id, tokens, &sealed);
    return e == OK ? db_tx(db, account_tokens_store_tx, &x) : e;
}

enum err account_end_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token)
{
    return db_exec(db, &account_tokens_sqls[ACCOUNT_TOKENS_END_LEASE], DB_ARGS(db_uuid(id), db_uuid(lease_token)),
                   NULL);
}

enum err account_needs_reconnect(struct db *db, const struct uuid *id, int64_t pair_expires_at_us, const char *reason)
{
    return db_exec(db, &account_tokens_sqls[ACCOUNT_TOKENS_DEAD],
                   DB_ARGS(db_cstr(reason), db_i64(clock_now_us()), db_uuid(id), db_i64(pair_expires_at_us)), NULL);
}

static const struct db_col account_tokens_sealed_cols[] = {
    DB_COL(struct sealed_row, access, BYTES),
    DB_COL(struct sealed_row, refresh, BYTES),
    DB_COL(struct sealed_row, access_expires_at_us, I64),
    DB_COL(struct sealed_row, refresh_expires_at_us, I64),
    DB_COL_ENUM(struct sealed_row, mode, mode_names),
    DB_END,
};

static const struct db_col account_tokens_lock_cols[] = {DB_COL_ENUM(struct account, state, account_state_names),
                                                         DB_COL(struct account, state_reason, STR), DB_END};

static const struct sql account_tokens_sqls[] = {
    [ACCOUNT_TOKENS_LOCK] = {.text = "SELECT state, state_reason FROM accounts WHERE id = ? FOR UPDATE",
                             .in = "u",
                             .cols = account_tokens_lock_cols},
    [ACCOUNT_TOKENS_READ] =
        {.text = "SELECT access_token, refresh_token, access_expires_at_us, refresh_expires_at_us, mode"
                 " FROM accounts WHERE id = ? AND access_token IS NOT NULL AND refresh_token IS NOT NULL",
         .in = "u",
         .cols = account_tokens_sealed_cols},
    [ACCOUNT_TOKENS_LEASE] =
        {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET lease_token = ?, lease_until_us = ? WHERE id = ?"
                 " AND state <> 'disconnected' AND (lease_until_us IS NULL OR lease_until_us <= ?"
                 " OR lease_until_us > ?)",
         .in = "uiuii"},
    [ACCOUNT_TOKENS_HOLD] = {.text =
                                 "UPDATE accounts FORCE INDEX (PRIMARY) SET lease_until_us = IF(lease_until_us > ?, ?,"
                                 " GREATEST(lease_until_us, ?)) WHERE id = ? AND lease_token = ?",
                             .in = "iiiuu"},
    [ACCOUNT_TOKENS_LOCK_LEASE] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND lease_token = ?"
                                           " FOR UPDATE SKIP LOCKED",
                                   .in = "uu",
                                   .cols = db_number_cols},
    [ACCOUNT_TOKENS_LOOK_LEASE] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND lease_token = ?",
                                   .in = "uu",
                                   .cols = db_number_cols},
    /* What is missing in the answer stays as it was: an empty token is never stored. */
    [ACCOUNT_TOKENS_STORE] = {.text =
                                  "UPDATE accounts FORCE INDEX (PRIMARY) SET access_token = COALESCE(?, access_token),"
                                  " refresh_token = COALESCE(?, refresh_token),"
                                  " access_expires_at_us = COALESCE(?, access_expires_at_us),"
                                  " refresh_expires_at_us = COALESCE(?, refresh_expires_at_us),"
                                  " scopes = COALESCE(?, scopes), updated_at_us = ?, state = IF(?, 'active', state),"
                                  " state_reason = IF(?, NULL, state_reason),"
                                  " lease_token = NULL, lease_until_us = NULL"
                                  " WHERE id = ? AND mode = ? AND (lease_token = ? OR access_expires_at_us = ?)"
                                  " AND state <> 'disconnected'",
                              .in = "bbiisiiiusui"},
    [ACCOUNT_TOKENS_END_LEASE] =
        {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET lease_token = NULL, lease_until_us = NULL WHERE id = ?"
                 " AND lease_token = ?",
         .in = "uu"},
    [ACCOUNT_TOKENS_DEAD] =
        {.text =
             "UPDATE accounts FORCE INDEX (PRIMARY) SET state = 'needs_reconnect', state_reason = ?, updated_at_us = ?"
             " WHERE id = ? AND state = 'active' AND access_expires_at_us = ?",
         .in = "siui"},
};
