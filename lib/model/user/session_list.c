/* What users see of their sessions, and how they end them from another one. */
#include "model/user/activity.h"
#include "model/user/email_waiting.h"
#include "model/user/session.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

enum { SESSION_LIST, SESSION_LIST_END };
static const struct sql session_list_sqls[];

enum err session_list(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                      const struct uuid *below, size_t max, struct session **ret_sessions, size_t *ret_n)
{
    int64_t now = clock_now_us();

    return db_rows(db, &session_list_sqls[SESSION_LIST],
                   DB_ARGS(db_uuid(user_id), db_uuid(below), db_i64(now), db_i64(now - session_idle_us(conf)),
                           db_i64((int64_t)max)),
                   arena, sizeof(struct session), max, (void **)ret_sessions, ret_n);
}

struct session_list_ending {
    struct arena *arena;
    const struct uuid *user_id, *by, *id;
};

static enum err session_list_end_tx(struct db *db, void *arg)
{
    const struct session_list_ending *x = arg;

    enum err e = user_lock(db, x->arena, x->user_id);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    e = db_change(db, &session_list_sqls[SESSION_LIST_END], DB_ARGS(db_uuid(x->id), db_uuid(x->user_id)));
    if (e != OK)
        return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
    if (uuid_eq(x->id, x->by)) /* signed out */
        return OK;
    e = email_waiting_stop(db, x->user_id); /* that session may have asked for it */
    if (e != OK)
        return e;
    return activity_add(db, &(struct activity_new){.user_id = *x->user_id, .what = ACTIVITY_SESSION_ENDED});
}

enum err session_end_other(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *by,
                           const struct uuid *id)
{
    struct session_list_ending x = {arena, user_id, by, id};

    return db_tx(db, session_list_end_tx, &x);
}

static enum err session_list_end_all_tx(struct db *db, void *arg)
{
    const struct session_list_ending *x = arg;

    enum err e = user_lock(db, x->arena, x->user_id);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    e = session_end_others(db, x->arena, x->user_id, x->by);
    if (e != OK)
        return e;
    return activity_add(db, &(struct activity_new){.user_id = *x->user_id, .what = ACTIVITY_SESSIONS_ENDED});
}

enum err session_end_all_others(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *by)
{
    struct session_list_ending x = {.arena = arena, .user_id = user_id, .by = by};

    return db_tx(db, session_list_end_all_tx, &x);
}

static const struct db_col session_list_cols[] = {
    DB_COL(struct session, id, UUID),
    DB_COL(struct session, created_at_us, I64),
    DB_COL(struct session, last_seen_at_us, I64),
    DB_COL(struct session, expires_at_us, I64),
    DB_END,
};

static const struct sql session_list_sqls[] = {
    [SESSION_LIST] = {.text = "SELECT id, created_at_us, last_seen_at_us, expires_at_us FROM sessions WHERE user_id = ?"
                              " AND id < ? AND expires_at_us > ? AND last_seen_at_us > ? ORDER BY id DESC LIMIT ?",
                      .in = "uuiii",
                      .cols = session_list_cols},
    [SESSION_LIST_END] = {.text = "DELETE FROM sessions WHERE id = ? AND user_id = ?", .in = "uu"},
};
