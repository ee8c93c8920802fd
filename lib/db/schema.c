#include "db/schema.h"

struct schema_row {
    int64_t version;
};

static const struct db_col schema_row_cols[] = {DB_COL(struct schema_row, version, I64), DB_END};

/* An interrupted file does not count. */
static const struct sql schema_newest = {
    .text = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations WHERE state = 'applied'",
    .in = "",
    .cols = schema_row_cols,
};

enum err schema_check(struct db *db, struct arena *arena)
{
    struct schema_row row;
    enum err e = db_row(db, &schema_newest, DB_NO_ARGS, arena, &row);

    if (e == ERR_DB_FAILED) /* 1146 no such table, 1142 not granted */
        return ERR_CONFLICT;
    if (e != OK)
        return e;
    return row.version < SCHEMA_VERSION ? ERR_CONFLICT : OK;
}
