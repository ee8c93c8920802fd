#include "db/schema.h"

struct row {
    int64_t version;
};

static const struct db_col row_cols[] = {DB_COL(struct row, version, I64), DB_END};

/* An interrupted file does not count. */
static const struct sql newest = {
    .text = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations WHERE state = 'applied'",
    .in = "",
    .cols = row_cols,
};

enum err schema_check(struct db *db, struct arena *arena)
{
    struct row row;
    enum err e = db_row(db, &newest, DB_NO_ARGS, arena, &row);

    if (e == ERR_DB_FAILED) /* 1146 no such table, 1142 not granted */
        return ERR_CONFLICT;
    if (e != OK)
        return e;
    return row.version < SCHEMA_VERSION ? ERR_CONFLICT : OK;
}
