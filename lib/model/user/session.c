#include "model/user/session.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "model/user/activity.h"
#include "model/user/caps.h"
#include "model/user/session_private.h"
#include "model/user/user.h"

#define TOKEN_BYTES 32
#define SEEN_EVERY_US (60 * US_PER_SEC)
#define SWEEP_MAX 10   /* each sign-in removes more expired sessions than it adds, so they never pile up */
#define CROWD_MAX 1000 /* of a user who has far too many, the rest goes with the next sign-in */

enum {
    SESSION_INSERT,
    SESSION_BY_TOKEN,
    SESSION_BY_OLD_TOKEN,
    SESSION_SEEN,
    SESSION_GIVE_TOKEN,
    SESSION_DELETE,
    SESSION_DELETE_BY_TOKEN,
    SESSION_OVER,
    SESSION_OVER_OF_USER,
    SESSION_CROWD,
};
static const struct sql session_sqls[];

int64_t session_lifetime_sec(const struct conf *conf)
{
    return conf->session_absolute_hours * 3600;
}

int64_t session_idle_us(const struct conf *conf)
{
    return conf->session_idle_hours * 3600 * US_PER_SEC;
}

/* One that was not over, and that its user has not ended. */
static enum err session_note_ended(struct db *db, const struct uuid *user_id)
{
    return activity_add(
        db, &(struct activity_new){.user_id = *user_id, .what = ACTIVITY_SESSION_ENDED, .by = ACTIVITY_BY_SERVICE});
}

/* Ends those that a statement names, and says how many. Read first and deleted by id: a DELETE of a range would lock the gap
 * into which others insert. */
static enum err session_end_all(struct db *db, struct arena *arena, const struct sql *q, const struct db_arg *args,
                                size_t args_n, size_t max, size_t *ret_n)
{
    struct uuid *ids;
    enum err e = db_rows(db, q, args, args_n, arena, sizeof *ids, max, (void **)&ids, ret_n);

    for (size_t i = 0; e == OK && i < *ret_n; i++)
        e = session_end(db, &ids[i]);
    return e;
}

static enum err session_sweep(struct db *db, struct arena *arena, int64_t now)
{
    size_t n;

    return session_end_all(db, arena, &session_sqls[SESSION_OVER], DB_ARGS(db_i64(now), db_i64(SWEEP_MAX)), SWEEP_MAX,
                           &n);
}

struct session_creation {
    struct arena *arena;
    const struct conf *conf;
    const struct session_new *new;
    struct str token;
};

static enum err session_end_by_token(struct db *db, struct str token)
{
    struct sha256 hash = sha256_of(token);

    return db_exec(db, &session_sqls[SESSION_DELETE_BY_TOKEN], DB_ARGS(db_bytes(hash.b, sizeof hash.b)), NULL);
}

/* Under the user's lock: those of the user that are over, and those beyond the cap that were not used for longest. */
static enum err session_make_room(struct db *db, const struct session_creation *s, int64_t now)
{
    int64_t stay = cap_max(s->conf, CAP_SESSIONS) - 1;
    size_t n = 0;

    enum err e = session_end_all(
        db, s->arena, &session_sqls[SESSION_OVER_OF_USER],
        DB_ARGS(db_uuid(s->new->user_id), db_i64(now), db_i64(now - session_idle_us(s->conf)), db_i64(CROWD_MAX)),
        CROWD_MAX, &n);
    if (e == OK)
        e = session_end_all(db, s->arena, &session_sqls[SESSION_CROWD],
                            DB_ARGS(db_uuid(s->new->user_id), db_i64(stay), db_i64(CROWD_MAX)), CROWD_MAX, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = session_note_ended(db, s->new->user_id);
    return e;
}

static enum err session_insert(struct db *db, const struct session_creation *s, enum user_state state, int64_t now)
{
    struct sha256 hash = sha256_of(s->token);
    struct uuid id = uuid_new();

    return db_exec(db, &session_sqls[SESSION_INSERT],
                   DB_ARGS(db_uuid(&id), db_bytes(hash.b, sizeof hash.b), db_cstr(user_state_names[state]), db_i64(now),
                           db_i64(now), db_i64(now + session_lifetime_sec(s->conf) * US_PER_SEC),
                           db_uuid(s->new->user_id)),
                   NULL);
}

static enum err session_note_sign_in(struct db *db, const struct uuid *user_id)
{
    return activity_add(db, &(struct activity_new){.user_id = *user_id, .what = ACTIVITY_SIGNED_IN});
}

static enum err session_create_tx(struct db *db, void *arg)
{
    const struct session_creation *s = arg;
    const struct session_new *new = s->new;
    int64_t now = clock_now_us();
    enum user_state state;

