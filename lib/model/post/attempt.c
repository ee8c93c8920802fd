#include "model/post/attempt.h"

#include "base/clock.h"
#include "base/point.h"
#include "model/user/user_state.h"

const char *const attempt_state_names[] = {"committed", "accepted", "refused", "not_sent", "outcome_unknown", NULL};

enum {
    ATTEMPT_ADD,
    ATTEMPT_END,
    ATTEMPT_LOOK,
    ATTEMPT_LATEST,
    ATTEMPT_MADE,
    ATTEMPT_TAKE_OVER,
    ATTEMPT_TELL,
    ATTEMPT_TALLY
};

static const struct db_col attempt_cols[] = {
    DB_COL(struct attempt, id, UUID),
    DB_COL_ENUM(struct attempt, state, attempt_state_names),
    DB_COL(struct attempt, number, I64),
    DB_COL(struct attempt, publish_id, STR),
    DB_END,
};

static const struct db_col attempt_tally_cols[] = {
    DB_COL(struct attempt_tally, refused, I64),       DB_COL(struct attempt_tally, unreachable, I64),
    DB_COL(struct attempt_tally, unsent, I64),        DB_COL(struct attempt_tally, deferred, I64),
    DB_COL(struct attempt_tally, retried_at_us, I64), DB_END,
};

/* 0: it never was. */
#define RETRIED_AT \
    "COALESCE((SELECT MAX(r.at_us) FROM post_events r WHERE r.post_id = ? AND r.event = '" EVENT_RETRIED "'), 0)"

static const struct sql attempt_sqls[] = {
    [ATTEMPT_ADD] = {.text = "INSERT INTO post_attempts (id, post_id, number, fence, state, payload, created_at_us)"
                             " VALUES (?, ?, ?, ?, 'committed', ?, ?)",
                     .in = "uuiusi"},
    [ATTEMPT_END] = {.text = "UPDATE post_attempts SET state = ?, publish_id = ?, http_status = ?, platform_code = ?,"
                             " platform_log_id = ?, ended_at_us = ? WHERE id = ? AND fence = ? AND state = 'committed'",
                     .in = "ssissiuu"},
    [ATTEMPT_LOOK] = {.text = "SELECT id, state, number, publish_id FROM post_attempts WHERE id = ? AND fence = ?",
                      .in = "uu",
                      .cols = attempt_cols},
    [ATTEMPT_LATEST] =
        {.text = "SELECT id, state, number, publish_id FROM post_attempts WHERE post_id = ? ORDER BY number DESC"
                 " LIMIT 1",
         .in = "u",
         .cols = attempt_cols},
    [ATTEMPT_MADE] = {.text = "SELECT created_at_us FROM post_attempts WHERE post_id = ? AND publish_id = ?",
                      .in = "us",
                      .cols = db_number_cols},
    [ATTEMPT_TAKE_OVER] = {.text = "UPDATE post_attempts SET state = 'outcome_unknown', ended_at_us = ?"
                                   " WHERE id = ? AND state = 'committed'",
                           .in = "iu"},
    [ATTEMPT_TELL] = {.text = "UPDATE post_attempts SET publish_id = ?, http_status = ?, platform_code = ?,"
                              " platform_log_id = ? WHERE id = ? AND fence = ? AND state = 'outcome_unknown'"
                              " AND publish_id IS NULL",
                      .in = "sissuu"},
    /* By the number of its attempt, where it has one; else by its time, which is never before the retry's
     * (retried_at_us), however the clock was set. */
    [ATTEMPT_TALLY] = {.text = "SELECT COUNT(IF(e.event = 'refused_retry', 1, NULL)),"
                               " COUNT(IF(e.event = '" EVENT_NOT_REACHED "', 1, NULL)),"
                               " COUNT(IF(e.event = '" EVENT_NOT_SENT "', 1, NULL)),"
                               " COUNT(IF(e.event = 'deferred', 1, NULL)), " RETRIED_AT " FROM posts p JOIN"
                               " post_events e ON e.post_id = p.id LEFT JOIN post_attempts t ON t.id = e.attempt_id"
                               " WHERE p.id = ? AND COALESCE(t.number > p.retried_after, e.at_us >= " RETRIED_AT ")",
                       .in = "uuu",
                       .cols = attempt_tally_cols},
};

static enum err attempt_add(struct db *db, const struct attempt_new *attempts, size_t n)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        const struct attempt_new *a = &attempts[i];
        db_many_add(&many, DB_ARGS(db_uuid(&a->id), db_uuid(&a->post_id), db_i64(a->number),
                                   db_uuid(&a->job->lease_token), db_str(a->payload), db_i64(clock_now_us())));
    }
    return db_exec_many(db, &attempt_sqls[ATTEMPT_ADD], &many);
}

