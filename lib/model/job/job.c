#include "model/job/job.h"

#include "base/clock.h"

const char *const job_class_names[] = {"publish", "media", NULL};

enum {
    JOBS_ADD,
    JOBS_SET,
    JOBS_NEXT_KIND,
    JOBS_DUE,
    JOBS_TAKE,
    JOBS_HOLD,
    JOBS_FINISH,
    JOBS_RESTART,
    JOBS_AGAIN,
    JOBS_DROP,
    JOBS_BURY,
    JOBS_COUNT,
    JOBS__MAX
};

#define KINDS_MAX 100
#define JOB_NEVER_US (INT64_MAX / 2)

static const struct db_col job_kinds_cols[] = {DB_COL(struct job_due, kind, STR),
                                               DB_COL(struct job_due, run_at_us, I64), DB_END};

static const struct db_col job_due_cols[] = {
    DB_COL(struct job, id, UUID),
    DB_COL(struct job, kind, STR),
    DB_COL(struct job, subject_id, UUID),
    DB_COL(struct job, run_at_us, I64),
    DB_COL(struct job, runs, I64),
    DB_COL(struct job, tries, I64),
    DB_COL(struct job, failures, I64),
    DB_COL(struct job, slot_at_us, I64),
    DB_COL(struct job, request_id, STR),
    DB_COL(struct job, created_at_us, I64),
    DB_END,
};

static const struct db_col job_count_cols[] = {
    DB_COL(struct job_counts, due, I64),
    DB_COL(struct job_counts, later, I64),
    DB_COL(struct job_counts, dead, I64),
    DB_COL(struct job_counts, oldest_at_us, I64),
    DB_END,
};

static const struct sql job_sqls[JOB_CLASS__MAX][JOBS__MAX];

enum err job_add(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id, int64_t run_at_us,
                 struct str request_id)
{
    struct uuid id = uuid_new();

    return db_exec(db, &job_sqls[c][JOBS_ADD],
                   DB_ARGS(db_uuid(&id), db_cstr(kind), db_uuid(subject_id), db_i64(run_at_us), db_str(request_id),
                           db_i64(clock_now_us()), db_i64(JOB_REST_US)),
                   NULL);
}

enum err job_set_time(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id,
                      int64_t run_at_us)
{
    return db_change(db, &job_sqls[c][JOBS_SET],
                     DB_ARGS(db_i64(run_at_us), db_i64(run_at_us), db_cstr(kind), db_uuid(subject_id)));
}

/* From kind to kind: each statement reads one row of the index, where GROUP BY with MIN reads all of them. */
enum err job_due(struct db *db, enum job_class c, struct arena *arena, struct job_due **ret_due, size_t *ret_n)
{
    struct job_due *due = arena_array(arena, KINDS_MAX, sizeof *due);
    struct str after = STR("");
    enum err e = OK;
    size_t n = 0;

    while (n < KINDS_MAX &&
           (e = db_row(db, &job_sqls[c][JOBS_NEXT_KIND], DB_ARGS(db_str(after)), arena, &due[n])) == OK)
        after = due[n++].kind;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *ret_due = due;
    *ret_n = n;
    return OK;
}

struct claiming {
    const struct job_claim *c;
    struct arena *arena;
    struct job *jobs;
    size_t n;
    bool suspect;
};

static enum err job_take(struct db *db, const struct job_claim *c, struct job *job)
{
    int64_t until_us = c->now_us + c->lease_us;

    job->lease_token = uuid_new();
    enum err e =
        db_change(db, &job_sqls[c->class][JOBS_TAKE],
                  DB_ARGS(db_uuid(&job->lease_token), db_i64(until_us), db_uuid(&job->id), db_i64(job->run_at_us)));
    job->run_at_us = until_us;
    job->runs++;
    return e;
}

static enum err job_claim_tx(struct db *db, void *arg)
{
    struct claiming *x = arg;
    const struct job_claim *c = x->c;
    void *rows;
    size_t n;

