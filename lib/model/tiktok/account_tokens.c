#include "base/clock.h"
#include "model/tiktok/account_private.h"

enum {
    ACCOUNT_TOKENS_READ,
    ACCOUNT_TOKENS_STORE,
    ACCOUNT_TOKENS_LEASE,
    ACCOUNT_TOKENS_HOLD,
    ACCOUNT_TOKENS_END_LEASE,
    ACCOUNT_TOKENS_DEAD
};
static const struct sql account_tokens_sqls[];

struct sealed_row {
    struct str access, refresh;
    int64_t access_expires_at_us, refresh_expires_at_us;
};

void account_tokens_done(struct account_tokens *t)
{
    secret_done(&t->access);
    secret_done(&t->refresh);
    *t = (struct account_tokens){0};
}

static struct str account_tokens_place_of(struct arena *arena, const char *column, const struct uuid *id)
{
    return arena_printf(arena, "accounts.%s:%s", column, uuid_text(id).s);
}

enum err account_seal(const struct keyring *ring, struct arena *arena, const struct uuid *id,
                      const struct account_tokens *tokens, struct account_sealed *ret_sealed)
{
    struct account_sealed sealed = {0};
    enum err e = OK;

    if (tokens->access.n > 0)
        e = keyring_seal(ring, secret_str(&tokens->access), account_tokens_place_of(arena, "access_token", id), arena,
                         &sealed.access);
    if (e == OK && tokens->refresh.n > 0)
        e = keyring_seal(ring, secret_str(&tokens->refresh), account_tokens_place_of(arena, "refresh_token", id), arena,
                         &sealed.refresh);
    if (e == OK)
        *ret_sealed = sealed;
    return e;
}

enum err account_tokens(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *id,
                        struct account_tokens *ret_tokens)
{
    struct account_tokens tokens = {0};
    struct sealed_row row = {0};

    enum err e = db_row(db, &account_tokens_sqls[ACCOUNT_TOKENS_READ], DB_ARGS(db_uuid(id)), arena, &row);
    if (e != OK)
        return e;
    e = keyring_open(ring, row.access, account_tokens_place_of(arena, "access_token", id), &tokens.access);
    if (e == OK)
        e = keyring_open(ring, row.refresh, account_tokens_place_of(arena, "refresh_token", id), &tokens.refresh);
    if (e != OK) {
        account_tokens_done(&tokens);
        return e;
    }
    tokens.access_expires_at_us = row.access_expires_at_us;
    tokens.refresh_expires_at_us = row.refresh_expires_at_us;
    *ret_tokens = tokens;
    return OK;
}

enum err account_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token, int64_t lapsed_us,
                       int64_t until_us)
{
    enum err e = db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_LEASE],
                           DB_ARGS(db_uuid(lease_token), db_i64(until_us), db_uuid(id), db_i64(lapsed_us)));

    return e == ERR_CONFLICT ? ERR_AGAIN : e;
}

enum err account_hold_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token, int64_t until_us)
{
    return db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_HOLD],
                     DB_ARGS(db_i64(until_us), db_uuid(id), db_uuid(lease_token)));
}

enum err account_store_tokens(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *id,
                              const struct uuid *lease_token, int64_t pair_expires_at_us,
                              const struct account_tokens *tokens, struct str scopes)
{
    struct account_sealed sealed;

    enum err e = account_seal(ring, arena, id, tokens, &sealed);
    if (e != OK)
        return e;
    return db_change(db, &account_tokens_sqls[ACCOUNT_TOKENS_STORE],
                     DB_ARGS(db_bytes(sealed.access.p, sealed.access.n), db_bytes(sealed.refresh.p, sealed.refresh.n),
                             db_i64_or_null(tokens->access_expires_at_us),
                             db_i64_or_null(tokens->refresh_expires_at_us),
                             db_str(scopes.n > 0 ? scopes : (struct str){0}), db_i64(clock_now_us()), db_uuid(id),
                             db_uuid(lease_token), db_i64(pair_expires_at_us)));
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
    DB_END,
};

static const struct sql account_tokens_sqls[] = {
    [ACCOUNT_TOKENS_READ] =
        {.text = "SELECT access_token, refresh_token, access_expires_at_us, refresh_expires_at_us"
                 " FROM accounts WHERE id = ? AND access_token IS NOT NULL AND refresh_token IS NOT NULL",
         .in = "u",
         .cols = account_tokens_sealed_cols},
    [ACCOUNT_TOKENS_LEASE] = {.text =
                                  "UPDATE accounts SET lease_token = ?, lease_until_us = ? WHERE id = ?"
                                  " AND state <> 'disconnected' AND (lease_until_us IS NULL OR lease_until_us <= ?)",
                              .in = "uiui"},
    [ACCOUNT_TOKENS_HOLD] = {.text = "UPDATE accounts SET lease_until_us = GREATEST(lease_until_us, ?) WHERE id = ?"
                                     " AND lease_token = ?",
                             .in = "iuu"},
    /* What is missing in the answer stays as it was: an empty token is never stored. */
    [ACCOUNT_TOKENS_STORE] =
        {.text = "UPDATE accounts SET access_token = COALESCE(?, access_token),"
                 " refresh_token = COALESCE(?, refresh_token),"
                 " access_expires_at_us = COALESCE(?, access_expires_at_us),"
                 " refresh_expires_at_us = COALESCE(?, refresh_expires_at_us),"
                 " scopes = COALESCE(?, scopes), updated_at_us = ?, state = 'active', state_reason = NULL,"
                 " lease_token = NULL, lease_until_us = NULL"
                 " WHERE id = ? AND (lease_token = ? OR access_expires_at_us = ?)"
                 " AND state <> 'disconnected'",
         .in = "bbiisiuui"},
    [ACCOUNT_TOKENS_END_LEASE] = {.text = "UPDATE accounts SET lease_token = NULL, lease_until_us = NULL WHERE id = ?"
                                          " AND lease_token = ?",
                                  .in = "uu"},
    [ACCOUNT_TOKENS_DEAD] = {.text =
                                 "UPDATE accounts SET state = 'needs_reconnect', state_reason = ?, updated_at_us = ?"
                                 " WHERE id = ? AND state = 'active' AND access_expires_at_us = ?",
                             .in = "siui"},
};
