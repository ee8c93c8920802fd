#include "model/privacy/journal.h"

#include "base/clock.h"
#include "model/job/job.h"

enum { JOURNAL_ADD, JOURNAL_DUE, JOURNAL_WRITTEN };
static const struct sql journal_sqls[];

const char *const journal_what_names[] = {"erasure", "disconnect", "revocation", NULL};

enum err journal_add(struct db *db, enum journal_what what, const struct uuid *user_id, const struct uuid *subject_id)
{
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();

    enum err e = db_exec(
        db, &journal_sqls[JOURNAL_ADD],
        DB_ARGS(db_uuid(&id), db_uuid(user_id), db_cstr(journal_what_names[what]), db_uuid(subject_id), db_i64(now)),
        NULL);
    return e == OK ? job_add(db, JOB_PRIVACY, JOURNAL_JOB, user_id, now, (struct str){0}) : e;
}

enum err journal_due(struct db *db, struct arena *arena, const struct uuid *user_id, struct journal_entry **ret_entries,
                     size_t *ret_n)
{
    return db_rows(db, &journal_sqls[JOURNAL_DUE], DB_ARGS(db_uuid(user_id), db_i64(JOURNAL_MAX)), arena,
                   sizeof **ret_entries, JOURNAL_MAX, (void **)ret_entries, ret_n);
}

enum err journal_written(struct db *db, const struct journal_entry *entries, size_t n)
{
    enum err e = OK;

    for (size_t i = 0; i < n && e == OK; i++)
        e = db_exec(db, &journal_sqls[JOURNAL_WRITTEN], DB_ARGS(db_uuid(&entries[i].id)), NULL);
    return e;
}

static const struct db_col journal_cols[] = {
    DB_COL(struct journal_entry, id, UUID),
    DB_COL_ENUM(struct journal_entry, what, journal_what_names),
    DB_COL(struct journal_entry, subject_id, UUID),
    DB_COL(struct journal_entry, at_us, I64),
    DB_END,
};

static const struct sql journal_sqls[] = {
    [JOURNAL_ADD] = {.text = "INSERT INTO journal_due (id, user_id, what, subject_id, at_us) VALUES (?, ?, ?, ?, ?)",
                     .in = "uusui"},
    [JOURNAL_DUE] = {.text =
                         "SELECT id, what, subject_id, at_us FROM journal_due WHERE user_id = ? ORDER BY id LIMIT ?",
                     .in = "ui",
                     .cols = journal_cols},
    [JOURNAL_WRITTEN] = {.text = "DELETE FROM journal_due WHERE id = ?", .in = "u"},
};
