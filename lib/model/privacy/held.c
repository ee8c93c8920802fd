#include "model/privacy/held.h"

#include "base/defs.h"

static const struct sql held_sqls[];

enum err held_count(struct db *db, enum held_table table, const struct uuid *user_id, int64_t *ret_n)
{
    ASSERT(held_tables[table].counts);
    return db_number(db, &held_sqls[table], DB_ARGS(db_uuid(user_id), db_i64(HELD_COUNT_MAX)), ret_n);
}

static const struct sql held_sqls[] = {
#define COUNT(id, rows) \
    [HELD_##id] = { \
        .text = "SELECT COUNT(*) FROM (SELECT 1 FROM " rows " LIMIT ?) AS held", .in = "ui", .cols = db_number_cols},
#define TABLE(table, name, retention, whose, export, erase) COUNT(table, #table " WHERE " whose)
#define FILES(id, name, retention, rows, export, erase) COUNT(id, rows)
#define NOBODYS(table, name, retention)
#define COLUMN(table, column, kind, item)
#include "model/privacy/held.def"
#undef TABLE
#undef NOBODYS
#undef FILES
#undef COLUMN
};

const struct held held_tables[HELD__MAX] = {
#define TABLE(table_, name_, retention_, whose, export_, erase_) \
    [HELD_##table_] = {.table = #table_, \
                       .name = (name_), \
                       .retention = RETENTION_##retention_, \
                       .counts = true, \
                       .export = (export_), \
                       .erase = HELD_BY_##erase_},
#define FILES(id, name_, retention_, rows, export_, erase_) \
    [HELD_##id] = {.name = (name_), \
                   .retention = RETENTION_##retention_, \
                   .counts = true, \
                   .export = (export_), \
                   .erase = HELD_BY_##erase_},
#define NOBODYS(table_, name_, retention_) \
    [HELD_##table_] = {.table = #table_, .name = (name_), .retention = RETENTION_##retention_},
#define COLUMN(table, column, kind, item)
#include "model/privacy/held.def"
#undef TABLE
#undef NOBODYS
#undef FILES
#undef COLUMN
};

const struct held_column held_columns[] = {
#define TABLE(table, name, retention, whose, export, erase)
#define NOBODYS(table, name, retention)
#define FILES(id, name, retention, rows, export, erase)
#define COLUMN(table_, column_, kind_, item_) \
    {.table = HELD_##table_, .column = #column_, .kind = HELD_##kind_, .item = (item_)},
#include "model/privacy/held.def"
#undef TABLE
#undef NOBODYS
#undef FILES
#undef COLUMN
    {.column = NULL},
};

const char *const held_kind_names[] = {"data", "secret", "copy", "flag", "list", "json", "day", "month", NULL};
