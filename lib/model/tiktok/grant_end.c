#include "model/tiktok/grant_end.h"

#include "base/clock.h"
#include "model/job/job.h"

#define CALL_SEC_MAX \
    60 /* of any call that ends a grant: later than that is a time from before the clock was set back */
#define LOOKED_AT_MAX 100      /* connections of one open id; what is beyond shows when it is used */
#define REFRESH_KIND "refresh" /* worker/publish/refresh.c */

enum {
    GRANT_END_FORGET,
    GRANT_END_BEGIN,
    GRANT_END_LOCK,
    GRANT_END_UNTIL,
    GRANT_END_UNLOCK,
    GRANT_END_CONNECTED,
    GRANT_END_PURGE
};
static const struct sql grant_end_sqls[];

enum err grant_end_begin(struct db *db, struct str open_id, int call_sec, int64_t *ret_until_us)
{
    ASSERT(call_sec <= CALL_SEC_MAX);
    *ret_until_us = clock_now_us() + call_sec * US_PER_SEC + GRANT_END_LANDS_US;
    return db_exec(db, &grant_end_sqls[GRANT_END_BEGIN], DB_ARGS(db_str(open_id), db_i64(*ret_until_us)), NULL);
}

struct grant_look {
    struct arena *arena;
    const struct job_new *jobs;
    size_t n;
};

static enum err grant_end_look_tx(struct db *db, void *arg)
{
    const struct grant_look *l = arg;

    return job_add_all(db, JOB_PUBLISH, l->arena, l->jobs, l->n);
}

enum err grant_end_over(struct db *db, struct arena *arena, struct str open_id, int64_t look_at_us,
                        struct str request_id)
{
    struct job_new *jobs = arena_array(arena, LOOKED_AT_MAX, sizeof *jobs);
    struct grant_look l = {.arena = arena, .jobs = jobs};
    struct uuid *ids;

    enum err e = db_rows(db, &grant_end_sqls[GRANT_END_CONNECTED], DB_ARGS(db_str(open_id), db_i64(LOOKED_AT_MAX)),
                         arena, sizeof *ids, LOOKED_AT_MAX, (void **)&ids, &l.n);
    if (e != OK || l.n == 0)
        return e;
    for (size_t i = 0; i < l.n; i++)
        jobs[i] = (struct job_new){
            .kind = REFRESH_KIND, .subject_id = ids[i], .run_at_us = look_at_us, .request_id = request_id};
    return db_tx(db, grant_end_look_tx, &l);
}

/* Without an end under way, the row is there only to wait for one that begins, and goes with the same transaction. */
enum err grant_end_check(struct db *db, struct str open_id, const struct uuid *account_id, struct str request_id)
{
    int64_t now = clock_now_us(), until;

    enum err e = db_exec(db, &grant_end_sqls[GRANT_END_LOCK], DB_ARGS(db_str(open_id)), NULL);
    if (e == OK)
        e = db_number(db, &grant_end_sqls[GRANT_END_UNTIL], DB_ARGS(db_str(open_id)), &until);
    if (e != OK)
        return e;
    if (until <= now)
        return db_exec(db, &grant_end_sqls[GRANT_END_UNLOCK], DB_ARGS(db_str(open_id)), NULL);
    return job_add(db, JOB_PUBLISH, REFRESH_KIND, account_id,
                   MIN(until, now + CALL_SEC_MAX * US_PER_SEC + GRANT_END_LANDS_US), request_id);
}

enum err grant_end_forget(struct db *db, struct str open_id, int64_t until_us)
{
    return db_exec(db, &grant_end_sqls[GRANT_END_FORGET], DB_ARGS(db_str(open_id), db_i64(until_us)), NULL);
}

enum err grant_end_purge(struct db *db, int64_t now_us)
{
    return db_exec(db, &grant_end_sqls[GRANT_END_PURGE], DB_ARGS(db_i64(now_us)), NULL);
}

static const struct sql grant_end_sqls[] = {
    [GRANT_END_BEGIN] = {.text = "INSERT INTO grants_ending (open_id, until_us) VALUES (?, ?)"
                                 " ON DUPLICATE KEY UPDATE until_us = GREATEST(until_us, VALUES(until_us))",
                         .in = "si"},
    [GRANT_END_LOCK] = {.text = "INSERT INTO grants_ending (open_id, until_us) VALUES (?, 0)"
                                " ON DUPLICATE KEY UPDATE until_us = until_us",
                        .in = "s"},
    [GRANT_END_UNTIL] = {.text = "SELECT until_us FROM grants_ending WHERE open_id = ?",
                         .in = "s",
                         .cols = db_number_cols},
    [GRANT_END_UNLOCK] = {.text = "DELETE FROM grants_ending WHERE open_id = ?", .in = "s"},
    [GRANT_END_CONNECTED] = {.text =
                                 "SELECT id FROM accounts WHERE open_id = ? AND state = 'active' ORDER BY id LIMIT ?",
                             .in = "si",
                             .cols = db_uuid_cols},
    [GRANT_END_FORGET] = {.text = "DELETE FROM grants_ending WHERE open_id = ? AND until_us = ?", .in = "si"},
    [GRANT_END_PURGE] = {.text = "DELETE FROM grants_ending WHERE until_us < ? ORDER BY until_us LIMIT 1000",
                         .in = "i"},
};
