#include <strings.h>

#include "base/clock.h"
#include "base/fault.h"
#include "db/private.h"

enum err db_statement_prepared(struct db *db, const struct sql *q, MYSQL_STMT **ret_stmt)
{
    size_t i = ((uintptr_t)q / sizeof *q) % DB_STMTS_MAX;

    while (db->stmts[i].q != NULL && db->stmts[i].q != q)
        i = (i + 1) % DB_STMTS_MAX;
    if (db->stmts[i].q == q) {
        *ret_stmt = db->stmts[i].stmt;
        return OK;
    }
    ASSERT(db->stmts_n < DB_STMTS_MAX - 1);
    MYSQL_STMT *stmt = mysql_stmt_init(db->conn);
    ASSERT(stmt != NULL);
    if (mysql_stmt_prepare(stmt, q->text, strlen(q->text)) != 0) {
        enum err e = db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
        (void)mysql_stmt_close(stmt);
        return e;
    }
    ASSERT(mysql_stmt_param_count(stmt) == strlen(q->in == NULL ? "" : q->in));
    db->stmts[i] = (struct db_stmt){.q = q, .stmt = stmt};
    db->stmts_n++;
    *ret_stmt = stmt;
    return OK;
}

static enum err db_statement_run_once(struct db *db, const struct sql *q, const struct db_arg *args, size_t n,
                                      struct db_target *target, uint64_t *ret_changed)
{
    MYSQL_BIND binds[DB_ARGS_MAX];
    unsigned long lengths[DB_ARGS_MAX];
    MYSQL_STMT *stmt;
    struct fault fault;

    db->sent = false;
    enum err e = db_connect(db);
    if (e != OK)
        return e;
    e = db_statement_prepared(db, q, &stmt);
    if (e != OK)
        return e;
    db_bind_args(q, args, n, binds, lengths);
    if (fault_is_away() || fault_before(&fault, q->text))
        return db_note_fault(db);
    if ((n > 0 && mysql_stmt_bind_param(stmt, binds) != 0) || mysql_stmt_execute(stmt) != 0) {
        db->sent = !db_error_is_unsent(mysql_stmt_errno(stmt));
        return db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    }
    if (fault_after(&fault)) {
        (void)mysql_stmt_free_result(
            stmt); /* else the end of the connection waits for an answer that has come already */
        return db_note_fault(db);
    }
    if (target != NULL) {
        target->n = 0;
        target->cut = false;
        e = target->walk != NULL ? db_walk_fetch(db, stmt, target) : db_fetch(db, q, stmt, target);
        if (db->conn != NULL)
            (void)mysql_stmt_free_result(stmt);
    } else if (ret_changed != NULL) {
        *ret_changed = mysql_stmt_affected_rows(stmt);
    }
    return e;
}

static bool db_statement_reads(const struct sql *q)
{
    return strncasecmp(q->text, "SELECT", 6) == 0;
}

/* Can it run again, now that the connection was lost, without doing its work twice? */
static bool db_statement_repeatable(const struct db *db, const struct sql *q)
{
    return db_statement_reads(q) || db_error_is_unsent(db->error);
}

/* Outside of a transaction, a statement is its own COMMIT. */
static bool db_statement_may_have_happened(const struct db *db, const struct sql *q)
{
    return !db->in_tx && db->sent && db_error_is_lost(db->error) && !db_statement_reads(q);
}

