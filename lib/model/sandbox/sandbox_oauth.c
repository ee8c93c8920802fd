#include "base/clock.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "model/sandbox/sandbox_hook.h"
#include "model/sandbox/sandbox_publish.h"

enum {
    SANDBOX_OAUTH_CLIENT_BY_KEY,
    SANDBOX_OAUTH_CLIENT_INSERT,
    SANDBOX_OAUTH_CLIENT_RENEW,
    SANDBOX_OAUTH_CREATOR_PUT,
    SANDBOX_OAUTH_CREATOR_ID,
    SANDBOX_OAUTH_CREATOR_RENEW,
    SANDBOX_OAUTH_CODE_INSERT,
    SANDBOX_OAUTH_CODE_LOCK,
    SANDBOX_OAUTH_CODE_USE,
    SANDBOX_OAUTH_GRANT_INSERT,
    SANDBOX_OAUTH_GRANT_RENEW,
    SANDBOX_OAUTH_GRANT_REVOKE,
    SANDBOX_OAUTH_TOKEN_INSERT,
    SANDBOX_OAUTH_TOKEN_LOCK,
    SANDBOX_OAUTH_TOKEN_USE,
    SANDBOX_OAUTH_SQLS
};
static const struct sql sandbox_oauth_sqls[SANDBOX_OAUTH_SQLS];

struct client_row {
    uint8_t secret_hash[SHA256_BYTES];
};

struct code_row {
    struct str client_key, scopes, redirect_uri, username;
    struct uuid creator_id;
    int64_t expires_at_us, used_at_us;
};

struct token_row {
    struct str client_key, scopes, username;
    struct uuid grant_id, creator_id;
    int64_t expires_at_us, used_at_us, revoked_at_us;
};

static struct db_arg sandbox_oauth_hash_arg(struct arena *arena, struct str text)
{
    struct sha256 h = sha256_of(text);

    return db_bytes(arena_str(arena, str_of(h.b, sizeof h.b)).p, sizeof h.b);
}

enum err sandbox_client_check(struct db *db, struct arena *arena, const struct sandbox_client *client)
{
    struct sha256 hash = sha256_of(client->secret);
    struct client_row row;

    enum err e =
        db_row(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CLIENT_BY_KEY], DB_ARGS(db_str(client->key)), arena, &row);
    if (e != OK)
        return e;
    if (!client->is_known && !str_eq_secret(str_of(row.secret_hash, SHA256_BYTES), str_of(hash.b, SHA256_BYTES)))
        return ERR_BAD_CREDENTIALS;
    return db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CLIENT_RENEW],
                   DB_ARGS(db_i64(clock_now_us()), db_str(client->key)), NULL);
}

/* Of two first exchanges at the same time one makes the row, and the other must compare with it. */
static enum err sandbox_oauth_client_bind(struct db *db, struct arena *arena, const struct sandbox_client *client)
{
    struct sha256 hash = sha256_of(client->secret);
    int64_t now = clock_now_us();

    enum err e = sandbox_client_check(db, arena, client);
    if (e != ERR_NOT_FOUND)
        return e;
    e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CLIENT_INSERT],
                DB_ARGS(db_str(client->key), db_bytes(hash.b, sizeof hash.b), db_i64(now), db_i64(now)), NULL);
    return e == ERR_DB_DUPLICATE ? sandbox_client_check(db, arena, client) : e;
}

struct consent_arg {
    struct arena *arena;
    const struct sandbox_consent *consent;
    struct str code;
};

static enum err sandbox_oauth_consent_write(struct db *db, void *arg)
{
    struct consent_arg *a = arg;
    const struct sandbox_consent *c = a->consent;
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();
    struct uuid creator;

    enum err e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CREATOR_PUT],
                         DB_ARGS(db_uuid(&id), db_str(c->username), db_i64(c->private_account),
                                 db_i64(c->comment_disabled), db_str(c->post_block), db_i64(now), db_i64(now)),
                         NULL);
    if (e == OK)
        e = db_row(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CREATOR_ID], DB_ARGS(db_str(c->username)), a->arena, &creator);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CODE_INSERT],
                    DB_ARGS(sandbox_oauth_hash_arg(a->arena, a->code), db_str(c->client_key), db_uuid(&creator),
                            db_str(c->scopes), db_str(c->redirect_uri), db_i64(now), db_i64(now + SANDBOX_CODE_US)),
                    NULL);
    return e;
}

enum err sandbox_consent(struct db *db, struct arena *arena, const struct sandbox_consent *consent,
                         struct str *ret_code)
{
    struct str random = token_new(arena, 32);
    struct consent_arg a = {.arena = arena, .consent = consent};