    enum err e = user_lock_marked(db, s->arena, new->user_id, new->mark, &state);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    if (new->also != NULL)
        e = new->also(db, new->arg);
    if (e == OK && new->replaced.p != NULL)
        e = session_end_by_token(db, new->replaced);
    if (e == OK)
        e = session_make_room(db, s, now);
    if (e == OK)
        e = session_insert(db, s, state, now);
    return e == OK ? session_note_sign_in(db, new->user_id) : e;
}

enum err session_create(struct db *db, struct arena *arena, const struct conf *conf, const struct session_new *new,
                        struct str *ret_token)
{
    struct session_creation s = {arena, conf, new, token_new(arena, TOKEN_BYTES)};

    enum err e = session_sweep(db, arena, clock_now_us());
    if (e == ERR_OUTCOME_UNKNOWN) /* those are over in any case */
        e = ERR_DB_UNAVAILABLE;
    if (e == OK)
        e = db_tx(db, session_create_tx, &s);
    if (e == OK)
        *ret_token = s.token;
    return e;
}

/* By its token, or the one before while that is good. */
static enum err session_find(struct db *db, struct arena *arena, const struct sha256 *hash, struct session *ret_session)
{
    struct session s = {0};
    int64_t now = clock_now_us();

    enum err e = db_row(db, &session_sqls[SESSION_BY_TOKEN], DB_ARGS(db_bytes(hash->b, sizeof hash->b)), arena, &s);
    if (e == ERR_NOT_FOUND) {
        e = db_row(db, &session_sqls[SESSION_BY_OLD_TOKEN],
                   DB_ARGS(db_bytes(hash->b, sizeof hash->b), SESSION_OLD_TOKEN_ARGS(now)), arena, &s);
        s.is_old_token = true;
    }
    if (e == OK)
        *ret_session = s;
    return e;
}

enum err session_authenticate(struct db *db, struct arena *arena, const struct conf *conf, struct str token,
                              struct session *ret_session)
{
    struct sha256 hash = sha256_of(token);
    int64_t now = clock_now_us();
    struct session s;

    enum err e = session_find(db, arena, &hash, &s);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
    if (now >= s.expires_at_us || now - s.last_seen_at_us >= session_idle_us(conf))
        return ERR_SESSION_EXPIRED;
    if (s.user_state == USER_DISABLED)
        return ERR_ACCOUNT_DISABLED;
    /* One that was seen before the clock was set back would not be idle until then. */
    if (llabs(now - s.last_seen_at_us) > SEEN_EVERY_US) {
        e = db_exec(db, &session_sqls[SESSION_SEEN],
                    DB_ARGS(db_i64(now), db_uuid(&s.id), db_i64(now), db_i64(now + SEEN_EVERY_US)), NULL);
        if (e != OK) /* whether that was written does not matter to the request, which has not begun */
            return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e;
        s.last_seen_at_us = now;
    }
    *ret_session = s;
    return OK;
}

bool session_is_recent(const struct session *s)
{
    int64_t confirmed_at_us = s->is_old_token ? 0 : s->confirmed_at_us;
    int64_t age_us = clock_now_us() - MAX(s->created_at_us, confirmed_at_us);

    return llabs(age_us) < SESSION_RECENT_US; /* one from the future has come before the clock was set back */
}

/* confirmed_at_us 0: it stays as it was. */
static enum err session_give_token(struct db *db, struct arena *arena, const struct uuid *id, struct str sent,
                                   int64_t confirmed_at_us, struct str *ret_token)
{
    struct str token = token_new(arena, TOKEN_BYTES);
    struct sha256 hash = sha256_of(token), old = sha256_of(sent);
    int64_t now = clock_now_us();

    enum err e = db_change(db, &session_sqls[SESSION_GIVE_TOKEN],
                           DB_ARGS(db_i64(now + SESSION_OVERLAP_US), db_bytes(hash.b, sizeof hash.b),
                                   db_i64_or_null(confirmed_at_us), db_uuid(id), db_bytes(old.b, sizeof old.b),
                                   db_bytes(old.b, sizeof old.b), SESSION_OLD_TOKEN_ARGS(now)));
    if (e != OK)
        return e == ERR_CONFLICT ? ERR_SESSION_EXPIRED : e;
    *ret_token = token;
    return OK;
}

enum err session_confirm(struct db *db, struct arena *arena, const struct uuid *id, struct str sent,
                         struct str *ret_token, int64_t *ret_until_us)
{
    int64_t now = clock_now_us();

