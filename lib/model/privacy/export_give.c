#include "model/privacy/export.h"
#include "model/user/activity.h"
#include "model/user/user.h"

enum { GIVE_LOOK, GIVE_LOCK, GIVE_NTH };
static const struct sql give_sqls[];

struct give {
    struct arena *arena;
    const struct conf *conf;
    struct uuid user_id;
    bool only_look;
    int64_t wait_sec;
};

struct give_user {
    int state;
};

/* The one that must be a day old before there is another: rows of the activity are the count, so it lasts as long as they do. */
static enum err give_check_day(struct db *db, struct give *g)
{
    int64_t now = clock_now_us(), at_us = 0;
    struct uuid since = uuid_floor(now - US_PER_DAY);

    enum err e = db_number(db, &give_sqls[GIVE_NTH],
                           DB_ARGS(db_uuid(&g->user_id), db_uuid(&since), db_cstr(activity_names[ACTIVITY_EXPORTED]),
                                   db_i64(g->conf->caps_exports_a_day - 1)),
                           &at_us);
    if (e == ERR_NOT_FOUND)
        return OK;
    g->wait_sec = MIN(MAX(1, (at_us + US_PER_DAY - now) / US_PER_SEC + 1), US_PER_DAY / US_PER_SEC);
    return e == OK ? ERR_EXPORTS_A_DAY : e;
}

static enum err give_tx(struct db *db, void *arg)
{
    struct give_user user = {0};
    struct give *g = arg;

    enum err e =
        db_row(db, &give_sqls[g->only_look ? GIVE_LOOK : GIVE_LOCK], DB_ARGS(db_uuid(&g->user_id)), g->arena, &user);
    if (e == OK && user.state != USER_ACTIVE)
        e = ERR_ACCOUNT_DISABLED;
    if (e == OK)
        e = give_check_day(db, g);
    if (e != OK || g->only_look)
        return e;
    return activity_add(db, &(struct activity_new){.user_id = g->user_id, .what = ACTIVITY_EXPORTED});
}

enum err export_give(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                     bool only_look, int64_t *ret_wait_sec)
{
    struct give g = {.arena = arena, .conf = conf, .user_id = *user_id, .only_look = only_look};

    enum err e = only_look ? give_tx(db, &g) : db_tx(db, give_tx, &g);
    if (e == ERR_EXPORTS_A_DAY)
        *ret_wait_sec = g.wait_sec;
    return e;
}

static const struct db_col give_user_cols[] = {DB_COL_ENUM(struct give_user, state, user_state_names), DB_END};

static const struct sql give_sqls[] = {
    [GIVE_LOOK] = {.text = "SELECT state FROM users WHERE id = ?", .in = "u", .cols = give_user_cols},
    [GIVE_LOCK] = {.text = "SELECT state FROM users WHERE id = ? FOR UPDATE", .in = "u", .cols = give_user_cols},
    /* The newest but so many, of the last day. */
    [GIVE_NTH] = {.text = "SELECT created_at_us FROM activity FORCE INDEX (by_user) WHERE user_id = ? AND id > ?"
                          " AND what = ? ORDER BY id DESC LIMIT ?, 1",
                  .in = "uusi",
                  .cols = db_number_cols},
};
