#include "model/job/heartbeat.h"

#define ROWS_MAX 32 /* a newer program may have added classes that we do not know */

enum { HEARTBEAT_WRITE, HEARTBEAT_STEADY, HEARTBEAT_SEEN };

struct heartbeat_row {
    struct str class;
};

static const struct db_col heartbeat_row_cols[] = {DB_COL(struct heartbeat_row, class, STR), DB_END};

static const struct sql heartbeat_sqls[] = {
    /* Two workers' clocks may differ a little. */
    [HEARTBEAT_WRITE] =
        {.text = "INSERT INTO worker_heartbeats (class, seen_at_us, steady_since_us, steady_at_us)"
                 " VALUES (?, ?, seen_at_us, seen_at_us) ON DUPLICATE KEY UPDATE steady_since_us ="
                 " IF(ABS(CAST(VALUES(seen_at_us) AS SIGNED) - CAST(steady_at_us AS SIGNED)) <= ?, steady_since_us,"
                 " VALUES(seen_at_us)), steady_at_us = VALUES(seen_at_us),"
                 " seen_at_us = VALUES(seen_at_us)",
         .in = "sii"},
    [HEARTBEAT_STEADY] = {.text = "SELECT steady_since_us FROM worker_heartbeats WHERE class = ?"
                                  " AND steady_at_us BETWEEN ? AND ?",
                          .in = "sii",
                          .cols = db_number_cols},
    [HEARTBEAT_SEEN] = {.text = "SELECT class FROM worker_heartbeats WHERE seen_at_us BETWEEN ? AND ? LIMIT ?",
                        .in = "iii",
                        .cols = heartbeat_row_cols},
};

enum err heartbeat_write(struct db *db, enum job_class c, int64_t now_us)
{
    return db_exec(db, &heartbeat_sqls[HEARTBEAT_WRITE],
                   DB_ARGS(db_cstr(job_class_names[c]), db_i64(now_us), db_i64(HEARTBEAT_GAP_US)), NULL);
}

enum err heartbeat_steady(struct db *db, enum job_class c, int64_t now_us, int64_t *ret_since_us)
{
    return db_number(
        db, &heartbeat_sqls[HEARTBEAT_STEADY],
        DB_ARGS(db_cstr(job_class_names[c]), db_i64(now_us - HEARTBEAT_GAP_US), db_i64(now_us + HEARTBEAT_GAP_US)),
        ret_since_us);
}

enum err heartbeat_late(struct db *db, struct arena *arena, int64_t now_us, bool ret_late[JOB_CLASS__MAX])
{
    void *rows;
    size_t n;

    enum err e =
        db_rows(db, &heartbeat_sqls[HEARTBEAT_SEEN],
                DB_ARGS(db_i64(now_us - HEARTBEAT_LATE_US), db_i64(now_us + HEARTBEAT_LATE_US), db_i64(ROWS_MAX)),
                arena, sizeof(struct heartbeat_row), ROWS_MAX, &rows, &n);
    if (e != OK)
        return e;
    for (int c = 0; c < JOB_CLASS__MAX; c++) {
        ret_late[c] = true;
        for (size_t i = 0; i < n; i++)
            if (str_eqc(((struct heartbeat_row *)rows)[i].class, job_class_names[c]))
                ret_late[c] = false;
    }
    return OK;
}
