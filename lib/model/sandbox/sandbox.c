#include "model/sandbox/sandbox.h"

#include "base/clock.h"
#include "crypto/digest.h"

#define WINDOW_US (60 * US_PER_SEC)
#define PURGE_PIECE 500 /* rows a statement, for short locks */
#define CALLS_KEEP_US (3600 * US_PER_SEC)

enum { SANDBOX_CALLER_FIND, SANDBOX_CREATOR_LOCK, SANDBOX_CALLS_COUNT, SANDBOX_CALL_INSERT, SANDBOX_SQLS };
static const struct sql sandbox_sqls[SANDBOX_SQLS];

/* Names and limits a minute, by enum sandbox_call. */
static const struct {
    const char *name;
    int64_t max;
} calls[] = {
    [SANDBOX_CALL_CREATOR_INFO] = {"creator_info", 20},
    [SANDBOX_CALL_INIT] = {"init", 6},
    [SANDBOX_CALL_STATUS] = {"status", 30},
};

bool sandbox_username_is_valid(struct str username)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._";

    if (username.n < 1 || username.n > SANDBOX_USERNAME_MAX)
        return false;
    for (size_t i = 0; i < username.n; i++)
        if (memchr(allowed, username.p[i], sizeof allowed - 1) == NULL)
            return false;
    return true;
}

struct str sandbox_open_id(struct arena *arena, struct str client_key, struct str username)
{
    struct sha256 h = hmac_sha256(client_key, username);
    struct str id = base62_encode(arena, h.b, sizeof h.b);

    return arena_printf(arena, "-000%.*s", STR_FMT(id));
}

struct str sandbox_privacy_options(const struct sandbox_caller *caller)
{
    return caller->private_account ? STR("FOLLOWER_OF_CREATOR,MUTUAL_FOLLOW_FRIENDS,SELF_ONLY")
                                   : STR("PUBLIC_TO_EVERYONE,MUTUAL_FOLLOW_FRIENDS,SELF_ONLY");
}

enum err sandbox_caller_find(struct db *db, struct arena *arena, struct str access, struct sandbox_caller *ret_caller)
{
    struct sha256 hash = sha256_of(access);

    return db_row(db, &sandbox_sqls[SANDBOX_CALLER_FIND],
                  DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us())), arena, ret_caller);
}

struct call_arg {
    struct arena *arena;
    const struct uuid *creator_id;
    enum sandbox_call call;
};

/* The creator's row is locked, so that two calls cannot both take the last place. */
static enum err sandbox_call_take(struct db *db, void *arg)
{
    const struct call_arg *a = arg;
    struct db_arg creator = db_uuid(a->creator_id), kind = db_cstr(calls[a->call].name);
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();
    int64_t count;

    enum err e = db_number(db, &sandbox_sqls[SANDBOX_CREATOR_LOCK], DB_ARGS(creator), &count);
    if (e == OK)
        e = db_number(db, &sandbox_sqls[SANDBOX_CALLS_COUNT],
                      DB_ARGS(creator, kind, db_i64(now - WINDOW_US), db_i64(now)), &count);
    if (e != OK)
        return e;
    if (count >= calls[a->call].max)
        return ERR_RATE_LIMITED;
    return db_exec(db, &sandbox_sqls[SANDBOX_CALL_INSERT], DB_ARGS(db_uuid(&id), creator, kind, db_i64(now)), NULL);
}

enum err sandbox_take_call(struct db *db, struct arena *arena, const struct uuid *creator_id, enum sandbox_call call)
{
    struct call_arg a = {.arena = arena, .creator_id = creator_id, .call = call};

    return db_tx(db, sandbox_call_take, &a);
}

static const struct {
    int64_t keep_us;
    struct sql sql;
} purges[] = {
    {CALLS_KEEP_US, {"DELETE FROM sandbox_calls WHERE at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_images WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_publishes WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_codes WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_tokens WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_grants WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_creators WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_clients WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
};

enum err sandbox_purge(struct db *db, int64_t now_us)
{
    for (size_t i = 0; i < ARRAY_LEN(purges); i++) {
        uint64_t gone = PURGE_PIECE;
        while (gone == PURGE_PIECE) {
            enum err e =
                db_exec(db, &purges[i].sql, DB_ARGS(db_i64(now_us - purges[i].keep_us), db_i64(PURGE_PIECE)), &gone);
            if (e != OK)
                return e;
        }
    }
    return OK;
}

static const struct db_col sandbox_caller_cols[] = {DB_COL(struct sandbox_caller, creator_id, UUID),
                                                    DB_COL(struct sandbox_caller, client_key, STR),
                                                    DB_COL(struct sandbox_caller, scopes, STR),
                                                    DB_COL(struct sandbox_caller, username, STR),
                                                    DB_COL(struct sandbox_caller, post_block, STR),
                                                    DB_COL(struct sandbox_caller, private_account, BOOL),
                                                    DB_COL(struct sandbox_caller, comment_disabled, BOOL),
                                                    DB_END};

static const struct sql sandbox_sqls[SANDBOX_SQLS] = {
    [SANDBOX_CALLER_FIND] = {.text = "SELECT g.creator_id, g.client_key, g.scopes, w.username, w.post_block, "
                                     "w.private_account, w.comment_disabled FROM sandbox_tokens t "
                                     "JOIN sandbox_grants g ON g.id = t.grant_id "
                                     "JOIN sandbox_creators w ON w.id = g.creator_id "
                                     "WHERE t.token_hash = ? AND t.kind = 'access' AND t.expires_at_us > ? "
                                     "AND g.revoked_at_us IS NULL",
                             .in = "bi",
                             .cols = sandbox_caller_cols},
    [SANDBOX_CREATOR_LOCK] = {.text = "SELECT created_at_us FROM sandbox_creators WHERE id = ? FOR UPDATE",
                              .in = "u",
                              .cols = db_number_cols},
    /* Not those of the future: a test may have moved the clock back. */
    [SANDBOX_CALLS_COUNT] = {.text = "SELECT COUNT(*) FROM sandbox_calls "
                                     "WHERE creator_id = ? AND kind = ? AND at_us > ? AND at_us <= ?",
                             .in = "usii",
                             .cols = db_number_cols},
    [SANDBOX_CALL_INSERT] = {.text = "INSERT INTO sandbox_calls (id, creator_id, kind, at_us) VALUES (?, ?, ?, ?)",
                             .in = "uusi"},
};
