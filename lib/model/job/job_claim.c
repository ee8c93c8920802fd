/* Claims: which jobs come, and in which order. */
#include "base/clock.h"
#include "model/job/job.h"

enum {
    JOB_CLAIM_DUE,
    JOB_CLAIM_TURNS,
    JOB_CLAIM_THESE,
    JOB_CLAIM_TAKE,
    JOB_CLAIM_TAKE_ALL,
    JOB_CLAIM_LEAVE,
    JOB_CLAIM_RETURN,
    JOB_CLAIM__MAX
};

#define JOB_TURNS_MAX DB_MANY_MAX /* ids of JOB_CLAIM_THESE */

struct job_turn {
    struct uuid id;
    int64_t run_at_us;
};

static const struct db_col job_turn_cols[] = {DB_COL(struct job_turn, id, UUID),
                                              DB_COL(struct job_turn, run_at_us, I64), DB_END};

static const struct db_col job_due_cols[] = {
    DB_COL(struct job, id, UUID),
    DB_COL(struct job, kind, STR),
    DB_COL(struct job, subject_id, UUID),
    DB_COL(struct job, run_at_us, I64),
    DB_COL(struct job, runs, I64),
    DB_COL(struct job, tries, I64),
    DB_COL(struct job, failures, I64),
    DB_COL(struct job, slot_at_us, I64),
    DB_COL(struct job, about_id, UUID),
    DB_COL(struct job, request_id, STR),
    DB_COL(struct job, created_at_us, I64),
    DB_COL(struct job, left_token, UUID),
    DB_END,
};

static const struct sql job_claim_sqls[JOB_CLASS__MAX][JOB_CLAIM__MAX];

struct claiming {
    const struct job_claim *c;
    struct arena *arena;
    struct job *jobs;
    size_t n;
    struct job_round round;
    struct uuid lease_token; /* of all that it takes: a lease is known by its job and this */
    bool suspect;
};

/* Jobs with fewer runs than that come. */
static struct db_arg job_claim_runs(const struct job_claim *c)
{
    return db_i64(c->pass_suspects ? JOB_CRASHES_MAX : INT64_MAX);
}

static enum err job_take(struct db *db, const struct claiming *x, struct job *jobs, size_t n)
{
    const struct job_claim *c = x->c;
    int64_t until_us = c->now_us + c->lease_us;
    enum err e = OK;

    for (size_t i = 0; i < n && e == OK; i += DB_MANY_MAX) {
        struct db_many many = {.n = 0};
        for (size_t j = i; j < MIN(i + DB_MANY_MAX, n); j++) {
            struct job *job = &jobs[j];
            job->lease_token = x->lease_token;
            db_many_add(&many, DB_ARGS(db_uuid(&job->lease_token), db_i64(until_us), db_uuid(&job->id)));
            job->due_at_us = job->run_at_us;
            job->run_at_us = until_us;
            job->runs++;
        }
        db_many_sort(&many, 2);
        e = db_change_alike(db, &job_claim_sqls[c->class][JOB_CLAIM_TAKE],
                            &job_claim_sqls[c->class][JOB_CLAIM_TAKE_ALL], &many, 2);
    }
    return e;
}

/* Takes what a statement finds and locks. */
static enum err job_take_rows(struct db *db, struct claiming *x, const struct sql *q, const struct db_arg *args,
                              size_t args_n)
{
    const struct job_claim *c = x->c;
    struct job *rows;
    void *found;
    size_t n;

    enum err e = db_rows(db, q, args, args_n, x->arena, sizeof *rows, c->max - x->n, &found, &n);
    if (e != OK)
        return e;
    rows = found;
    struct job *first = &x->jobs[x->n];
    for (size_t i = 0; i < n && !x->suspect; i++) {
        x->suspect = job_is_suspect(&rows[i]);
        if (!x->suspect || (c->alone && x->n == 0))
            x->jobs[x->n++] = rows[i];
    }
    return job_take(db, x, first, (size_t)(&x->jobs[x->n] - first));
}

/* Goes on with the round: at most max users. They are found without locks, because those that are passed over are nobody's
 * business. */
static enum err job_next_turns(struct db *db, struct claiming *x, size_t max, struct job_turn **ret_turns,
                               size_t *ret_n)
{
    const struct job_claim *c = x->c;
    struct job_round *r = &x->round;
    struct db_arg kind = db_cstr(c->kind), until = db_i64(r->until_us), lapsed = db_i64(c->lapsed_us),
                  runs = job_claim_runs(c);

    enum err e =
        db_rows(db, &job_claim_sqls[c->class][JOB_CLAIM_TURNS],
                DB_ARGS(kind, db_i64(r->from_us), until, lapsed, runs, kind, until, lapsed, runs, db_i64((int64_t)max)),
                x->arena, sizeof **ret_turns, max, (void **)ret_turns, ret_n);
    if (e != OK)
        return e;
    if (*ret_n == max)
        r->from_us = (*ret_turns)[max - 1].run_at_us + 1; /* more of the same moment come in the next round */
    else
        *r = (struct job_round){.until_us = c->now_us};
    return OK;
}