struct attempt_beginning {
    struct arena *arena;
    const struct conf *conf;
    const struct attempt_new *attempts;
    size_t n;
    const struct account_taken *taken;
    enum job_class class;
    int64_t lease_until_us;
};

static enum err attempt_begin_tx(struct db *db, void *arg)
{
    const struct attempt_beginning *b = arg;
    const struct budget_use *uses[DB_MANY_MAX];
    const struct job *jobs[DB_MANY_MAX];
    struct post_moving moves[DB_MANY_MAX];
    struct uuid users[DB_MANY_MAX];

    for (size_t i = 0; i < b->n; i++)
        users[i] = b->attempts[i].user_id;
    enum err e = user_stay_active(db, b->arena, users, b->n);
    for (size_t i = 0; i < b->n; i++) {
        const struct attempt_new *a = &b->attempts[i];
        uses[i] = &a->use;
        jobs[i] = a->job;
        moves[i] =
            (struct post_moving){.id = a->post_id,
                                 .from = a->from,
                                 .move = {.event = "attempt", .attempt_id = a->id, .request_id = a->job->request_id}};
    }
    if (e == OK)
        e = budget_check(db, b->arena, uses, b->n);
    if (e == OK && b->taken != NULL)
        e = account_write_taken(db, ACCOUNT_CALL_INIT, b->taken, b->n);
    if (e == OK)
        e = post_move_many(db, b->arena, b->conf, moves, b->n);
    if (e == OK)
        e = attempt_add(db, b->attempts, b->n);
    if (e == OK)
        e = job_hold_many(db, b->class, jobs, b->n, b->lease_until_us);
    point("publish.before_attempt_commit");
    return e == ERR_DB_DUPLICATE ? ERR_CONFLICT : e; /* somebody else made the attempt of this number */
}

enum err attempt_begin(struct db *db, struct arena *arena, const struct conf *conf, enum job_class class,
                       int64_t lease_until_us, const struct attempt_new *attempts, const struct account_taken *taken,
                       size_t n)
{
    struct attempt_beginning b = {arena, conf, attempts, n, taken, class, lease_until_us};

    ASSERT(n > 0 && n <= DB_MANY_MAX);
    return db_tx(db, attempt_begin_tx, &b);
}

enum err attempt_end_many(struct db *db, const struct attempt_ending *v, size_t n)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        const struct attempt_result *r = &v[i].result;
        db_many_add(&many, DB_ARGS(db_cstr(attempt_state_names[r->state]), db_str(r->publish_id),
                                   db_i64_or_null(r->http_status), db_str(r->platform_code), db_str(r->platform_log_id),
                                   db_i64(clock_now_us()), db_uuid(&v[i].id), db_uuid(&v[i].fence)));
    }
    return db_change_many(db, &attempt_sqls[ATTEMPT_END], &many);
}

enum err attempt_end(struct db *db, const struct uuid *id, const struct uuid *fence, const struct attempt_result *r)
{
    const struct attempt_ending v = {.id = *id, .fence = *fence, .result = *r};

    return attempt_end_many(db, &v, 1);
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

enum err attempt_made(struct db *db, const struct uuid *post_id, struct str publish_id, int64_t *ret_at_us)
{
    return db_number(db, &attempt_sqls[ATTEMPT_MADE], DB_ARGS(db_uuid(post_id), db_str(publish_id)), ret_at_us);
}

enum err attempt_take_over(struct db *db, const struct uuid *id)
{
    return db_change(db, &attempt_sqls[ATTEMPT_TAKE_OVER], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)));
}

enum err attempt_tell(struct db *db, const struct uuid *id, const struct uuid *fence, const struct attempt_result *r)
{
    return db_exec(db, &attempt_sqls[ATTEMPT_TELL],
                   DB_ARGS(db_str(r->publish_id), db_i64_or_null(r->http_status), db_str(r->platform_code),
                           db_str(r->platform_log_id), db_uuid(id), db_uuid(fence)),
                   NULL);
}

enum err attempt_tally(struct db *db, struct arena *arena, const struct uuid *post_id, struct attempt_tally *ret_tally)
{
    struct db_arg id = db_uuid(post_id);

    return db_row(db, &attempt_sqls[ATTEMPT_TALLY], DB_ARGS(id, id, id), arena, ret_tally);
}