    x->n = 0;
    x->suspect = false;
    enum err e = db_rows(db, &job_sqls[c->class][JOBS_DUE],
                         DB_ARGS(db_cstr(c->kind), db_i64(c->now_us), db_i64(c->lapsed_us), db_i64((int64_t)c->max)),
                         x->arena, sizeof(struct job), c->max, &rows, &n);
    x->jobs = rows;
    for (size_t i = 0; i < n && e == OK; i++) {
        x->suspect = job_is_suspect(&x->jobs[i]);
        if (x->suspect && !(c->alone && i == 0))
            break;
        e = job_take(db, c, &x->jobs[i]);
        if (e == OK)
            x->n++;
        if (x->suspect)
            break;
    }
    return e;
}

enum err job_claim(struct db *db, const struct job_claim *claim, struct arena *arena, struct job **ret_jobs,
                   size_t *ret_n, bool *ret_suspect)
{
    struct claiming x = {.c = claim, .arena = arena};

    ASSERT(claim->max > 0 && claim->max <= JOB_CLAIM_MAX);
    enum err e = db_tx(db, job_claim_tx, &x);
    if (e != OK)
        return e == ERR_CONFLICT ? ERR_DB_FAILED : e; /* the rows were locked */
    *ret_jobs = x.jobs;
    *ret_n = x.n;
    *ret_suspect = x.suspect;
    return OK;
}

