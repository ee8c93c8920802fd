#include "model/job/job.h"

#include "base/clock.h"

const char *const job_class_names[] = {"publish", "media", NULL};

enum { JOBS_ADD, JOBS_DUE, JOBS_TAKE, JOBS_HOLD, JOBS_FINISH, JOBS_AGAIN, JOBS_DROP, JOBS_BURY, JOBS_COUNT, JOBS__MAX };

static const struct db_col job_due_cols[] = {
    DB_COL(struct job, id, UUID),        DB_COL(struct job, kind, STR),          DB_COL(struct job, subject_id, UUID),
    DB_COL(struct job, run_at_us, I64),  DB_COL(struct job, runs, I64),          DB_COL(struct job, tries, I64),
    DB_COL(struct job, request_id, STR), DB_COL(struct job, created_at_us, I64), DB_END,
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

struct claim {
    enum job_class class;
    int64_t now_us, lease_us;
    size_t max;
    struct arena *arena;
    struct job *jobs;
    size_t n;
};

static enum err job_claim_tx(struct db *db, void *arg)
{
    struct claim *c = arg;
    void *rows;
    size_t n;
    int64_t until_us = c->now_us + c->lease_us;

    c->n = 0;
    enum err e = db_rows(db, &job_sqls[c->class][JOBS_DUE], DB_ARGS(db_i64(c->now_us), db_i64((int64_t)c->max)),
                         c->arena, sizeof(struct job), c->max, &rows, &n);
    if (e != OK)
        return e;
    c->jobs = rows;
    for (size_t i = 0; i < n; i++) {
        struct job *job = &c->jobs[i];
        job->lease_token = uuid_new();
        /* Another worker may have been faster. Each claim moves run_at_us, so ours then matches no row. */
        e = db_change(db, &job_sqls[c->class][JOBS_TAKE],
                      DB_ARGS(db_uuid(&job->lease_token), db_i64(until_us), db_uuid(&job->id), db_i64(job->run_at_us)));
        if (e == ERR_CONFLICT)
            continue;
        if (e != OK)
            return e;
        job->run_at_us = until_us;
        job->runs++;
        c->jobs[c->n++] = *job;
    }
    return OK;
}

enum err job_claim(struct db *db, enum job_class class, int64_t now_us, int64_t lease_us, size_t max,
                   struct arena *arena, struct job **ret_jobs, size_t *ret_n)
{
    struct claim c = {.class = class, .now_us = now_us, .lease_us = lease_us, .max = max, .arena = arena};

    ASSERT(max > 0 && max <= JOB_CLAIM_MAX);
    enum err e = db_tx(db, job_claim_tx, &c);
    if (e != OK)
        return e;
    *ret_jobs = c.jobs;
    *ret_n = c.n;
    return OK;
}

enum err job_hold(struct db *db, enum job_class c, const struct job *job, int64_t until_us)
{
    return db_change(db, &job_sqls[c][JOBS_HOLD],
                     DB_ARGS(db_i64(until_us), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_finish(struct db *db, enum job_class c, const struct job *job)
{
    return db_change(db, &job_sqls[c][JOBS_FINISH], DB_ARGS(db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_again(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us)
{
    return db_change(db, &job_sqls[c][JOBS_AGAIN],
                     DB_ARGS(db_i64(run_at_us), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_drop(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us, bool counted)
{
    int64_t less = counted ? 0 : 1;

    return db_change(
        db, &job_sqls[c][JOBS_DROP],
        DB_ARGS(db_i64(run_at_us), db_i64(less), db_i64(less), db_uuid(&job->id), db_uuid(&job->lease_token)));
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

/* The classes differ only in the table. */
#define SQLS(table) \
    { \
        [JOBS_ADD] = \
            {.text = \
                 "INSERT INTO " table " (id, kind, subject_id, state, run_at_us, request_id, created_at_us)" \
                 " VALUES (?, ?, ?, 'ready', ?, ?, ?) ON DUPLICATE KEY UPDATE run_at_us =" \
                 " CASE WHEN state = 'dead' THEN GREATEST(VALUES(run_at_us), run_at_us + ?) WHEN lease_token IS NULL" \
                 " THEN LEAST(run_at_us, VALUES(run_at_us)) ELSE run_at_us END," \
                 " runs = IF(state = 'dead', 0, runs), tries = IF(state = 'dead', 0, tries), state = 'ready'", \
             .in = "usuisii"}, \
        [JOBS_DUE] = {.text = \
                          "SELECT id, kind, subject_id, run_at_us, runs, tries, request_id, created_at_us FROM " table \
                          " WHERE state = 'ready' AND run_at_us <= ? ORDER BY run_at_us LIMIT ?", \
                      .in = "ii", \
                      .cols = job_due_cols}, \
        [JOBS_TAKE] = {.text = "UPDATE " table " SET lease_token = ?, run_at_us = ?, runs = runs + 1" \
                               " WHERE id = ? AND run_at_us = ? AND state = 'ready'", \
                       .in = "uiui"}, \
        [JOBS_HOLD] = {.text = \
                           "UPDATE " table " SET run_at_us = GREATEST(run_at_us, ?) WHERE id = ? AND lease_token = ?", \
                       .in = "iuu"}, \
        [JOBS_FINISH] = {.text = "DELETE FROM " table " WHERE id = ? AND lease_token = ?", .in = "uu"}, \
        [JOBS_AGAIN] = {.text = "UPDATE " table " SET run_at_us = ?, lease_token = NULL, runs = 0," \
                                " tries = LEAST(tries + 1, 65535) WHERE id = ? AND lease_token = ?", \
                        .in = "iuu"}, \
        [JOBS_DROP] = {.text = "UPDATE " table " SET run_at_us = ?, lease_token = NULL, runs = GREATEST(runs, ?) - ?," \
                               " tries = LEAST(tries + 1, 65535)" \
                               " WHERE id = ? AND lease_token = ?", \
                       .in = "iiiuu"}, \
        [JOBS_BURY] = {.text = \
                           "UPDATE " table " SET state = 'dead', lease_token = NULL WHERE id = ? AND lease_token = ?", \
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
