#include "model/tiktok/oauth_state.h"

#include "base/clock.h"
#include "crypto/digest.h"

#define STATE_BYTES 32
#define TEST_STATE "test." /* before those bytes; a live state has no such character */
#define SWEEP_MAX 10       /* each new one removes more old ones than it adds, so they never pile up */

enum { OAUTH_STATE_INSERT, OAUTH_STATE_LOOK, OAUTH_STATE_TAKE, OAUTH_STATE_OVER, OAUTH_STATE_DELETE };
static const struct sql oauth_state_sqls[];

/* Read first and deleted by key: a DELETE of the range would lock the gap into which others insert. */
static enum err oauth_state_sweep(struct db *db, struct arena *arena, int64_t now)
{
    void *rows;
    size_t n;
    enum err e = db_rows(db, &oauth_state_sqls[OAUTH_STATE_OVER], DB_ARGS(db_i64(now), db_i64(SWEEP_MAX)), arena,
                         sizeof(struct sha256), SWEEP_MAX, &rows, &n);

    for (size_t i = 0; e == OK && i < n; i++)
        e = db_exec(db, &oauth_state_sqls[OAUTH_STATE_DELETE],
                    DB_ARGS(db_bytes(((struct sha256 *)rows)[i].b, SHA256_BYTES)), NULL);
    return e;
}

enum err oauth_state_add(struct db *db, struct arena *arena, const struct uuid *session_id, const struct uuid *user_id,
                         int mode, struct str *ret_state)
{
    struct str random = token_new(arena, STATE_BYTES);
    struct str state = arena_printf(arena, "%s%.*s", mode == MODE_TEST ? TEST_STATE : "", STR_FMT(random));
    struct sha256 hash = sha256_of(state);
    int64_t now = clock_now_us();

    enum err e = oauth_state_sweep(db, arena, now);
    if (e != OK)
        return e;
    e = db_exec(db, &oauth_state_sqls[OAUTH_STATE_INSERT],
                DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_uuid(session_id), db_uuid(user_id),
                        db_i64(now + OAUTH_STATE_TTL_US)),
                NULL);
    if (e == OK)
        *ret_state = state;
    return e;
}

enum err oauth_state_look(struct db *db, const struct uuid *session_id, struct str state, int *ret_mode)
{
    struct sha256 hash = sha256_of(state);
    int64_t n;
    enum err e = db_number(db, &oauth_state_sqls[OAUTH_STATE_LOOK],
                           DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_uuid(session_id), db_i64(clock_now_us())), &n);

    if (e == OK)
        *ret_mode = str_starts(state, STR(TEST_STATE)) ? MODE_TEST : MODE_LIVE;
    return e == ERR_NOT_FOUND ? ERR_STATE_INVALID : e;
}

enum err oauth_state_take(struct db *db, const struct uuid *session_id, struct str state)
{
    struct sha256 hash = sha256_of(state);
    enum err e = db_change(db, &oauth_state_sqls[OAUTH_STATE_TAKE],
                           DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_uuid(session_id), db_i64(clock_now_us())));

    return e == ERR_CONFLICT ? ERR_STATE_INVALID : e;
}

static const struct db_col oauth_state_hash_cols[] = {DB_COL_FIXED(struct sha256, b), DB_END};

static const struct sql oauth_state_sqls[] = {
    [OAUTH_STATE_INSERT] = {.text = "INSERT INTO oauth_states (state_hash, session_id, user_id, expires_at_us)"
                                    " VALUES (?, ?, ?, ?)",
                            .in = "buui"},
    [OAUTH_STATE_LOOK] =
        {.text = "SELECT 1 FROM oauth_states WHERE state_hash = ? AND session_id = ? AND expires_at_us > ?",
         .in = "bui",
         .cols = db_number_cols},
    [OAUTH_STATE_TAKE] = {.text =
                              "DELETE FROM oauth_states WHERE state_hash = ? AND session_id = ? AND expires_at_us > ?",
                          .in = "bui"},
    [OAUTH_STATE_OVER] = {.text = "SELECT state_hash FROM oauth_states WHERE expires_at_us <= ? ORDER BY expires_at_us"
                                  " LIMIT ?",
                          .in = "ii",
                          .cols = oauth_state_hash_cols},
    [OAUTH_STATE_DELETE] = {.text = "DELETE FROM oauth_states WHERE state_hash = ?", .in = "b"},
};