enum err job_hold(struct db *db, enum job_class c, const struct job *job, int64_t until_us)
{
    return db_change(db, &job_sqls[c][JOBS_HOLD],
                     DB_ARGS(db_i64(until_us), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_restart(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us)
{
    return db_change(db, &job_sqls[c][JOBS_RESTART],
                     DB_ARGS(db_i64(run_at_us), db_i64(run_at_us), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_finish(struct db *db, enum job_class c, const struct job *job)
{
    enum err e = db_change(db, &job_sqls[c][JOBS_FINISH],
                           DB_ARGS(db_str(job->kind), db_uuid(&job->subject_id), db_uuid(&job->lease_token)));

    return e == ERR_CONFLICT ? job_restart(db, c, job, JOB_NEVER_US) : e; /* it was wanted meanwhile */
}

enum err job_again(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us)
{
    return db_change(db, &job_sqls[c][JOBS_AGAIN],
                     DB_ARGS(db_i64(run_at_us), db_i64(run_at_us), db_i64_or_null(job->slot_at_us), db_uuid(&job->id),
                             db_uuid(&job->lease_token)));
}

enum err job_drop(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us)
{
    return db_change(db, &job_sqls[c][JOBS_DROP],
                     DB_ARGS(db_i64(run_at_us), db_i64(run_at_us), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_bury(struct db *db, enum job_class c, const struct job *job)
{
    return db_change(db, &job_sqls[c][JOBS_BURY], DB_ARGS(db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_count(struct db *db, enum job_class c, struct arena *arena, int64_t now_us, struct job_counts *ret_counts)
{
    struct db_arg now = db_i64(now_us), max = db_i64(JOB_COUNT_MAX);

    return db_row(db, &job_sqls[c][JOBS_COUNT], DB_ARGS(now, max, now, max, max, now), arena, ret_counts);
}

/*
 * The classes differ only in the table. MariaDB sets columns from left to right, so a condition stands before what
 * changes it. add and finish both find the row by its kind and subject: whoever deleted it by its id would lock the row
 * first and that index after it, which add does the other way round.
 */
#define SQLS(table) \
    { \
        [JOBS_ADD] = \
            {.text = \
                 "INSERT INTO " table " (id, kind, subject_id, state, run_at_us, request_id, created_at_us)" \
                 " VALUES (?, ?, ?, 'ready', ?, ?, ?) ON DUPLICATE KEY UPDATE wanted_at_us =" \
                 " IF(lease_token IS NULL, NULL, LEAST(COALESCE(wanted_at_us, VALUES(run_at_us)), " \
                 "VALUES(run_at_us)))," \
                 " run_at_us =" \
                 " CASE WHEN state = 'dead' THEN GREATEST(VALUES(run_at_us), run_at_us + ?) WHEN lease_token IS NULL" \
                 " THEN LEAST(run_at_us, VALUES(run_at_us)) ELSE run_at_us END," \
                 " runs = IF(state = 'dead', 0, runs), tries = IF(state = 'dead', 0, tries), state = 'ready'", \
             .in = "usuisii"}, \
        [JOBS_SET] = {.text = "UPDATE " table " SET wanted_at_us = IF(lease_token IS NULL, NULL, ?)," \
                              " run_at_us = IF(lease_token IS NULL, ?, run_at_us)" \
                              " WHERE kind = ? AND subject_id = ? AND state = 'ready'", \
                      .in = "iisu"}, \
        [JOBS_NEXT_KIND] = {.text = "SELECT kind, run_at_us FROM " table " FORCE INDEX (by_kind)" \
                                    " WHERE state = 'ready' AND kind > ? ORDER BY kind, run_at_us LIMIT 1", \
                            .in = "s", \
                            .cols = job_kinds_cols}, \
        [JOBS_DUE] = {.text = "SELECT id, kind, subject_id, run_at_us, runs, tries, failures, slot_at_us, " \
                              "request_id, created_at_us" \
                              " FROM " table \
                              " FORCE INDEX (by_kind) WHERE state = 'ready' AND kind = ? AND run_at_us <= ?" \
                              " AND (lease_token IS NULL OR run_at_us <= ?)" \
                              " ORDER BY run_at_us LIMIT ? FOR UPDATE SKIP LOCKED", \
                      .in = "siii", \
                      .cols = job_due_cols}, \
        [JOBS_TAKE] = {.text = "UPDATE " table " SET lease_token = ?, run_at_us = ?, runs = runs + 1" \
                               " WHERE id = ? AND run_at_us = ? AND state = 'ready'", \
                       .in = "uiui"}, \
        [JOBS_HOLD] = {.text = \
                           "UPDATE " table " SET run_at_us = GREATEST(run_at_us, ?) WHERE id = ? AND lease_token = ?", \
                       .in = "iuu"}, \
        [JOBS_FINISH] = {.text = "DELETE FROM " table " WHERE kind = ? AND subject_id = ? AND lease_token = ?" \
                                 " AND wanted_at_us IS NULL", \
                         .in = "suu"}, \
        [JOBS_RESTART] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                                  " wanted_at_us = NULL, slot_at_us = NULL, lease_token = NULL, runs = 0, tries = 0," \
                                  " failures = 0" \
                                  " WHERE id = ? AND lease_token = ?", \
                          .in = "iiuu"}, \
        [JOBS_AGAIN] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                                " wanted_at_us = NULL, slot_at_us = ?, lease_token = NULL, runs = 0, failures = 0," \
                                " tries = LEAST(tries + 1, 65535) WHERE id = ? AND lease_token = ?", \
                        .in = "iiiuu"}, \
        [JOBS_DROP] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                               " wanted_at_us = NULL, lease_token = NULL, runs = 0," \
                               " tries = LEAST(tries + 1, 65535), failures = LEAST(failures + 1, 65535)" \
                               " WHERE id = ? AND lease_token = ?", \
                       .in = "iiuu"}, \
        [JOBS_BURY] = {.text = "UPDATE " table " SET state = 'dead', lease_token = NULL, wanted_at_us = NULL," \
                               " failures = 0" \
                               " WHERE id = ? AND lease_token = ?", \
                       .in = "uu"}, \
        [JOBS_COUNT] = {.text = "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM " table \
                                " WHERE state = 'ready' AND run_at_us <= ? LIMIT ?) a)," \
                                " (SELECT COUNT(*) FROM (SELECT 1 FROM " table \
                                " WHERE state = 'ready' AND run_at_us > ? LIMIT ?) b)," \
                                " (SELECT COUNT(*) FROM (SELECT 1 FROM " table " WHERE state = 'dead' LIMIT ?) c)," \
                                " (SELECT COALESCE(MIN(run_at_us), 0) FROM " table \
                                " WHERE state = 'ready' AND run_at_us <= ?)", \
                        .in = "iiiiii", \
                        .cols = job_count_cols}, \
    }

static const struct sql job_sqls[JOB_CLASS__MAX][JOBS__MAX] = {
    [JOB_PUBLISH] = SQLS("jobs_publish"),
    [JOB_MEDIA] = SQLS("jobs_media"),
};
