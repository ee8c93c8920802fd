/*
 * What is held of users, and where: one table (held.def), which GET /privacy/data goes along.
 *
 *    e = held_count(db, table, &user_id, &n);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/retention.h"
#include "base/uuid.h"
#include "db/db.h"

enum held_table {
#define TABLE(table, name, retention, whose, export, erase) HELD_##table,
#define NOBODYS(table, name, retention) HELD_##table,
#define FILES(id, name, retention, rows, export, erase) HELD_##id,
#define COLUMN(table, column, kind, item)
#include "model/privacy/held.def"
#undef TABLE
#undef NOBODYS
#undef FILES
#undef COLUMN
    HELD__MAX
};

enum held_kind {
    HELD_DATA,
    HELD_SECRET,
    HELD_COPY,
    HELD_FLAG, /* this one and those below: data in a form of its own */
    HELD_LIST,
    HELD_JSON,
    HELD_DAY,
    HELD_MONTH
};

/* What an erasure does with it; by itself: it goes by its retention. */
enum held_by { HELD_BY_ITSELF, HELD_BY_ROWS, HELD_BY_PARTS, HELD_BY_STORE, HELD_BY_STRIPE, HELD_BY_LAST };

struct held {
    const char *table; /* NULL: files */
    const char *name;
    enum retention_id retention;
    bool counts;        /* the rows of a user can be found */
    const char *export; /* in which file of an export they are; NULL: in none */
    enum held_by erase;
};

struct held_column {
    enum held_table table;
    const char *column;
    enum held_kind kind;
    const char *item;
};

extern const struct held held_tables[HELD__MAX];
extern const struct held_column held_columns[]; /* by table; ends with a NULL column */
extern const char *const held_kind_names[];     /* "secret"; ends with NULL */

/* How many rows of a table are the user's: HELD_COUNT_MAX of them at most are counted. The table must be one that counts. */
#define HELD_COUNT_MAX 1000
MUST_CHECK enum err held_count(struct db *db, enum held_table table, const struct uuid *user_id, int64_t *ret_n);
