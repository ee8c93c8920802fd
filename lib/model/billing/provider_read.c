#include "model/billing/provider_read.h"

enum { READ_GET, READ_PUT, READ_END };
static const struct sql provider_read_sqls[];

enum err provider_read_get(struct db *db, struct arena *arena, const char *what, int64_t now_us,
                           struct provider_read *ret_place)
{
    return db_row(db, &provider_read_sqls[READ_GET], DB_ARGS(db_cstr(what), db_i64(now_us - PROVIDER_READ_KEEP_US)),
                  arena, ret_place);
}

enum err provider_read_put(struct db *db, const char *what, const struct provider_read *place)
{
    return db_exec(db, &provider_read_sqls[READ_PUT],
                   DB_ARGS(db_cstr(what), db_str(place->types_from), db_str(place->older_than), db_i64(clock_now_us())),
                   NULL);
}

enum err provider_read_end(struct db *db, const char *what)
{
    return db_exec(db, &provider_read_sqls[READ_END], DB_ARGS(db_cstr(what)), NULL);
}

static const struct db_col provider_read_cols[] = {DB_COL(struct provider_read, types_from, STR),
                                                   DB_COL(struct provider_read, older_than, STR), DB_END};

static const struct sql provider_read_sqls[] = {
    [READ_GET] = {.text = "SELECT types_from, older_than FROM provider_reads WHERE what = ? AND at_us > ?",
                  .in = "si",
                  .cols = provider_read_cols},
    [READ_PUT] = {.text = "INSERT INTO provider_reads (what, types_from, older_than, at_us) VALUES (?, ?, ?, ?)"
                          " ON DUPLICATE KEY UPDATE types_from = VALUES(types_from), older_than = VALUES(older_than),"
                          " at_us = VALUES(at_us)",
                  .in = "sssi"},
    [READ_END] = {.text = "DELETE FROM provider_reads WHERE what = ?", .in = "s"},
};
