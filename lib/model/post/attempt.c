#include "model/post/attempt.h"

#include "base/clock.h"
#include "base/point.h"

const char *const attempt_state_names[] = {"committed", "accepted", "refused", "not_sent", "outcome_unknown", NULL};

enum { ATTEMPT_ADD, ATTEMPT_END, ATTEMPT_LOOK, ATTEMPT_LATEST, ATTEMPT_TAKE_OVER, ATTEMPT_TALLY };

static const struct db_col attempt_cols[] = {
    DB_COL(struct attempt, id, UUID),
    DB_COL_ENUM(struct attempt, state, attempt_state_names),
    DB_COL(struct attempt, number, I64),
    DB_END,
};

static const struct db_col attempt_tally_cols[] = {
    DB_COL(struct attempt_tally, refused, I64),
    DB_COL(struct attempt_tally, unreachable, I64),
    DB_COL(struct attempt_tally, deferred, I64),
    DB_END,
};

static const struct sql attempt_sqls[] = {
    [ATTEMPT_ADD] = {.text = "INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us)"
                             " VALUES (?, ?, ?, ?, 'committed', ?, ?)",
                     .in = "uuiusi"},
    [ATTEMPT_END] = {.text = "UPDATE post_attempts SET state = ?, publish_id = ?, http_status = ?, platform_code = ?,"
                             " platform_log_id = ?, ended_at_us = ? WHERE id = ? AND fence = ? AND state = 'committed'",
                     .in = "ssissiuu"},
    [ATTEMPT_LOOK] = {.text = "SELECT id, state, number FROM post_attempts WHERE id = ? AND fence = ?",
                      .in = "uu",
                      .cols = attempt_cols},
    [ATTEMPT_LATEST] =
        {.text = "SELECT id, state, number FROM post_attempts WHERE post_id = ? ORDER BY number DESC LIMIT 1",
         .in = "u",
         .cols = attempt_cols},
    [ATTEMPT_TAKE_OVER] = {.text = "UPDATE post_attempts SET state = 'outcome_unknown', ended_at_us = ?"
                                   " WHERE id = ? AND state = 'committed'",
                           .in = "iu"},
    [ATTEMPT_TALLY] = {.text = "SELECT COUNT(IF(event = 'refused_retry', 1, NULL)),"
                               " COUNT(IF(event IN ('not_sent', '" EVENT_NOT_REACHED "'), 1, NULL)),"
                               " COUNT(IF(event = 'deferred', 1, NULL)) FROM post_events WHERE post_id = ?",
                       .in = "u",
                       .cols = attempt_tally_cols},
};

struct attempt_beginning {
    struct arena *arena;
    const struct conf *conf;
    const struct attempt_new *new;
};

static enum err attempt_begin_tx(struct db *db, void *arg)
{
    const struct attempt_beginning *b = arg;
    const struct attempt_new *n = b->new;
    const struct post_move move = {.event = "attempt", .attempt_id = n->id, .request_id = n->job->request_id};

    enum err e = budget_check(db, b->arena, &n->use);
    if (e == OK)
        e = post_move(db, b->arena, b->conf, &n->post_id, &move);
    if (e == OK)
        e = db_exec(db, &attempt_sqls[ATTEMPT_ADD],
                    DB_ARGS(db_uuid(&n->id), db_uuid(&n->post_id), db_i64(n->number), db_uuid(&n->job->lease_token),
                            db_str(n->payload), db_i64(clock_now_us())),
                    NULL);
    if (e == OK)
        e = job_hold(db, n->class, n->job, n->lease_until_us);
    point("publish.before_attempt_commit");
    return e == ERR_DB_DUPLICATE ? ERR_CONFLICT : e; /* somebody else made the attempt of this number */
}

enum err attempt_begin(struct db *db, struct arena *arena, const struct conf *conf, const struct attempt_new *attempt)
{
    struct attempt_beginning b = {.arena = arena, .conf = conf, .new = attempt};

    return db_tx(db, attempt_begin_tx, &b);
}

enum err attempt_end(struct db *db, const struct uuid *id, const struct uuid *fence, const struct attempt_result *r)
{
    return db_change(db, &attempt_sqls[ATTEMPT_END],
                     DB_ARGS(db_cstr(attempt_state_names[r->state]), db_str(r->publish_id),
                             db_i64_or_null(r->http_status), db_str(r->platform_code), db_str(r->platform_log_id),
                             db_i64(clock_now_us()), db_uuid(id), db_uuid(fence)));
}

enum err attempt_look(struct db *db, struct arena *arena, const struct uuid *id, const struct uuid *fence,
                      struct attempt *ret_attempt)
{
    return db_row(db, &attempt_sqls[ATTEMPT_LOOK], DB_ARGS(db_uuid(id), db_uuid(fence)), arena, ret_attempt);
}

enum err attempt_latest(struct db *db, struct arena *arena, const struct uuid *post_id, struct attempt *ret_attempt)
{
    return db_row(db, &attempt_sqls[ATTEMPT_LATEST], DB_ARGS(db_uuid(post_id)), arena, ret_attempt);
}

enum err attempt_take_over(struct db *db, const struct uuid *id)
{
    return db_change(db, &attempt_sqls[ATTEMPT_TAKE_OVER], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)));
}

enum err attempt_tally(struct db *db, struct arena *arena, const struct uuid *post_id, struct attempt_tally *ret_tally)
{
    return db_row(db, &attempt_sqls[ATTEMPT_TALLY], DB_ARGS(db_uuid(post_id)), arena, ret_tally);
}
