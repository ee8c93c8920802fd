/* Array binding: https://mariadb.com/kb/en/bulk-insert-column-wise-binding/ */
#include <string.h>

#include "base/fault.h"
#include "db/private.h"

/* One parameter of all rows. */
struct column {
    union {
        long long numbers[DB_MANY_MAX];
        const char *texts[DB_MANY_MAX];
    };
    unsigned long lengths[DB_MANY_MAX];
    char indicators[DB_MANY_MAX];
};

void db_many_add(struct db_many *many, const struct db_arg *args, size_t n)
{
    ASSERT(many->rows < DB_MANY_MAX && n <= DB_MANY_ARGS_MAX && (many->rows == 0 || many->n == n));
    many->n = n;
    memcpy(&many->args[many->rows++ * n], args, n * sizeof *args);
}

void db_many_sort(struct db_many *many, size_t key)
{
    struct db_arg row[DB_MANY_ARGS_MAX];
    size_t n = many->n, size = n * sizeof *row;

    for (size_t i = 1; i < many->rows; i++) {
        size_t to = i;
        memcpy(row, &many->args[i * n], size);
        for (; to > 0 && memcmp(&many->args[(to - 1) * n + key].u, &row[key].u, sizeof(struct uuid)) > 0; to--)
            memcpy(&many->args[to * n], &many->args[(to - 1) * n], size);
        memcpy(&many->args[to * n], row, size);
    }
}

void db_many_ids(struct db_arg *ret_args, const struct uuid *ids, size_t n)
{
    ASSERT(n <= DB_MANY_MAX);
    for (size_t i = 0; i < DB_MANY_MAX; i++)
        ret_args[i] = db_uuid(i < n ? &ids[i] : &UUID_NONE);
}

static void db_many_put(const struct db_arg *a, struct column *c, size_t row)
{
    c->indicators[row] = a->null ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
    switch (a->type) {
    case DB_I64:
        c->numbers[row] = a->i;
        return;
    case DB_UUID:
        c->texts[row] = (const char *)a->u.b;
        c->lengths[row] = sizeof a->u.b;
        return;
    case DB_STR:
    case DB_BYTES:
        c->texts[row] = a->s.n > 0 ? a->s.p : "";
        c->lengths[row] = a->s.n;
        return;
    default:
        ASSERT(!"a parameter letter that does not exist");
    }
}

static void db_many_bind(const struct sql *q, const struct db_many *many, MYSQL_BIND *binds, struct column *columns)
{
    ASSERT(strlen(q->in) == many->n && many->n <= DB_MANY_ARGS_MAX && many->rows <= DB_MANY_MAX);
    for (size_t i = 0; i < many->n; i++) {
        enum db_type type = (enum db_type)q->in[i];
        binds[i] = (MYSQL_BIND){
            .buffer_type = type == DB_I64   ? MYSQL_TYPE_LONGLONG
                           : type == DB_STR ? MYSQL_TYPE_STRING
                                            : MYSQL_TYPE_BLOB,
            .buffer = type == DB_I64 ? (void *)columns[i].numbers : (void *)columns[i].texts,
            .length = columns[i].lengths,
            .u.indicator = columns[i].indicators,
        };
        for (size_t row = 0; row < many->rows; row++) {
            const struct db_arg *a = &many->args[row * many->n + i];
            ASSERT(a->type == type);
            db_many_put(a, &columns[i], row);
        }
    }
}

static enum err db_many_execute(struct db *db, MYSQL_STMT *stmt, MYSQL_BIND *binds, unsigned rows)
{
    unsigned one_by_one = 0;
    enum err e = OK;

    if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &rows) != 0 || mysql_stmt_bind_param(stmt, binds) != 0 ||
        mysql_stmt_execute(stmt) != 0)
        e = db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    if (db->conn != NULL) /* else the statement is gone with it */
        (void)mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &one_by_one);
    return e;
}

static enum err db_many_run(struct db *db, const struct sql *q, const struct db_many *many, uint64_t *ret_changed)
{
    struct column columns[DB_MANY_ARGS_MAX];
    MYSQL_BIND binds[DB_MANY_ARGS_MAX];
    MYSQL_STMT *stmt;
    struct fault fault;

    ASSERT(db->in_tx && q->cols == NULL);
    if (db->rerun)
        return ERR_DB_RERUN; /* the transaction is over; db_tx starts it again */
    db->error = 0;
    enum err e = db_statement_prepared(db, q, &stmt);
    if (e != OK)
        return e;
    db_many_bind(q, many, binds, columns);
    if (fault_is_away() || fault_before_many(&fault, q->text, many->rows))
        return db_note_fault(db);
    e = db_many_execute(db, stmt, binds, (unsigned)many->rows);
    if (e != OK)
        return e;
    if (fault_after(&fault))
        return db_note_fault(db);
    *ret_changed = mysql_stmt_affected_rows(stmt);
    return OK;
}

enum err db_exec_many(struct db *db, const struct sql *q, const struct db_many *many)
{
    uint64_t changed;

    if (many->rows <= 1)
        return many->rows == 0 ? OK : db_exec(db, q, many->args, many->n, NULL);
    return db_many_run(db, q, many, &changed);
}

static bool db_many_is_same(const struct db_arg *a, const struct db_arg *b)
{
    if (a->type != b->type || a->null != b->null || a->null)
        return a->type == b->type && a->null == b->null;
    switch (a->type) {
    case DB_I64:
        return a->i == b->i;
    case DB_UUID:
        return uuid_eq(&a->u, &b->u);
    default:
        return str_eq(a->s, b->s);
    }
}

static bool db_many_is_alike(const struct db_many *many, size_t id)
{
    for (size_t i = many->n; i < many->rows * many->n; i++)
        if (i % many->n != id && !db_many_is_same(&many->args[i % many->n], &many->args[i]))
            return false;
    return true;
}

enum err db_change_alike(struct db *db, const struct sql *q, const struct sql *alike, const struct db_many *many,
                         size_t id)
{
    struct db_arg args[DB_MANY_ARGS_MAX - 1 + DB_MANY_MAX];
    struct uuid ids[DB_MANY_MAX];
    uint64_t changed = 0;

    if (many->rows <= 1 || !db_many_is_alike(many, id))
        return db_change_many(db, q, many);
    for (size_t i = 0; i < many->rows; i++)
        ids[i] = many->args[i * many->n + id].u;
    memcpy(args, many->args, id * sizeof *args);
    db_many_ids(&args[id], ids, many->rows);
    memcpy(&args[id + DB_MANY_MAX], &many->args[id + 1], (many->n - id - 1) * sizeof *args);
    enum err e = db_exec(db, alike, args, many->n - 1 + DB_MANY_MAX, &changed);
    return e == OK && changed != many->rows ? ERR_CONFLICT : e;
}

enum err db_change_many(struct db *db, const struct sql *q, const struct db_many *many)
{
    uint64_t changed = 0;

    if (many->rows <= 1)
        return many->rows == 0 ? OK : db_change(db, q, many->args, many->n);
    enum err e = db_many_run(db, q, many, &changed);
    return e == OK && changed != many->rows ? ERR_CONFLICT : e;
}