    enum err e = session_give_token(db, arena, id, sent, now, ret_token);
    if (e == OK)
        *ret_until_us = now + SESSION_RECENT_US;
    return e;
}

enum err session_renew(struct db *db, struct arena *arena, const struct uuid *id, struct str sent,
                       struct str *ret_token)
{
    return session_give_token(db, arena, id, sent, 0, ret_token);
}

struct session_seen {
    struct arena *arena;
    const struct sha256 *hash;
};

/* The activity first, which refers to the user: the order of locks. Whoever is told of the end is not told twice: of two who end
 * it one has changed nothing. */
static enum err session_end_seen_tx(struct db *db, void *arg)
{
    const struct session_seen *seen = arg;
    struct session s;

    enum err e = session_find(db, seen->arena, seen->hash, &s);
    if (e == OK)
        e = session_note_ended(db, &s.user_id);
    if (e == OK)
        e = db_change(db, &session_sqls[SESSION_DELETE], DB_ARGS(db_uuid(&s.id)));
    return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
}

enum err session_end_seen(struct db *db, struct arena *arena, const struct sha256 *hash)
{
    struct session_seen seen = {arena, hash};

    return db_tx(db, session_end_seen_tx, &seen);
}

enum err session_end(struct db *db, const struct uuid *id)
{
    return db_exec(db, &session_sqls[SESSION_DELETE], DB_ARGS(db_uuid(id)), NULL);
}

static const struct db_col session_cols[] = {
    DB_COL(struct session, id, UUID),
    DB_COL(struct session, user_id, UUID),
    DB_COL_ENUM(struct session, user_state, user_state_names),
    DB_COL(struct session, created_at_us, I64),
    DB_COL(struct session, last_seen_at_us, I64),
    DB_COL(struct session, expires_at_us, I64),
    DB_COL(struct session, confirmed_at_us, I64),
    PLAN_TERMS_DB_COLS(struct session, plan.),
    DB_END,
};

#define SESSION_COLS \
    "id, user_id, user_state, created_at_us, last_seen_at_us, expires_at_us, confirmed_at_us, " PLAN_TERMS_COLS("")

static const struct sql session_sqls[] = {
    [SESSION_INSERT] = {.text =
                            "INSERT INTO sessions (id, token_hash, user_id, user_state, created_at_us, last_seen_at_us,"
                            " expires_at_us, " PLAN_TERMS_COLS("") ") SELECT ?, ?, u.id, ?, ?, ?, ?, " PLAN_TERMS_COLS(
                                "u.") " FROM users u WHERE u.id = ?",
                        .in = "ubsiiiu"},
    [SESSION_BY_TOKEN] = {.text = "SELECT " SESSION_COLS " FROM sessions WHERE token_hash = ?",
                          .in = "b",
                          .cols = session_cols},
    [SESSION_BY_OLD_TOKEN] = {.text = "SELECT " SESSION_COLS " FROM sessions WHERE " SESSION_OLD_TOKEN,
                              .in = SESSION_OLD_TOKEN_IN,
                              .cols = session_cols},
    [SESSION_SEEN] = {.text = "UPDATE sessions SET last_seen_at_us = ? WHERE id = ? AND (last_seen_at_us < ?"
                              " OR last_seen_at_us > ?)",
                      .in = "iuii"},
    [SESSION_GIVE_TOKEN] = {.text = "UPDATE sessions SET old_token_hash = token_hash, old_token_until_us = ?,"
                                    " token_hash = ?, confirmed_at_us = COALESCE(?, confirmed_at_us) WHERE id = ?"
                                    " AND (token_hash = ? OR (" SESSION_OLD_TOKEN "))",
                            .in = "ibiub" SESSION_OLD_TOKEN_IN},
    [SESSION_DELETE] = {.text = "DELETE FROM sessions WHERE id = ?", .in = "u"},
    [SESSION_DELETE_BY_TOKEN] = {.text = "DELETE FROM sessions WHERE token_hash = ?", .in = "b"},
    [SESSION_OVER] = {.text = "SELECT id FROM sessions WHERE expires_at_us <= ? ORDER BY expires_at_us LIMIT ?",
                      .in = "ii",
                      .cols = db_uuid_cols},
    [SESSION_OVER_OF_USER] = {.text = "SELECT id FROM sessions WHERE user_id = ? AND (expires_at_us <= ?"
                                      " OR last_seen_at_us <= ?) LIMIT ?",
                              .in = "uiii",
                              .cols = db_uuid_cols},
    [SESSION_CROWD] = {.text = "SELECT id FROM sessions WHERE user_id = ? ORDER BY last_seen_at_us DESC, id DESC"
                               " LIMIT ?, ?",
                       .in = "uii",
                       .cols = db_uuid_cols},
};
