/* The end of connections whose grant was ended at TikTok. */
#include "base/clock.h"
#include "model/job/job.h"
#include "model/tiktok/account_private.h"
#include "model/user/user.h"

#define REMOVED_BATCH 20       /* connections of one open id that one call ends */
#define DOUBTED_MAX 100        /* what is beyond shows when it is used */
#define REFRESH_KIND "refresh" /* worker/publish/refresh.c */

enum { REMOVED_FIND, REMOVED_LOCK, REMOVED_DOUBT };
static const struct sql account_removed_sqls[];

struct account_removed {
    struct uuid id, user_id;
};

struct account_removing {
    struct arena *arena;
    const struct conf *conf;
    const struct account_removed *account;
    int64_t made_to_us;
    struct str request_id;
    enum activity_what what;
};

/* As it is by now: it may have been disconnected, or connected again. */
static enum err account_removed_tx(struct db *db, void *arg)
{
    const struct account_removing *r = arg;
    const struct account_ending ending = {.arena = r->arena,
                                          .conf = r->conf,
                                          .user_id = &r->account->user_id,
                                          .id = &r->account->id,
                                          .what = r->what,
                                          .by = ACTIVITY_BY_SERVICE,
                                          .request_id = r->request_id};
    int64_t one;

    enum err e = user_lock_any(db, &r->account->user_id); /* the activity refers to the user */
    if (e == OK)
        e = db_number(db, &account_removed_sqls[REMOVED_LOCK], DB_ARGS(db_uuid(&r->account->id), db_i64(r->made_to_us)),
                      &one);
    return e == OK ? account_end_connection(db, &ending) : e;
}

enum err account_end_removed(struct db *db, struct arena *arena, const struct conf *conf, struct str open_id,
                             int64_t made_to_us, struct str request_id, bool *ret_more)
{
    struct account_removing r = {.arena = arena,
                                 .conf = conf,
                                 .made_to_us = made_to_us,
                                 .request_id = request_id,
                                 .what = ACTIVITY_ACCOUNT_REMOVED};
    struct account_removed *accounts;
    size_t n;

    enum err e = db_rows(db, &account_removed_sqls[REMOVED_FIND],
                         DB_ARGS(db_str(open_id), db_i64(made_to_us), db_i64(REMOVED_BATCH)), arena, sizeof *accounts,
                         REMOVED_BATCH, (void **)&accounts, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        r.account = &accounts[i];
        e = db_tx(db, account_removed_tx, &r);
        if (e == ERR_NOT_FOUND || e == ERR_CONFLICT) /* somebody else was quicker */
            e = OK;
    }
    *ret_more = e == OK && n == REMOVED_BATCH;
    return e;
}

enum err account_end_again(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                           const struct uuid *id, int64_t at_us)
{
    const struct account_removed account = {.id = *id, .user_id = *user_id};
    struct account_removing r = {
        .arena = arena, .conf = conf, .account = &account, .made_to_us = at_us, .what = ACTIVITY_ACCOUNT_DISCONNECTED};

    return db_tx(db, account_removed_tx, &r);
}

enum err account_doubt(struct db *db, struct arena *arena, struct str open_id, int64_t from_us, int64_t to_us,
                       struct str request_id)
{
    struct job_new jobs[DOUBTED_MAX];
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &account_removed_sqls[REMOVED_DOUBT],
                         DB_ARGS(db_str(open_id), db_i64(from_us), db_i64(to_us), db_i64(DOUBTED_MAX)), arena,
                         sizeof *ids, DOUBTED_MAX, (void **)&ids, &n);
    if (e != OK || n == 0)
        return e;
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job_new){
            .kind = REFRESH_KIND, .subject_id = ids[i], .run_at_us = clock_now_us(), .request_id = request_id};
    return job_add_all(db, JOB_PUBLISH, arena, jobs, n);
}

static const struct db_col account_removed_cols[] = {DB_COL(struct account_removed, id, UUID),
                                                     DB_COL(struct account_removed, user_id, UUID), DB_END};

static const struct sql account_removed_sqls[] = {
    [REMOVED_FIND] = {.text = "SELECT id, user_id FROM accounts FORCE INDEX (by_open_id) WHERE open_id = ?"
                              " AND mode = 'live' AND state <> 'disconnected' AND connected_at_us <= ? ORDER BY id"
                              " LIMIT ?",
                      .in = "sii",
                      .cols = account_removed_cols},
    [REMOVED_LOCK] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND state <> 'disconnected'"
                              " AND connected_at_us <= ? FOR UPDATE",
                      .in = "ui",
                      .cols = db_number_cols},
    [REMOVED_DOUBT] = {.text = "SELECT id FROM accounts FORCE INDEX (by_open_id) WHERE open_id = ? AND mode = 'live'"
                               " AND state = 'active' AND connected_at_us > ? AND connected_at_us <= ? ORDER BY id"
                               " LIMIT ?",
                       .in = "siii",
                       .cols = db_uuid_cols},
};
