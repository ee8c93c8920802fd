/* What the tests of statements share beside connections.h: a table with a column of each type. */
#pragma once

#include "connections.h"

static const char *const colours[] = {"red", "green", NULL};

struct thing {
    struct uuid id;
    struct str name, bytes;
    int64_t number;
    bool flag;
    int colour;
    uint8_t digest[4];
    int untouched;
};

static const struct db_col thing_cols[] = {
    DB_COL(struct thing, id, UUID),     DB_COL(struct thing, name, STR),
    DB_COL(struct thing, bytes, BYTES), DB_COL(struct thing, number, I64),
    DB_COL(struct thing, flag, BOOL),   DB_COL_ENUM(struct thing, colour, colours),
    DB_COL_FIXED(struct thing, digest), DB_END};

#define THING_COLS "id, name, bytes, number, flag, colour, digest"

enum { THING_INSERT, THING_BY_ID, THING_BUMP, THING_NUMBER };
static const struct sql thing_sqls[] = {
    [THING_INSERT] = {.text = "INSERT INTO things (" THING_COLS ") VALUES (?,?,?,?,?,?,?)", .in = "usbiisb"},
    [THING_BY_ID] = {.text = "SELECT " THING_COLS " FROM things WHERE id = ?", .in = "u", .cols = thing_cols},
    [THING_BUMP] = {.text = "UPDATE things SET number = number + 1 WHERE id = ?", .in = "u"},
    [THING_NUMBER] = {.text = "SELECT number FROM things WHERE id = ?", .in = "u", .cols = db_number_cols},
};

static inline int things_setup(void **state)
{
    struct fixture *f = connections_open(state);

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE IF EXISTS things")), OK);
    assert_int_equal(
        db_run_text(f->db, STR("CREATE TABLE things (id BINARY(16) PRIMARY KEY, name TEXT, bytes BLOB, number BIGINT "
                               "UNSIGNED NOT NULL, flag TINYINT, colour ENUM('red','green','blue'), digest BINARY(4)) "
                               "CHARSET utf8mb4")),
        OK);
    return 0;
}