    /* TikTok's codes have characters that must be decoded, exactly once, before they are exchanged. */
    a.code = arena_printf(arena, "%.*s*0!%d.s1", STR_FMT(random), (int)(1000 + rand_below(9000)));
    enum err e = db_tx(db, sandbox_oauth_consent_write, &a);
    if (e == OK)
        *ret_code = a.code;
    return e;
}

struct token_arg {
    struct arena *arena;
    const struct sandbox_client *client; /* of an exchange */
    struct str client_key, code, redirect_uri, token;
    struct str hooked, username; /* of the end of a grant: sandbox_hook.h */
    int64_t refresh_days;
    struct sandbox_tokens tokens;
};

static enum err sandbox_oauth_pair_insert(struct db *db, struct token_arg *a, int64_t now)
{
    struct sandbox_tokens *t = &a->tokens;
    struct str access = token_new(a->arena, 32), refresh = token_new(a->arena, 32);

    t->access = arena_printf(a->arena, "act.%.*s!s1", STR_FMT(access));
    t->refresh = arena_printf(a->arena, "rft.%.*s!s1", STR_FMT(refresh));
    enum err e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_TOKEN_INSERT],
                         DB_ARGS(sandbox_oauth_hash_arg(a->arena, t->access), db_cstr("access"), db_uuid(&t->grant_id),
                                 db_i64(now), db_i64(now + SANDBOX_ACCESS_SEC * US_PER_SEC)),
                         NULL);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_TOKEN_INSERT],
                    DB_ARGS(sandbox_oauth_hash_arg(a->arena, t->refresh), db_cstr("refresh"), db_uuid(&t->grant_id),
                            db_i64(now), db_i64(now + a->refresh_days * US_PER_DAY)),
                    NULL);
    return e;
}

static enum err sandbox_oauth_exchange(struct db *db, void *arg)
{
    struct token_arg *a = arg;
    struct code_row row;
    int64_t now = clock_now_us();
    struct db_arg hash = sandbox_oauth_hash_arg(a->arena, a->code);

    enum err e = db_row(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CODE_LOCK], DB_ARGS(hash), a->arena, &row);
    if (e == ERR_NOT_FOUND)
        return ERR_BAD_CREDENTIALS;
    if (e != OK)
        return e;
    if (row.used_at_us != 0 || row.expires_at_us <= now || !str_eq(row.client_key, a->client_key) ||
        !str_eq(row.redirect_uri, a->redirect_uri))
        return ERR_BAD_CREDENTIALS;
    a->tokens = (struct sandbox_tokens){.grant_id = uuid_new(), .scopes = row.scopes, .username = row.username};
    e = sandbox_oauth_client_bind(db, a->arena, a->client);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CODE_USE], DB_ARGS(db_i64(now), hash), NULL);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_GRANT_INSERT],
                    DB_ARGS(db_uuid(&a->tokens.grant_id), db_str(row.client_key), db_uuid(&row.creator_id),
                            db_str(row.scopes), db_i64(now), db_i64(now)),
                    NULL);
    if (e == OK)
        e = sandbox_oauth_pair_insert(db, a, now);
    return e;
}

enum err sandbox_exchange(struct db *db, struct arena *arena, const struct sandbox_client *client, struct str code,
                          struct str redirect_uri, int64_t refresh_days, struct sandbox_tokens *ret_tokens)
{
    struct token_arg a = {.arena = arena,
                          .client = client,
                          .client_key = client->key,
                          .code = code,
                          .redirect_uri = redirect_uri,
                          .refresh_days = refresh_days};
    enum err e = db_tx(db, sandbox_oauth_exchange, &a);

    if (e == OK)
        *ret_tokens = a.tokens;
    return e;
}

static enum err sandbox_oauth_token_lock(struct db *db, struct token_arg *a, const char *kind, int64_t now,
                                         struct token_row *ret_row)
{
    enum err e = db_row(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_TOKEN_LOCK],
                        DB_ARGS(sandbox_oauth_hash_arg(a->arena, a->token), db_cstr(kind)), a->arena, ret_row);

    if (e == ERR_NOT_FOUND)
        return ERR_BAD_CREDENTIALS;
    if (e != OK)
        return e;
    if (ret_row->used_at_us != 0 || ret_row->revoked_at_us != 0 || ret_row->expires_at_us <= now ||
        !str_eq(ret_row->client_key, a->client_key))
        return ERR_BAD_CREDENTIALS;
    return OK;
}

static enum err sandbox_oauth_refresh_write(struct db *db, void *arg)
{
    struct token_arg *a = arg;
    struct token_row row;
    int64_t now = clock_now_us();