enum err db_run(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, struct db_target *target,
                uint64_t *ret_changed)
{
    int64_t started_us = clock_mono_us();
    bool reconnected = false;
    enum err e;

    ASSERT(!(db->in_tx && db->conn == NULL) || db->rerun);
    if (db->in_tx && db->rerun)
        return ERR_DB_RERUN; /* the transaction is over; db_tx starts it again */
    for (int i = 0; i == 0 || db_may_rerun(db, i, started_us); i++) {
        bool idle = db->conn != NULL;
        db->error = 0;
        e = db_statement_run_once(db, q, args, n, target, ret_changed);
        if (e == OK || db->in_tx)
            break;
        if (e == ERR_DB_RERUN) {
            db_pause(i);
            continue;
        }
        if (!idle || reconnected || db->conn != NULL || !db_statement_repeatable(db, q))
            break;
        reconnected = true;
    }
    if (e == ERR_DB_UNAVAILABLE && db_statement_may_have_happened(db, q))
        return ERR_OUTCOME_UNKNOWN;
    return e == ERR_DB_RERUN && !db->in_tx ? ERR_DB_UNAVAILABLE : e;
}

enum err db_exec(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, uint64_t *ret_changed)
{
    ASSERT(q->cols == NULL);
    return db_run(db, q, args, n, NULL, ret_changed);
}

enum err db_change(struct db *db, const struct sql *q, const struct db_arg *args, size_t n)
{
    uint64_t changed;
    enum err e = db_exec(db, q, args, n, &changed);

    return e == OK && changed == 0 ? ERR_CONFLICT : e;
}

const struct db_col db_uuid_cols[] = {{.type = DB_UUID}, DB_END};
const struct db_col db_number_cols[] = {{.type = DB_I64}, DB_END};

enum err db_number(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, int64_t *ret_number)
{
    int64_t number = 0;
    struct db_target t = {.rows = (char *)&number, .size = sizeof number, .max = 1, .capacity = 1};

    ASSERT(q->cols == db_number_cols);
    enum err e = db_run(db, q, args, n, &t, NULL);
    if (e != OK)
        return e;
    if (t.n == 0)
        return ERR_NOT_FOUND;
    *ret_number = number;
    return OK;
}

enum err db_lock_now(struct db *db, const struct sql *lock, const struct sql *look, const struct db_arg *args, size_t n)
{
    int64_t one;

    ASSERT(db->in_tx);
    enum err e = db_number(db, lock, args, n, &one);
    if (e != ERR_NOT_FOUND)
        return e;
    e = db_number(db, look, args, n, &one);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    return ERR_AGAIN;
}

enum err db_rows(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, struct arena *arena,
                 size_t size, size_t max, void **ret_rows, size_t *ret_n)
{
    struct db_target t = {.arena = arena, .size = size, .max = max};

    ASSERT(q->cols != NULL);
    enum err e = db_run(db, q, args, n, &t, NULL);
    if (e != OK)
        return e;
    *ret_rows = t.rows;
    *ret_n = t.n;
    return OK;
}

/* The bytes a column takes in the caller's struct. */
static size_t db_statement_col_size(const struct db_col *c)
{
    switch (c->type) {
    case DB_I64:
        return sizeof(int64_t);
    case DB_STR:
    case DB_BYTES:
        return sizeof(struct str);
    case DB_UUID:
        return sizeof(struct uuid);
    case DB_BOOL:
        return sizeof(bool);
    case DB_ENUM:
        return sizeof(int);
    case DB_FIXED:
        return c->size;
    }
    ASSERT(!"a column type that does not exist");
    return 0;
}

enum err db_row(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, struct arena *arena, void *ret)
{
    struct db_target t = {.arena = arena, .max = 1};

    ASSERT(q->cols != NULL);
    /* The size of the caller's struct is not known here: the row ends with its last column. */
    for (const struct db_col *c = q->cols; c->type != 0; c++)
        t.size = MAX(t.size, c->offset + db_statement_col_size(c));
    enum err e = db_run(db, q, args, n, &t, NULL);
    if (e != OK)
        return e;
    if (t.n == 0)
        return ERR_NOT_FOUND;
    /* Only the columns: other members of the caller's struct stay as they are. */
    for (const struct db_col *c = q->cols; c->type != 0; c++)
        memcpy((char *)ret + c->offset, t.rows + c->offset, db_statement_col_size(c));
    return OK;
}
