/* What the files of an export share. */
#pragma once

#include "base/buf.h"
#include "base/rest.h"
#include "model/privacy/export.h"

/* How a column is shown. */
enum export_form {
    EXPORT_DATA,
    EXPORT_FLAG,
    EXPORT_LIST,
    EXPORT_JSON,
    EXPORT_DAY,
    EXPORT_MONTH,
    EXPORT_TIME,
    EXPORT_UUIDS
};

struct export_column {
    const char *name;
    enum export_form form;
};

struct export_table {
    const char *name; /* of the list in the JSON, and of the CSV */
    const char *file; /* of the JSON: "posts" */
    int parent;       /* in whose rows these are shown; -1: in none */
    size_t keys;      /* its first columns, by which its children know it */
    size_t inherited; /* of these, those that are its parent's */
    const struct export_column *columns;
    size_t columns_n;
    struct sql sql;
};

/* Made of held.def and export.def when the project is built (tools/generate/export.py). */
extern const struct export_table export_tables[];
extern const size_t export_tables_n;
#define EXPORT_TABLES_MAX 64

/* Rows of all tables, one table after another, in a file without a name (export_rows.c). */

#define EXPORT_ROW_BYTES (4u << 20) /* a row has 100 kB at most */
#define EXPORT_ROWS_BUFFER (64u << 10)
#define EXPORT_LISTS_N (EXPORT_TABLES_MAX + 1)
#define EXPORT_IMAGES EXPORT_TABLES_MAX /* and the images that are held: id, store, size_bytes, media type */
enum { EXPORT_IMAGE_ID, EXPORT_IMAGE_STORE, EXPORT_IMAGE_BYTES, EXPORT_IMAGE_TYPE };

struct export_list {
    int64_t begin, end, n; /* bytes in the file; rows */
};

struct export_rows {
    int fd;
    struct export_list lists[EXPORT_LISTS_N];
    int64_t at;
    struct rest rest; /* of whoever reads them from the database, which meanwhile rests, too */
    size_t held_n;
    char held[EXPORT_ROWS_BUFFER];
};

/* Empties the file for a first or another run. ERR_STORE_FULL, ERR_STORE; so below. */
MUST_CHECK enum err export_rows_begin(struct export_rows *r);
void export_rows_open(struct export_rows *r, size_t list); /* the rows that come now are of this one */
MUST_CHECK enum err export_rows_add(const struct db_value *v, size_t n, void *rows); /* a db_walk_fn */
void export_rows_close(struct export_rows *r, size_t list);
MUST_CHECK enum err export_rows_end(struct export_rows *r);

/* Goes along the rows of a list. */
struct export_cursor {
    const struct export_rows *rows;
    int64_t at, end;   /* of what is still in the file */
    struct buf window; /* read, from its byte used on */
    size_t used;
    bool ended; /* there is no further row; else v has one, valid until the next one */
    size_t n;
    struct db_value v[40];
};

MUST_CHECK enum err export_cursor_open(struct export_cursor *c, const struct export_rows *r, size_t list);
MUST_CHECK enum err export_cursor_next(struct export_cursor *c);
void export_cursor_done(struct export_cursor *c);

/* How values are shown (export_text.c). */
void export_put_json(struct buf *b, const struct db_value *v, enum export_form form);
void export_put_csv(struct buf *b, const struct db_value *v, enum export_form form);
bool export_is_of(const struct db_value *child, const struct db_value *parent,
                  size_t keys); /* are its first keys the same? */

/* What a person reads first (export_readme.c). */
void export_put_readme(struct buf *b, const struct conf *conf, const struct export_told *told,
                       const struct export_rows *rows);
