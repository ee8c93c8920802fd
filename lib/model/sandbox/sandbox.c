#include "model/sandbox/sandbox.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "db/window.h"

#define PURGE_PIECE 500 /* rows a statement, for short locks */
#define PERIOD_US (60 * US_PER_SEC)

static const struct sql sandbox_find_caller;

#define SANDBOX_KEEP_TEST_US (31 * US_PER_DAY) /* a day longer than the account that it is for */
static const struct sql sandbox_find_test = {
    .text =
        "SELECT id FROM sandbox_creators WHERE username LIKE '" SANDBOX_TEST_PREFIX "%' AND renewed_at_us < ? LIMIT ?",
    .in = "ii",
    .cols = db_uuid_cols};
static const struct sql sandbox_end_grants = {"DELETE FROM sandbox_grants WHERE creator_id = ?", "u", NULL};
static const struct sql sandbox_end_creator = {"DELETE FROM sandbox_creators WHERE id = ?", "u", NULL};

/* How many: docs/tiktok.md#limits. */
static const struct db_window sandbox_windows[] = {
    [SANDBOX_CALL_CREATOR_INFO] = DB_WINDOW("sandbox_creators", "info_calls", 20, PERIOD_US),
    [SANDBOX_CALL_INIT] = DB_WINDOW("sandbox_creators", "init_calls", 6, PERIOD_US),
    [SANDBOX_CALL_STATUS] = DB_WINDOW("sandbox_creators", "status_calls", 30, PERIOD_US),
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

    return db_row(db, &sandbox_find_caller, DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us())), arena,
                  ret_caller);
}

enum err sandbox_take_call(struct db *db, struct arena *arena, const struct uuid *creator_id, enum sandbox_call call)
{
    int64_t free_at_us;
    enum err e = db_window_take(db, arena, &sandbox_windows[call], creator_id, clock_now_us(), &free_at_us);

    return e == ERR_AGAIN ? ERR_RATE_LIMITED : e;
}

static const struct {
    int64_t keep_us;
    struct sql sql;
} sandbox_purges[] = {
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_images WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_publishes WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_codes WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_US, {"DELETE FROM sandbox_stripe_events WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {US_PER_DAY, {"DELETE FROM sandbox_stripe_calls WHERE created_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_CONNECTION_US, {"DELETE FROM sandbox_stripe_checkouts WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_CONNECTION_US,
     {"DELETE FROM sandbox_stripe_customers WHERE renewed_at_us < ? AND NOT EXISTS (SELECT 1 FROM "
      "sandbox_stripe_checkouts c WHERE c.customer_id = sandbox_stripe_customers.id) LIMIT ?",
      "ii", NULL}},
    {US_PER_DAY, {"DELETE FROM sandbox_tokens WHERE expires_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_CONNECTION_US, {"DELETE FROM sandbox_grants WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_CONNECTION_US, {"DELETE FROM sandbox_creators WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
    {SANDBOX_KEEP_CONNECTION_US, {"DELETE FROM sandbox_clients WHERE renewed_at_us < ? LIMIT ?", "ii", NULL}},
};

/* Those of test accounts, which end 30 days after they were last used (post/test_data.h); and what they had granted. */
static enum err sandbox_purge_test(struct db *db, struct arena *arena, int64_t now_us)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &sandbox_find_test, DB_ARGS(db_i64(now_us - SANDBOX_KEEP_TEST_US), db_i64(PURGE_PIECE)),
                         arena, sizeof *ids, PURGE_PIECE, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = db_exec(db, &sandbox_end_grants, DB_ARGS(db_uuid(&ids[i])), NULL);
        if (e == OK)
            e = db_exec(db, &sandbox_end_creator, DB_ARGS(db_uuid(&ids[i])), NULL);
    }
    return e;
}

enum err sandbox_purge(struct db *db, struct arena *arena, int64_t now_us)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_purges); i++) {
        uint64_t gone = PURGE_PIECE;
        while (gone == PURGE_PIECE) {
            enum err e = db_exec(db, &sandbox_purges[i].sql,
                                 DB_ARGS(db_i64(now_us - sandbox_purges[i].keep_us), db_i64(PURGE_PIECE)), &gone);
            if (e != OK)
                return e;
        }
    }
    return sandbox_purge_test(db, arena, now_us);
}

static const struct db_col sandbox_caller_cols[] = {DB_COL(struct sandbox_caller, creator_id, UUID),
                                                    DB_COL(struct sandbox_caller, client_key, STR),
                                                    DB_COL(struct sandbox_caller, scopes, STR),
                                                    DB_COL(struct sandbox_caller, username, STR),
                                                    DB_COL(struct sandbox_caller, post_block, STR),
                                                    DB_COL(struct sandbox_caller, private_account, BOOL),
                                                    DB_COL(struct sandbox_caller, comment_disabled, BOOL),
                                                    DB_END};

static const struct sql sandbox_find_caller = {
    .text = "SELECT g.creator_id, g.client_key, g.scopes, w.username, w.post_block, w.private_account, "
            "w.comment_disabled FROM sandbox_tokens t JOIN sandbox_grants g ON g.id = t.grant_id "
            "JOIN sandbox_creators w ON w.id = g.creator_id "
            "WHERE t.token_hash = ? AND t.kind = 'access' AND t.expires_at_us > ? AND g.revoked_at_us IS NULL",
    .in = "bi",
    .cols = sandbox_caller_cols};