    enum err e = sandbox_oauth_token_lock(db, a, "refresh", now, &row);
    if (e != OK)
        return e;
    a->tokens = (struct sandbox_tokens){.grant_id = row.grant_id, .scopes = row.scopes, .username = row.username};
    e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_TOKEN_USE],
                DB_ARGS(db_i64(now), sandbox_oauth_hash_arg(a->arena, a->token)), NULL);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_GRANT_RENEW], DB_ARGS(db_i64(now), db_uuid(&row.grant_id)),
                    NULL);
    if (e == OK)
        e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CREATOR_RENEW],
                    DB_ARGS(db_i64(now), db_uuid(&row.creator_id)), NULL);
    if (e == OK)
        e = sandbox_oauth_pair_insert(db, a, now);
    return e;
}

enum err sandbox_refresh(struct db *db, struct arena *arena, struct str client_key, struct str refresh,
                         int64_t refresh_days, struct sandbox_tokens *ret_tokens)
{
    struct token_arg a = {.arena = arena, .client_key = client_key, .token = refresh, .refresh_days = refresh_days};
    enum err e = db_tx(db, sandbox_oauth_refresh_write, &a);

    if (e == OK)
        *ret_tokens = a.tokens;
    return e;
}

static enum err sandbox_oauth_end_grants(struct db *db, const struct token_arg *a, const struct sandbox_hooked *who,
                                         int reason)
{
    int64_t now = clock_now_us();
    uint64_t n;

    enum err e = db_exec(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_GRANT_REVOKE],
                         DB_ARGS(db_i64(now), db_uuid(&who->creator_id), db_str(a->client_key)), &n);
    if (e == OK)
        e = sandbox_publish_orphan(db, &who->creator_id, a->client_key, now);
    return e == OK && n > 0 ? sandbox_hook_removed(db, a->arena, who, reason) : e;
}

static enum err sandbox_oauth_revoke_write(struct db *db, void *arg)
{
    struct token_arg *a = arg;
    struct token_row row;

    enum err e = sandbox_oauth_token_lock(db, a, "access", clock_now_us(), &row);
    if (e != OK)
        return e;
    const struct sandbox_hooked who = {a->hooked, a->client_key, row.creator_id, row.username};
    return sandbox_oauth_end_grants(db, a, &who, SANDBOX_REMOVED_BY_APP);
}

enum err sandbox_revoke(struct db *db, struct arena *arena, struct str client_key, struct str access, struct str hooked)
{
    struct token_arg a = {.arena = arena, .client_key = client_key, .token = access, .hooked = hooked};

    return db_tx(db, sandbox_oauth_revoke_write, &a);
}

static enum err sandbox_oauth_remove_write(struct db *db, void *arg)
{
    struct token_arg *a = arg;
    struct uuid creator;

    enum err e =
        db_row(db, &sandbox_oauth_sqls[SANDBOX_OAUTH_CREATOR_ID], DB_ARGS(db_str(a->username)), a->arena, &creator);
    if (e != OK)
        return e;
    const struct sandbox_hooked who = {a->hooked, a->client_key, creator, a->username};
    return sandbox_oauth_end_grants(db, a, &who, SANDBOX_REMOVED_BY_USER);
}

enum err sandbox_remove(struct db *db, struct arena *arena, struct str client_key, struct str username,
                        struct str hooked)
{
    struct token_arg a = {.arena = arena, .client_key = client_key, .username = username, .hooked = hooked};

    return db_tx(db, sandbox_oauth_remove_write, &a);
}

static const struct db_col sandbox_oauth_client_cols[] = {DB_COL_FIXED(struct client_row, secret_hash), DB_END};
static const struct db_col sandbox_oauth_code_cols[] = {
    DB_COL(struct code_row, client_key, STR),   DB_COL(struct code_row, scopes, STR),
    DB_COL(struct code_row, redirect_uri, STR), DB_COL(struct code_row, username, STR),
    DB_COL(struct code_row, creator_id, UUID),  DB_COL(struct code_row, expires_at_us, I64),
    DB_COL(struct code_row, used_at_us, I64),   DB_END};
static const struct db_col sandbox_oauth_token_cols[] = {DB_COL(struct token_row, client_key, STR),
                                                         DB_COL(struct token_row, scopes, STR),
                                                         DB_COL(struct token_row, username, STR),
                                                         DB_COL(struct token_row, grant_id, UUID),
                                                         DB_COL(struct token_row, creator_id, UUID),
                                                         DB_COL(struct token_row, expires_at_us, I64),
                                                         DB_COL(struct token_row, used_at_us, I64),
                                                         DB_COL(struct token_row, revoked_at_us, I64),
                                                         DB_END};

