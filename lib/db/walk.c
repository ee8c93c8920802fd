#include <stdio.h>
#include <stdlib.h>

#include "db/private.h"

#define WALK_BINARY 63        /* charset of what is no text */
#define WALK_CELL_BYTES 1024u /* most values fit; a longer one is fetched again */

/* A column while its row is fetched. */
struct walk_cell {
    union {
        long long i;
        char bytes[WALK_CELL_BYTES];
    };
    unsigned long length;
    my_bool null, error;
};

struct walk {
    MYSQL_STMT *stmt;
    unsigned n;
    struct walk_cell cells[DB_COLS_MAX];
    struct db_value values[DB_COLS_MAX];
    enum db_value_type types[DB_COLS_MAX];
    struct arena arena; /* of a row's longer values */
};

static enum db_value_type walk_type_of(const MYSQL_FIELD *f)
{
    switch (f->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return DB_VALUE_NUMBER;
    default:
        return f->charsetnr == WALK_BINARY ? DB_VALUE_BYTES : DB_VALUE_TEXT;
    }
}

static void walk_bind_of(struct walk *w, unsigned i, MYSQL_BIND *ret_bind)
{
    struct walk_cell *c = &w->cells[i];

    *ret_bind = (MYSQL_BIND){
        .buffer_type = w->types[i] == DB_VALUE_NUMBER ? MYSQL_TYPE_LONGLONG
                       : w->types[i] == DB_VALUE_TEXT ? MYSQL_TYPE_STRING
                                                      : MYSQL_TYPE_BLOB,
        .buffer = c->bytes,
        .buffer_length = w->types[i] == DB_VALUE_NUMBER ? sizeof c->i : sizeof c->bytes,
        .length = &c->length,
        .is_null = &c->null,
        .error = &c->error,
    };
}

static bool walk_bind(struct walk *w)
{
    MYSQL_BIND binds[DB_COLS_MAX];
    MYSQL_RES *about = mysql_stmt_result_metadata(w->stmt);

    if (about == NULL)
        return false;
    for (unsigned i = 0; i < w->n; i++) {
        w->types[i] = walk_type_of(mysql_fetch_field_direct(about, i));
        walk_bind_of(w, i, &binds[i]);
    }
    mysql_free_result(about);
    return mysql_stmt_bind_result(w->stmt, binds) == 0;
}

static bool walk_take(struct walk *w, unsigned i)
{
    const struct walk_cell *c = &w->cells[i];
    struct db_value *v = &w->values[i];
    unsigned long length = 0;
    my_bool null = 0, error = 0;

    *v = (struct db_value){.type = c->null ? DB_VALUE_NULL : w->types[i]};
    if (v->type == DB_VALUE_NULL)
        return true;
    if (v->type == DB_VALUE_NUMBER) {
        v->i = c->i;
        return true;
    }
    v->s = str_of(c->bytes, c->length);
    if (c->length <= sizeof c->bytes)
        return true;
    if (c->length > DB_WALK_BYTES)
        return false;
    char *p = arena_alloc(&w->arena, c->length);
    MYSQL_BIND b = {.buffer_type = v->type == DB_VALUE_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB,
                    .buffer = p,
                    .buffer_length = c->length,
                    .length = &length,
                    .is_null = &null,
                    .error = &error};
    v->s = str_of(p, c->length);
    return mysql_stmt_fetch_column(w->stmt, &b, i, 0) == 0;
}

static enum err walk_rows(struct db *db, struct walk *w, const struct db_target *target)
{
    enum err e = OK;
    int r;

    while (e == OK && ((r = mysql_stmt_fetch(w->stmt)) == 0 || r == MYSQL_DATA_TRUNCATED)) {
        arena_clear(&w->arena);
        for (unsigned i = 0; i < w->n; i++)
            if (!walk_take(w, i))
                return db_note(db, 1, "a value of the statement is longer than a walk takes");
        e = target->walk(w->values, w->n, target->walk_arg);
    }
    return e != OK || r == MYSQL_NO_DATA ? e : db_note(db, mysql_stmt_errno(w->stmt), mysql_stmt_error(w->stmt));
}

enum err db_walk_fetch(struct db *db, MYSQL_STMT *stmt, const struct db_target *target)
{
    struct walk *w = xcalloc(1, sizeof *w);

    w->stmt = stmt;
    w->n = mysql_stmt_field_count(stmt);
    ASSERT(w->n <= DB_COLS_MAX);
    arena_init(&w->arena, DB_COLS_MAX * DB_WALK_BYTES);
    enum err e = walk_bind(w) ? walk_rows(db, w, target) : db_note(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt));
    arena_done(&w->arena);
    free(w);
    return e;
}

/* How long the server lets the next statements run. */
static enum err walk_allow(struct db *db, int sec)
{
    char text[64];

    (void)snprintf(text, sizeof text, "SET SESSION max_statement_time=%d", sec);
    return db_plain(db, str_from(text));
}

enum err db_walk(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, db_walk_fn *fn, void *arg)
{
    struct db_target target = {.walk = fn, .walk_arg = arg};

    ASSERT(db->in_tx && q->cols == NULL);
    if (db->rerun)
        return ERR_DB_RERUN;
    enum err e = walk_allow(db, MAX(DB_WALK_SEC, db->options.timeout_sec));
    if (e == OK)
        e = db_run(db, q, args, n, &target, NULL);
    if (db->conn == NULL)
        return e;
    enum err restored = walk_allow(db, db->options.timeout_sec);
    return e != OK ? e : restored;
}
