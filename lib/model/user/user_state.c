#include "model/user/user_state.h"

#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/turn.h"
#include "model/user/activity.h"
#include "model/user/email_waiting.h"

#define ACCOUNTS_MAX 10000 /* the most that tiktok.accounts_max allows */

enum {
    USER_STATE_READ,
    USER_STATE_LOCK,
    USER_STATE_HOLD,
    USER_STATE_SET,
    USER_STATE_OF_KEYS,
    USER_STATE_OF_SESSIONS,
    USER_STATE_ACCOUNTS
};
static const struct sql user_state_sqls[];

struct user_state_row {
    int state;
};

struct user_state_change {
    struct arena *arena;
    const struct uuid *id;
    enum user_state state;
    bool changed;
};

static enum err user_state_note(struct db *db, const struct user_state_change *c)
{
    return activity_add(
        db, &(struct activity_new){.user_id = *c->id,
                                   .what = c->state == USER_ACTIVE ? ACTIVITY_ADMIN_ENABLED : ACTIVITY_ADMIN_DISABLED,
                                   .by = ACTIVITY_BY_ADMIN});
}

/* Their turns were put off until the time of the images is over. */
static enum err user_state_wake(struct db *db, const struct user_state_change *c)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &user_state_sqls[USER_STATE_ACCOUNTS], DB_ARGS(db_uuid(c->id), db_i64(ACCOUNTS_MAX)),
                         c->arena, sizeof *ids, ACCOUNTS_MAX, (void **)&ids, &n);
    if (e != OK)
        return e;
    struct job_new *jobs = arena_array(c->arena, n + 1, sizeof *jobs);
    for (size_t i = 0; i < n; i++)
        jobs[i] =
            (struct job_new){.kind = TURN_KIND, .subject_id = ids[i], .user_id = *c->id, .run_at_us = clock_now_us()};
    return job_add_all(db, JOB_PUBLISH, c->arena, jobs, n);
}

static enum err user_state_change(struct db *db, void *arg)
{
    struct user_state_change *c = arg;
    struct db_arg state = db_cstr(user_state_names[c->state]);
    struct user_state_row was;

    enum err e = db_row(db, &user_state_sqls[USER_STATE_LOCK], DB_ARGS(db_uuid(c->id)), c->arena, &was);
    if (e != OK)
        return e;
    if (was.state == USER_ERASING)
        return ERR_ACCOUNT_ERASING;
    c->changed = was.state != (int)c->state;
    if (c->changed)
        e = db_exec(db, &user_state_sqls[USER_STATE_SET], DB_ARGS(state, db_i64(clock_now_us()), db_uuid(c->id)), NULL);
    if (e == OK)
        e = db_exec(db, &user_state_sqls[USER_STATE_OF_KEYS], DB_ARGS(state, db_uuid(c->id)), NULL);
    if (e == OK)
        e = db_exec(db, &user_state_sqls[USER_STATE_OF_SESSIONS], DB_ARGS(state, db_uuid(c->id)), NULL);
    if (e == OK)
        e = c->state == USER_ACTIVE ? user_state_wake(db, c) : email_waiting_stop(db, c->id);
    return e == OK && c->changed ? user_state_note(db, c) : e;
}

enum err user_set_state(struct db *db, struct arena *arena, const struct uuid *id, enum user_state state,
                        bool *ret_changed)
{
    struct user_state_change c = {.arena = arena, .id = id, .state = state};
    enum err e = db_tx(db, user_state_change, &c);

    if (e == OK)
        *ret_changed = c.changed;
    return e;
}

enum err user_is_active(struct db *db, struct arena *arena, const struct uuid *id, bool *ret_is)
{
    struct user_state_row row;
    enum err e = db_row(db, &user_state_sqls[USER_STATE_READ], DB_ARGS(db_uuid(id)), arena, &row);

    if (e == OK)
        *ret_is = row.state == USER_ACTIVE;
    return e;
}

enum err user_stay_active(struct db *db, struct arena *arena, const struct uuid *ids, size_t n)
{
    struct db_arg args[DB_MANY_MAX];
    struct user_state_row *rows;
    size_t rows_n;

    db_many_ids(args, ids, n);
    enum err e = db_rows(db, &user_state_sqls[USER_STATE_HOLD], args, ARRAY_LEN(args), arena, sizeof *rows, DB_MANY_MAX,
                         (void **)&rows, &rows_n);
    for (size_t i = 0; i < rows_n && e == OK; i++)
        if (rows[i].state != USER_ACTIVE)
            e = ERR_ACCOUNT_DISABLED;
    return e;
}

static const struct db_col user_state_cols[] = {DB_COL_ENUM(struct user_state_row, state, user_state_names), DB_END};

static const struct sql user_state_sqls[] = {
    [USER_STATE_READ] = {.text = "SELECT state FROM users WHERE id = ?", .in = "u", .cols = user_state_cols},
    [USER_STATE_LOCK] = {.text = "SELECT state FROM users WHERE id = ? FOR UPDATE", .in = "u", .cols = user_state_cols},
    [USER_STATE_HOLD] = {.text = "SELECT state FROM users FORCE INDEX (PRIMARY) WHERE id IN " DB_MANY_IDS
                                 " LOCK IN SHARE MODE",
                         .in = DB_MANY_IDS_IN,
                         .cols = user_state_cols},
    [USER_STATE_SET] = {.text = "UPDATE users SET state = ?, updated_at_us = ? WHERE id = ?", .in = "siu"},
    [USER_STATE_OF_KEYS] = {.text = "UPDATE api_keys SET user_state = ? WHERE user_id = ?", .in = "su"},
    [USER_STATE_OF_SESSIONS] = {.text = "UPDATE sessions SET user_state = ? WHERE user_id = ?", .in = "su"},
    [USER_STATE_ACCOUNTS] = {.text = "SELECT a.id FROM accounts a WHERE a.user_id = ? AND EXISTS (SELECT 1 FROM posts p"
                                     " WHERE p.account_id = a.id AND p.state IN ('queued', 'deferred')) ORDER BY a.id"
                                     " LIMIT ?",
                             .in = "ui",
                             .cols = db_uuid_cols},
};
