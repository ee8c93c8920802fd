#include "model/job/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/digest.h"

const char *const job_class_names[] = {"publish", "media", "mail", "billing", "privacy", NULL};

enum {
    JOBS_ADD,
    JOBS_DUE,
    JOBS_HOLD,
    JOBS_HOLD_ALL,
    JOBS_LOCK,
    JOBS_LOOK,
    JOBS_FINISH,
    JOBS_RESTART,
    JOBS_RESTART_ALL,
    JOBS_AGAIN,
    JOBS_DROP,
    JOBS_BURY,
    JOBS_ABOUT,
    JOBS_HURRY,
    JOBS_COUNT,
    JOBS__MAX
};

#define JOB_NEVER_US (INT64_MAX / 2)

static const struct db_col job_kinds_due_cols[] = {
    DB_COL(struct job_due, at_us[0], I64), DB_COL(struct job_due, at_us[1], I64), DB_COL(struct job_due, at_us[2], I64),
    DB_COL(struct job_due, at_us[3], I64), DB_COL(struct job_due, at_us[4], I64), DB_COL(struct job_due, at_us[5], I64),
    DB_COL(struct job_due, at_us[6], I64), DB_COL(struct job_due, at_us[7], I64), DB_END};

static const struct db_col job_count_cols[] = {
    DB_COL(struct job_counts, due, I64),
    DB_COL(struct job_counts, later, I64),
    DB_COL(struct job_counts, dead, I64),
    DB_COL(struct job_counts, oldest_at_us, I64),
    DB_END,
};

static const struct sql job_sqls[JOB_CLASS__MAX][JOBS__MAX];

/*
 * Of a kind and a subject always the same (UUIDv8, RFC 9562 5.8). A job's row is deleted, and is added again when the next
 * post of the account comes. InnoDB keeps a deleted row for a while, and then locks its place in by_subject and the one
 * after it, with the gaps before them. With a new id the row would have to be inserted into such a gap, where another that
 * is waiting for its own lock stands in the way: a deadlock of two accounts that are neighbours. With the old id, the old
 * row comes back to life where it is.
 */
static struct uuid job_id(const char *kind, const struct uuid *subject_id)
{
    struct sha256 digest = hmac_sha256(str_of(subject_id->b, sizeof subject_id->b), str_from(kind));
    struct uuid id;

    memcpy(id.b, digest.b, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

enum err job_add(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id, int64_t run_at_us,
                 struct str request_id)
{
    return job_add_of(db, c, kind, subject_id, &UUID_NONE, run_at_us, request_id);
}

enum err job_add_of(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id,
                    const struct uuid *user_id, int64_t run_at_us, struct str request_id)
{
    const struct job_new job = {kind, *subject_id, *user_id, run_at_us, request_id};

    return job_add_many(db, c, &job, 1);
}

enum err job_add_many(struct db *db, enum job_class c, const struct job_new *jobs, size_t n)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        const struct job_new *j = &jobs[i];
        struct uuid id = job_id(j->kind, &j->subject_id);
        db_many_add(&many,
                    DB_ARGS(db_uuid(&id), db_cstr(j->kind), db_uuid(&j->subject_id), db_uuid_or_null(&j->user_id),
                            db_i64(j->run_at_us), db_str(j->request_id), db_i64(clock_now_us()), db_i64(JOB_REST_US),
                            db_i64(JOB_REST_US + JOB_LEASE_FAR_US), db_i64(JOB_LEASE_FAR_US)));
    }
    db_many_sort(&many, 0);
    return db_exec_many(db, &job_sqls[c][JOBS_ADD], &many);
}

/* A job, and its place among those that are locked together. */
struct job_place {
    struct uuid id;
    const struct job_new *added; /* or */
    const struct job *held;
};

static int job_place_compare(const void *a, const void *b)
{
    return uuid_cmp(&((const struct job_place *)a)->id, &((const struct job_place *)b)->id);
}

enum err job_add_all(struct db *db, enum job_class c, struct arena *arena, const struct job_new *jobs, size_t n)
{
    struct job_place *places = arena_array(arena, n + 1, sizeof *places);
    struct job_new some[DB_MANY_MAX];
    size_t some_n = 0;
    enum err e = OK;

    for (size_t i = 0; i < n; i++)
        places[i] = (struct job_place){.id = job_id(jobs[i].kind, &jobs[i].subject_id), .added = &jobs[i]};
    qsort(places, n, sizeof *places, job_place_compare);
    for (size_t i = 0; i < n && e == OK; i++) {
        some[some_n++] = *places[i].added;
        if (some_n < DB_MANY_MAX && i + 1 < n)
            continue;
        e = job_add_many(db, c, some, some_n);
        some_n = 0;
    }
    return e;
}

enum err job_due(struct db *db, enum job_class c, struct arena *arena, const char *const *kinds, size_t n,
                 struct job_due *ret_due)
{
    struct db_arg args[JOB_KINDS_MAX];

    ASSERT(n <= JOB_KINDS_MAX);
    for (size_t i = 0; i < JOB_KINDS_MAX; i++)
        args[i] = db_cstr(i < n ? kinds[i] : "");
    return db_row(db, &job_sqls[c][JOBS_DUE], args, JOB_KINDS_MAX, arena, ret_due);
}

