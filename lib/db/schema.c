#include "db/schema.h"

#include "db/private.h"

static const struct sql schema_newest = {
    .text = "SELECT IF(COALESCE(MAX(oldest), 0) > ?, 0, MAX(version)) FROM schema_migrations",
    .in = "i",
    .cols = db_number_cols};

enum err schema_check(struct db *db)
{
    int64_t version;
    enum err e = db_number(db, &schema_newest, DB_ARGS(db_i64(SCHEMA_VERSION)), &version);

    if (e == ERR_DB_FAILED) /* 1146 no such table, 1054 no such column yet, 1142 not granted */
        return ERR_CONFLICT;
    if (e == ERR_DB_UNAVAILABLE && (db_unfit(db) == db_fit_schema_is_old || db_unfit(db) == db_fit_schema_is_new))
        return ERR_CONFLICT;
    if (e != OK)
        return e;
    return version < SCHEMA_VERSION ? ERR_CONFLICT : OK;
}