static const struct sql sandbox_oauth_sqls[SANDBOX_OAUTH_SQLS] = {
    [SANDBOX_OAUTH_CLIENT_BY_KEY] = {.text = "SELECT secret_hash FROM sandbox_clients WHERE client_key = ?",
                                     .in = "s",
                                     .cols = sandbox_oauth_client_cols},
    [SANDBOX_OAUTH_CLIENT_INSERT] =
        {.text = "INSERT INTO sandbox_clients (client_key, secret_hash, created_at_us, renewed_at_us) "
                 "VALUES (?, ?, ?, ?)",
         .in = "sbii"},
    [SANDBOX_OAUTH_CLIENT_RENEW] = {.text = "UPDATE sandbox_clients SET renewed_at_us = ? WHERE client_key = ?",
                                    .in = "is"},
    [SANDBOX_OAUTH_CREATOR_PUT] = {.text =
                                       "INSERT INTO sandbox_creators (id, username, private_account, comment_disabled, "
                                       "post_block, created_at_us, renewed_at_us) VALUES (?, ?, ?, ?, ?, ?, ?) "
                                       "ON DUPLICATE KEY UPDATE private_account = VALUES(private_account), "
                                       "comment_disabled = VALUES(comment_disabled), post_block = VALUES(post_block), "
                                       "renewed_at_us = VALUES(renewed_at_us)",
                                   .in = "usiisii"},
    [SANDBOX_OAUTH_CREATOR_ID] = {.text = "SELECT id FROM sandbox_creators WHERE username = ?",
                                  .in = "s",
                                  .cols = db_uuid_cols},
    [SANDBOX_OAUTH_CREATOR_RENEW] = {.text = "UPDATE sandbox_creators SET renewed_at_us = ? WHERE id = ?", .in = "iu"},
    [SANDBOX_OAUTH_CODE_INSERT] =
        {.text = "INSERT INTO sandbox_codes (code_hash, client_key, creator_id, scopes, redirect_uri, "
                 "created_at_us, expires_at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
         .in = "bsussii"},
    [SANDBOX_OAUTH_CODE_LOCK] = {.text =
                                     "SELECT c.client_key, c.scopes, c.redirect_uri, w.username, c.creator_id, "
                                     "c.expires_at_us, c.used_at_us FROM sandbox_codes c "
                                     "JOIN sandbox_creators w ON w.id = c.creator_id WHERE c.code_hash = ? FOR UPDATE",
                                 .in = "b",
                                 .cols = sandbox_oauth_code_cols},
    [SANDBOX_OAUTH_CODE_USE] = {.text = "UPDATE sandbox_codes SET used_at_us = ? WHERE code_hash = ?", .in = "ib"},
    [SANDBOX_OAUTH_GRANT_INSERT] =
        {.text = "INSERT INTO sandbox_grants (id, client_key, creator_id, scopes, created_at_us, "
                 "renewed_at_us) VALUES (?, ?, ?, ?, ?, ?)",
         .in = "ususii"},
    [SANDBOX_OAUTH_GRANT_RENEW] = {.text = "UPDATE sandbox_grants SET renewed_at_us = ? WHERE id = ?", .in = "iu"},
    [SANDBOX_OAUTH_GRANT_REVOKE] = {.text = "UPDATE sandbox_grants SET revoked_at_us = ? "
                                            "WHERE creator_id = ? AND client_key = ? AND revoked_at_us IS NULL",
                                    .in = "ius"},
    [SANDBOX_OAUTH_TOKEN_INSERT] =
        {.text = "INSERT INTO sandbox_tokens (token_hash, kind, grant_id, created_at_us, expires_at_us) "
                 "VALUES (?, ?, ?, ?, ?)",
         .in = "bsuii"},
    [SANDBOX_OAUTH_TOKEN_LOCK] = {.text =
                                      "SELECT g.client_key, g.scopes, w.username, g.id, g.creator_id, t.expires_at_us, "
                                      "t.used_at_us, g.revoked_at_us FROM sandbox_tokens t "
                                      "JOIN sandbox_grants g ON g.id = t.grant_id "
                                      "JOIN sandbox_creators w ON w.id = g.creator_id "
                                      "WHERE t.token_hash = ? AND t.kind = ? FOR UPDATE",
                                  .in = "bs",
                                  .cols = sandbox_oauth_token_cols},
    [SANDBOX_OAUTH_TOKEN_USE] = {.text = "UPDATE sandbox_tokens SET used_at_us = ? WHERE token_hash = ?", .in = "ib"},
};