enum err job_hold_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n, int64_t until_us)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++)
        db_many_add(&many, DB_ARGS(db_i64(until_us == 0 ? INT64_MAX : until_us + JOB_LEASE_FAR_US), db_i64(until_us),
                                   db_i64(until_us), db_uuid(&jobs[i]->id), db_uuid(&jobs[i]->lease_token)));
    db_many_sort(&many, 3);
    return db_change_alike(db, &job_sqls[c][JOBS_HOLD], &job_sqls[c][JOBS_HOLD_ALL], &many, 3);
}

enum err job_hold(struct db *db, enum job_class c, const struct job *job, int64_t until_us)
{
    return job_hold_many(db, c, &job, 1, until_us);
}

enum err job_renew(struct db *db, enum job_class c, const struct job *job, int64_t until_us)
{
    enum err e = db_lock_now(db, &job_sqls[c][JOBS_LOCK], &job_sqls[c][JOBS_LOOK],
                             DB_ARGS(db_uuid(&job->id), db_uuid(&job->lease_token)));

    return e == OK ? job_hold(db, c, job, until_us) : e;
}

enum err job_is_left(struct db *db, enum job_class c, const struct uuid *id, const struct uuid *token)
{
    int64_t one;

    return db_number(db, &job_sqls[c][JOBS_LOOK], DB_ARGS(db_uuid(id), db_uuid(token)), &one);
}

enum err job_restart_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n,
                          const int64_t *run_at_us)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++)
        db_many_add(&many, DB_ARGS(db_i64(run_at_us[i]), db_i64(run_at_us[i]), db_uuid(&jobs[i]->id),
                                   db_uuid(&jobs[i]->lease_token)));
    db_many_sort(&many, 2);
    return db_change_alike(db, &job_sqls[c][JOBS_RESTART], &job_sqls[c][JOBS_RESTART_ALL], &many, 2);
}

enum err job_restart(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us)
{
    return job_restart_many(db, c, &job, 1, &run_at_us);
}

enum err job_finish_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n)
{
    struct job_place places[DB_MANY_MAX];
    struct db_many many = {.n = 0};

    ASSERT(n <= DB_MANY_MAX);
    for (size_t i = 0; i < n; i++)
        places[i] = (struct job_place){.id = jobs[i]->id, .held = jobs[i]};
    if (n > 1)
        qsort(places, n, sizeof *places, job_place_compare);
    for (size_t i = 0; i < n; i++) {
        const struct job *j = places[i].held;
        db_many_add(&many, DB_ARGS(db_str(j->kind), db_uuid(&j->subject_id), db_uuid(&j->lease_token)));
    }
    return db_change_many(db, &job_sqls[c][JOBS_FINISH], &many);
}

enum err job_finish(struct db *db, enum job_class c, const struct job *job)
{
    enum err e = job_finish_many(db, c, &job, 1);

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

enum err job_note_about(struct db *db, enum job_class c, const struct job *job, const struct uuid *about_id)
{
    return db_change(db, &job_sqls[c][JOBS_ABOUT],
                     DB_ARGS(db_uuid(about_id), db_uuid(&job->id), db_uuid(&job->lease_token)));
}

enum err job_hurry(struct db *db, enum job_class c, int64_t now_us, size_t max, uint64_t *ret_n)
{
    return db_exec(db, &job_sqls[c][JOBS_HURRY],
                   DB_ARGS(db_i64(now_us), db_i64(now_us), db_i64(now_us + US_PER_DAY),
                           db_i64(now_us + CLOCKS_DIFFER_US), db_i64(now_us + JOB_LEASE_FAR_US), db_i64((int64_t)max)),
                   ret_n);
}

enum err job_count(struct db *db, enum job_class c, struct arena *arena, int64_t now_us, struct job_counts *ret_counts)
{
    struct db_arg now = db_i64(now_us), max = db_i64(JOB_COUNT_MAX);

