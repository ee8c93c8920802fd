#include "model/tiktok/grant_end.h"

#include "base/clock.h"
#include "model/job/job.h"

#define CALL_SEC_MAX \
    60 /* of any call that ends a grant: later than that is a time from before the clock was set back */
#define LOOKED_AT_MAX 100      /* connections of one open id; what is beyond shows when it is used */
#define REFRESH_KIND "refresh" /* worker/publish/refresh.c */

enum { GRANT_END_BEGIN, GRANT_END_LOCK, GRANT_END_UNTIL, GRANT_END_UNLOCK, GRANT_END_CONNECTED, GRANT_END_PURGE };
static const struct sql grant_end_sqls[];

enum err grant_end_begin(struct db *db, struct str open_id, int call_sec, int64_t *ret_until_us)
{
    ASSERT(call_sec <= CALL_SEC_MAX);
    *ret_until_us = clock_now_us() + call_sec * US_PER_SEC + GRANT_END_LANDS_US;
    return db_exec(db, &grant_end_sqls[GRANT_END_BEGIN], DB_ARGS(db_str(open_id), db_i64(*ret_until_us)), NULL);
}

struct grant_look {
    const struct uuid *ids;
    size_t n;
    int64_t at_us;
    struct str request_id;
};

static enum err grant_end_look_tx(struct db *db, void *arg)
{
    const struct grant_look *l = arg;
    enum err e = OK;

    for (size_t i = 0; i < l->n && e == OK; i++)
        e = job_add(db, JOB_PUBLISH, REFRESH_KIND, &l->ids[i], l->at_us, l->request_id);
    return e;
}

enum err grant_end_over(struct db *db, struct arena *arena, struct str open_id, int64_t look_at_us,
                        struct str request_id)
{
    struct grant_look l = {.at_us = look_at_us, .request_id = request_id};
    struct uuid *ids;

    enum err e = db_rows(db, &grant_end_sqls[GRANT_END_CONNECTED], DB_ARGS(db_str(open_id), db_i64(LOOKED_AT_MAX)),
                         arena, sizeof *ids, LOOKED_AT_MAX, (void **)&ids, &l.n);
    l.ids = ids;
    return e == OK && l.n > 0 ? db_tx(db, grant_end_look_tx, &l) : e;
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
    [GRANT_END_PURGE] = {.text = "DELETE FROM grants_ending WHERE until_us < ? ORDER BY until_us LIMIT 1000",
                         .in = "i"},
};
