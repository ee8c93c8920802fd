#include "db/private.h"

#define INLINE_BYTES 256 /* most values fit; a longer one is fetched again, straight into the arena */

/* A column while its row is fetched. */
struct cell {
    union {
        long long i;
        char bytes[INLINE_BYTES];
    };
    unsigned long length;
    my_bool null, error;
};

void db_bind_args(const struct sql *q, const struct db_arg *args, size_t n, MYSQL_BIND *binds, unsigned long *lengths)
{
    ASSERT(n <= DB_ARGS_MAX && strlen(q->in == NULL ? "" : q->in) == n);
    for (size_t i = 0; i < n; i++) {
        const struct db_arg *a = &args[i];
        MYSQL_BIND *b = &binds[i];
        *b = (MYSQL_BIND){.length = &lengths[i]};
        ASSERT((enum db_type)q->in[i] == a->type);
        if (a->null) {
            b->buffer_type = MYSQL_TYPE_NULL;
            continue;
        }
        switch (a->type) {
        case DB_I64:
            b->buffer_type = MYSQL_TYPE_LONGLONG;
            b->buffer = (void *)&a->i;
            continue;
        case DB_UUID:
            b->buffer_type = MYSQL_TYPE_BLOB;
            b->buffer = (void *)a->u.b;
            lengths[i] = sizeof a->u.b;
            break;
        case DB_BYTES:
        case DB_STR:
            b->buffer_type = a->type == DB_STR ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
            b->buffer = a->s.n > 0 ? (void *)a->s.p : (void *)"";
            lengths[i] = a->s.n;
            break;
        default:
            ASSERT(!"a parameter letter that does not exist");
        }
        b->buffer_length = lengths[i];
    }
}

static size_t db_bind_cols_count(const struct sql *q)
{
    size_t n = 0;

    while (q->cols != NULL && q->cols[n].type != 0)
        n++;
    ASSERT(n <= DB_COLS_MAX);
    return n;
}

static void db_bind_cells(const struct sql *q, size_t n, MYSQL_BIND *binds, struct cell *cells)
{
    for (size_t i = 0; i < n; i++) {
        struct cell *c = &cells[i];
        bool number = q->cols[i].type == DB_I64 || q->cols[i].type == DB_BOOL;
        bool text = q->cols[i].type == DB_STR || q->cols[i].type == DB_ENUM;
        binds[i] = (MYSQL_BIND){
            .buffer_type = number ? MYSQL_TYPE_LONGLONG
                           : text ? MYSQL_TYPE_STRING
                                  : MYSQL_TYPE_BLOB,
            .buffer = c->bytes,
            .buffer_length = number ? sizeof c->i : sizeof c->bytes,
            .length = &c->length,
            .is_null = &c->null,
            .error = &c->error,
        };
    }
}

/* The bytes of a text or blob cell, in the arena. */
static bool db_bind_take_bytes(MYSQL_STMT *stmt, unsigned col, struct cell *c, bool text, struct arena *arena,
                               struct str *ret)
{
    char *p = arena_alloc(arena, c->length + 1);

    if (c->length <= INLINE_BYTES) {
        memcpy(p, c->bytes, c->length);
    } else {
        unsigned long length = 0;
        my_bool null = 0, error = 0;
        MYSQL_BIND b = {.buffer_type = text ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB,
                        .buffer = p,
                        .buffer_length = c->length,
                        .length = &length,
                        .is_null = &null,
                        .error = &error};
        if (mysql_stmt_fetch_column(stmt, &b, col, 0) != 0)
            return false;
    }
    *ret = str_of(p, c->length);
    return true;
}

static bool db_bind_enum_value(struct str name, const char *const *names, int *ret)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (str_eqc(name, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Puts one cell into its place; false when the column does not hold what the table says. */
static bool db_bind_put_cell(MYSQL_STMT *stmt, unsigned i, const struct db_col *col, struct cell *c,
                             struct arena *arena, void *row)
{
    void *to = (char *)row + col->offset;
    struct str s;

    if (c->null)
        return true; /* the row is zeroed: 0, absent, none */
    switch (col->type) {
    case DB_I64:
        *(int64_t *)to = c->i;
        return true;
    case DB_BOOL:
        *(bool *)to = c->i != 0;
        return true;
    case DB_STR:
    case DB_BYTES:
        return db_bind_take_bytes(stmt, i, c, col->type == DB_STR, arena, to);
    case DB_ENUM:
        return db_bind_take_bytes(stmt, i, c, true, arena, &s) && db_bind_enum_value(s, col->names, to);
    case DB_UUID:
        if (c->length != sizeof(struct uuid))
            return false;
        memcpy(to, c->bytes, sizeof(struct uuid));
        return true;
    case DB_FIXED:
        if (c->length != col->size || col->size > INLINE_BYTES)
            return false;
        memcpy(to, c->bytes, col->size);
        return true;
    }
    return false;
}

static void *db_bind_next_row(struct db_target *t)
{
    if (t->n == t->capacity) {
        size_t capacity = MIN(MAX(t->capacity * 2, (size_t)8), t->max);
        ASSERT(capacity > t->n);
        char *rows = arena_array(t->arena, capacity, t->size);
        if (t->n > 0)
            memcpy(rows, t->rows, t->n * t->size);
        t->rows = rows;
        t->capacity = capacity;
    }
    void *row = t->rows + t->n++ * t->size;
    memset(row, 0, t->size); /* a statement that runs again fills the same rows */
    return row;
}

enum err db_fetch(struct db *db, const struct sql *q, MYSQL_STMT *stmt, struct db_target *target)
{
    MYSQL_BIND binds[DB_COLS_MAX];
    struct cell cells[DB_COLS_MAX];
    size_t n = db_bind_cols_count(q);
    int r;

    if (mysql_stmt_field_count(stmt) != n)
        return db_note(db, 1, "the statement has another number of columns than its table");
    memset(cells, 0, n * sizeof *cells);
    db_bind_cells(q, n, binds, cells);
    if (mysql_stmt_bind_result(stmt, binds) != 0)
        return db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    size_t used = target->arena != NULL ? target->arena->used_bytes : 0; /* a run before this one may have used some */
    while ((r = mysql_stmt_fetch(stmt)) == 0 || r == MYSQL_DATA_TRUNCATED) {
        if (target->n == target->max)
            return db_note(db, 1, "the statement gives more rows than it may");
        void *row = db_bind_next_row(target);
        for (size_t i = 0; i < n; i++)
            if (!db_bind_put_cell(stmt, (unsigned)i, &q->cols[i], &cells[i], target->arena, row))
                return db_note(db, 1, "a column holds what its table does not allow");
        if (target->bytes_max > 0 && target->arena->used_bytes - used >= target->bytes_max) {
            target->cut = true;
            return OK;
        }
    }
    if (r != MYSQL_NO_DATA)
        return db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    return OK;
}