    return db_row(db, &job_sqls[c][JOBS_COUNT], DB_ARGS(now, max, now, max, max, now), arena, ret_counts);
}

/* Of one kind: the first row of its part of the index. */
#define DUE(table) \
    "(SELECT COALESCE(MIN(run_at_us), 9223372036854775807) FROM " table \
    " FORCE INDEX (by_kind) WHERE state = 'ready' AND kind = ?)"
#define DUES(table) DUE(table) ", " DUE(table) ", " DUE(table) ", " DUE(table)

#define HOLD(table) \
    "UPDATE " table " FORCE INDEX (PRIMARY) SET run_at_us = IF(run_at_us > ?, ?, GREATEST(run_at_us, ?))"
#define RESTART(table) \
    "UPDATE " table " FORCE INDEX (PRIMARY) SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
    " wanted_at_us = NULL, slot_at_us = NULL, lease_token = NULL, runs = 0, tries = 0, failures = 0, about_id = NULL"

/*
 * The classes differ only in the table. MariaDB sets columns from left to right, so a condition stands before what
 * changes it. add and finish both find the row by its kind and subject: whoever deleted it by its id would lock the row
 * first and that index after it, which add does the other way round.
 */
#define SQLS(table) \
    { \
        [JOBS_ADD] = {.text = \
                          "INSERT INTO " table \
                          " (id, kind, subject_id, user_id, state, run_at_us, request_id, created_at_us)" \
                          " VALUES (?, ?, ?, ?, 'ready', ?, ?, ?) ON DUPLICATE KEY UPDATE" \
                          " user_id = COALESCE(user_id, VALUES(user_id)), wanted_at_us =" \
                          " IF(lease_token IS NULL, NULL, LEAST(COALESCE(wanted_at_us, VALUES(run_at_us)), " \
                          "VALUES(run_at_us)))," \
                          " rests_until_us = CASE WHEN state = 'dead' THEN GREATEST(VALUES(run_at_us), run_at_us + ?)" \
                          " WHEN rests_until_us > VALUES(created_at_us) + ? THEN NULL ELSE rests_until_us END," \
                          " run_at_us = CASE WHEN state = 'dead' THEN rests_until_us" \
                          " WHEN lease_token IS NULL OR run_at_us > VALUES(created_at_us) + ?" \
                          " THEN LEAST(run_at_us, GREATEST(VALUES(run_at_us), COALESCE(rests_until_us, 0)))" \
                          " ELSE run_at_us END," \
                          " runs = IF(state = 'dead', 0, runs), tries = IF(state = 'dead', 0, tries)," \
                          " about_id = IF(state = 'dead', NULL, about_id), state = 'ready'", \
                      .in = "usuuisiiii"}, \
        [JOBS_DUE] = {.text = "SELECT " DUES(table) ", " DUES(table), .in = "ssssssss", .cols = job_kinds_due_cols}, \
        [JOBS_HOLD] = {.text = HOLD(table) " WHERE id = ? AND lease_token = ?", .in = "iiiuu"}, \
        [JOBS_HOLD_ALL] = {.text = HOLD(table) " WHERE id IN " DB_MANY_IDS " AND lease_token = ?", \
                           .in = "iii" DB_MANY_IDS_IN "u"}, \
        [JOBS_LOCK] = {.text = "SELECT 1 FROM " table " WHERE id = ? AND lease_token = ? FOR UPDATE SKIP LOCKED", \
                       .in = "uu", \
                       .cols = db_number_cols}, \
        [JOBS_LOOK] = {.text = "SELECT 1 FROM " table " WHERE id = ? AND lease_token = ?", \
                       .in = "uu", \
                       .cols = db_number_cols}, \
        [JOBS_FINISH] = {.text = "DELETE FROM " table " WHERE kind = ? AND subject_id = ? AND lease_token = ?" \
                                 " AND wanted_at_us IS NULL", \
                         .in = "suu"}, \
        [JOBS_RESTART] = {.text = RESTART(table) " WHERE id = ? AND lease_token = ?", .in = "iiuu"}, \
        [JOBS_RESTART_ALL] = {.text = RESTART(table) " WHERE id IN " DB_MANY_IDS " AND lease_token = ?", \
                              .in = "ii" DB_MANY_IDS_IN "u"}, \
        [JOBS_AGAIN] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                                " wanted_at_us = NULL, slot_at_us = ?, lease_token = NULL, runs = 0, failures = 0," \
                                " about_id = NULL," \
                                " tries = LEAST(tries + 1, 65535) WHERE id = ? AND lease_token = ?", \
                        .in = "iiiuu"}, \
        [JOBS_DROP] = {.text = "UPDATE " table " SET run_at_us = LEAST(?, COALESCE(wanted_at_us, ?))," \
                               " wanted_at_us = NULL, lease_token = NULL, runs = 0, about_id = NULL," \
                               " tries = LEAST(tries + 1, 65535), failures = LEAST(failures + 1, 65535)" \
                               " WHERE id = ? AND lease_token = ?", \
                       .in = "iiuu"}, \
        [JOBS_BURY] = {.text = "UPDATE " table " SET state = 'dead', lease_token = NULL, wanted_at_us = NULL," \
                               " failures = 0" \
                               " WHERE id = ? AND lease_token = ?", \
                       .in = "uu"}, \
        [JOBS_ABOUT] = {.text = "UPDATE " table " SET about_id = ? WHERE id = ? AND lease_token = ?", .in = "uuu"}, \
        [JOBS_HURRY] = {.text = "UPDATE " table " FORCE INDEX (due) SET run_at_us = ? WHERE state = 'ready'" \
                                " AND run_at_us > ? AND run_at_us < ? AND IF(ISNULL(lease_token)," \
                                " created_at_us > ? AND tries = 0 AND ISNULL(rests_until_us), run_at_us > ?) LIMIT ?", \
                        .in = "iiiiii"}, \
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
    [JOB_PUBLISH] = SQLS("jobs_publish"), [JOB_MEDIA] = SQLS("jobs_media"),     [JOB_MAIL] = SQLS("jobs_mail"),
    [JOB_BILLING] = SQLS("jobs_billing"), [JOB_PRIVACY] = SQLS("jobs_privacy"),
};