static enum err job_take_these(struct db *db, struct claiming *x, const struct job_turn *turns, size_t n)
{
    const struct job_claim *c = x->c;
    struct db_arg args[JOB_TURNS_MAX + 4];

    for (size_t i = 0; i < JOB_TURNS_MAX; i++)
        args[i] = db_uuid(i < n ? &turns[i].id : &UUID_NONE);
    args[JOB_TURNS_MAX] = db_cstr(c->kind);
    args[JOB_TURNS_MAX + 1] = db_i64(c->now_us);
    args[JOB_TURNS_MAX + 2] = db_i64(c->lapsed_us);
    args[JOB_TURNS_MAX + 3] = job_claim_runs(c);
    return n > 0 ? job_take_rows(db, x, &job_claim_sqls[c->class][JOB_CLAIM_THESE], args, ARRAY_LEN(args)) : OK;
}

/*
 * One job of each user, and then another one, until there are enough. Who is alone in a round of all that is due needs no
 * turns, and job_take_due goes on; likewise when another worker is taking the same.
 */
static enum err job_take_turns(struct db *db, struct claiming *x)
{
    const struct job_claim *c = x->c;
    bool alone = false;
    enum err e = OK;

    for (size_t i = 0; e == OK && !x->suspect && x->n < c->max && !alone && i < c->max; i++) {
        bool whole = x->round.from_us == 0 && x->round.until_us == c->now_us;
        struct job_turn *turns;
        size_t n;
        e = job_next_turns(db, x, MIN(c->max - x->n, (size_t)JOB_TURNS_MAX), &turns, &n);
        if (e == OK)
            e = job_take_these(db, x, turns, n);
        alone = e == OK && whole && n <= 1;
    }
    return e;
}

static enum err job_take_due(struct db *db, struct claiming *x)
{
    const struct job_claim *c = x->c;

    return job_take_rows(db, x, &job_claim_sqls[c->class][JOB_CLAIM_DUE],
                         DB_ARGS(db_cstr(c->kind), db_i64(c->now_us), db_i64(c->lapsed_us), job_claim_runs(c),
                                 db_i64((int64_t)(c->max - x->n))));
}

/* What must not be taken now. */
static enum err job_leave_some(struct db *db, struct claiming *x)
{
    const struct job_claim *c = x->c;
    size_t n = x->n;
    enum err e = OK;

    x->n = 0;
    for (size_t i = 0; i < n && e == OK; i++) {
        struct job job = x->jobs[i];
        if (c->may_take(c->may_take_arg, &job))
            x->jobs[x->n++] = job;
        else
            e = db_exec(db, &job_claim_sqls[c->class][JOB_CLAIM_LEAVE],
                        DB_ARGS(db_i64(c->now_us + JOB_LEFT_US), db_uuid_or_null(&job.left_token), db_uuid(&job.id),
                                db_uuid(&job.lease_token)),
                        NULL);
    }
    return e;
}

static enum err job_claim_tx(struct db *db, void *arg)
{
    struct claiming *x = arg;
    const struct job_claim *c = x->c;
    enum err e = OK;

    x->n = 0;
    x->suspect = false;
    x->lease_token = uuid_new();
    x->round = c->round != NULL ? *c->round : (struct job_round){0};
    if (x->round.until_us != 0)
        e = job_take_turns(db, x);
    if (e == OK && !x->suspect && x->n < c->max)
        e = job_take_due(db, x);
    if (x->n < c->max)
        x->round = (struct job_round){0};
    else if (x->round.until_us == 0)
        x->round.until_us = c->now_us;
    return e == OK && c->may_take != NULL ? job_leave_some(db, x) : e;
}

enum err job_claim(struct db *db, const struct job_claim *claim, struct arena *arena, struct job **ret_jobs,
                   size_t *ret_n, bool *ret_suspect)
{
    struct claiming x = {.c = claim, .arena = arena};

    ASSERT(claim->max > 0 && claim->max <= JOB_CLAIM_MAX);
    x.jobs = arena_array(arena, claim->max, sizeof *x.jobs);
    enum err e = db_tx(db, job_claim_tx, &x);
    if (e != OK && e != ERR_OUTCOME_UNKNOWN)
        return e == ERR_CONFLICT ? ERR_DB_FAILED : e; /* the rows were locked */
    if (claim->round != NULL && e == OK)
        *claim->round = x.round;
    *ret_jobs = x.jobs;
    *ret_n = x.n;
    *ret_suspect = x.suspect;
    return e;
}

struct unclaiming {
    enum job_class class;
    const struct job *jobs;
    size_t n;
};

static enum err job_unclaim_tx(struct db *db, void *arg)
{
    const struct unclaiming *u = arg;
    enum err e = OK;

    for (size_t i = 0; i < u->n && e == OK; i += DB_MANY_MAX) {
        struct db_many many = {.n = 0};
        for (size_t j = i; j < MIN(i + DB_MANY_MAX, u->n); j++)
            db_many_add(&many, DB_ARGS(db_i64(u->jobs[j].due_at_us), db_i64(u->jobs[j].due_at_us),
                                       db_uuid_or_null(&u->jobs[j].left_token), db_uuid(&u->jobs[j].id),
                                       db_uuid(&u->jobs[j].lease_token)));
        db_many_sort(&many, 3);
        e = db_exec_many(db, &job_claim_sqls[u->class][JOB_CLAIM_RETURN], &many);
    }
    return e;
}

enum err job_unclaim(struct db *db, enum job_class c, const struct job *jobs, size_t n)
{
    return db_tx(db, job_unclaim_tx, &(struct unclaiming){c, jobs, n});
}

#define TAKE(table) \
    "UPDATE " table " FORCE INDEX (PRIMARY) SET lease_token = ?, run_at_us = ?, runs = runs + 1, rests_until_us = " \
    "NULL"

#define SQLS(table) \
    { \
        [JOB_CLAIM_DUE] = {.text = \
                               "SELECT id, kind, subject_id, run_at_us, runs, tries, failures, slot_at_us, about_id, " \
                               "request_id, created_at_us, lease_token" \
                               " FROM " table \
                               " FORCE INDEX (by_kind) WHERE state = 'ready' AND kind = ? AND run_at_us <= ?" \
                               " AND (lease_token IS NULL OR run_at_us <= ?) AND runs < ?" \
                               " ORDER BY run_at_us LIMIT ? FOR UPDATE SKIP LOCKED", \
                           .in = "siiii", \
                           .cols = job_due_cols}, \
        [JOB_CLAIM_TURNS] = \
            {.text = "SELECT id, run_at_us FROM " table " j FORCE INDEX (by_kind) WHERE state = 'ready' AND kind = ?" \
                     " AND run_at_us >= ? AND run_at_us <= ? AND (lease_token IS NULL OR run_at_us <= ?) AND runs < ?" \
                     " AND (user_id IS NULL OR id =" \
                     " (SELECT u.id FROM " table " u FORCE INDEX (by_user) WHERE u.state = 'ready' AND u.kind = ?" \
                     " AND u.user_id = j.user_id AND u.run_at_us <= ? AND (u.lease_token IS NULL OR u.run_at_us <= ?)" \
                     " AND u.runs < ?" \
                     " ORDER BY u.run_at_us, u.id LIMIT 1)) ORDER BY run_at_us, id LIMIT ?", \
             .in = "siiiisiiii", \
             .cols = job_turn_cols}, \
        [JOB_CLAIM_THESE] = \
            {.text = \
                 "SELECT id, kind, subject_id, run_at_us, runs, tries, failures, slot_at_us, about_id, request_id, " \
                 "created_at_us, lease_token" \
                 " FROM " table " WHERE id IN " DB_MANY_IDS " AND state = 'ready' AND kind = ?" \
                 " AND run_at_us <= ? AND (lease_token IS NULL OR run_at_us <= ?) AND runs < ?" \
                 " ORDER BY run_at_us, id FOR UPDATE SKIP LOCKED", \
             .in = DB_MANY_IDS_IN "siii", \
             .cols = job_due_cols}, \
        [JOB_CLAIM_TAKE] = {.text = TAKE(table) " WHERE id = ? AND state = 'ready'", .in = "uiu"}, \
        [JOB_CLAIM_TAKE_ALL] = {.text = TAKE(table) " WHERE id IN " DB_MANY_IDS " AND state = 'ready'", \
                                .in = "ui" DB_MANY_IDS_IN}, \
        [JOB_CLAIM_LEAVE] = {.text = "UPDATE " table " FORCE INDEX (PRIMARY) SET run_at_us = ?, lease_token = ?," \
                                     " runs = runs - 1 WHERE id = ? AND lease_token = ?", \
                             .in = "iuuu"}, \
        [JOB_CLAIM_RETURN] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                                      " wanted_at_us = NULL, lease_token = ?, runs = runs - 1" \
                                      " WHERE id = ? AND lease_token = ?", \
                              .in = "iiuuu"}, \
    }

static const struct sql job_claim_sqls[JOB_CLASS__MAX][JOB_CLAIM__MAX] = {
    [JOB_PUBLISH] = SQLS("jobs_publish"), [JOB_MEDIA] = SQLS("jobs_media"),     [JOB_MAIL] = SQLS("jobs_mail"),
    [JOB_BILLING] = SQLS("jobs_billing"), [JOB_PRIVACY] = SQLS("jobs_privacy"),
};
