#include <stdlib.h>

#include "db/private.h"
#include "db/schema.h"

const char db_fit_schema_is_old[] = "the database schema is older than this program: run marketingcli-admin migrate";
const char db_fit_schema_is_new[] =
    "the database schema is newer than this program by more than a release: install that release";

/* What a program looks at before it works on a database, and in which range it must be. */
static const struct {
    const char *query;
    int64_t min, max;
    const char *unfit;
} db_fit_rows[] = {
    {"SELECT MAX(version) FROM schema_migrations", SCHEMA_VERSION, INT64_MAX, db_fit_schema_is_old},
    {"SELECT MAX(oldest) FROM schema_migrations", 0, SCHEMA_VERSION, db_fit_schema_is_new},
    {"SELECT @@GLOBAL.innodb_flush_log_at_trx_commit", 1, 1,
     "the database may lose what it has acknowledged: set innodb_flush_log_at_trx_commit=1 in MariaDB's configuration"},
};

/* Not prepared, and not tried again: db_run would connect again, and look again. NULL counts as 0. */
static enum err db_fit_number(struct db *db, const char *query, int64_t *ret_number)
{
    enum err e = db_plain(db, str_from(query));

    if (e != OK)
        return e;
    MYSQL_RES *result = mysql_store_result(db->conn);
    if (result == NULL)
        return db_note(db, mysql_errno(db->conn), mysql_error(db->conn));
    MYSQL_ROW row = mysql_fetch_row(result);
    *ret_number = row != NULL && row[0] != NULL ? strtoll(row[0], NULL, 10) : 0;
    mysql_free_result(result);
    return OK;
}

enum err db_fit_look(struct db *db, const char **ret_unfit)
{
    for (size_t i = 0; i < ARRAY_LEN(db_fit_rows); i++) {
        int64_t n = 0;
        enum err e = db_fit_number(db, db_fit_rows[i].query, &n);
        if (e != OK && e != ERR_DB_FAILED) /* 1146 no such table, 1142 not granted: nothing is migrated yet */
            return e;
        if (e != OK || n < db_fit_rows[i].min || n > db_fit_rows[i].max) {
            *ret_unfit = db_fit_rows[i].unfit;
            return OK;
        }
    }
    return OK;
}

enum err db_fit(struct db *db)
{
    ASSERT(db->options.must_fit);
    enum err e = db_connect(db);
    return e != OK && db->unfit != NULL ? ERR_CONFLICT : e;
}

enum err db_connections_allowed(struct db *db, int64_t *ret_n)
{
    enum err e = db_connect(db);

    return e == OK ? db_fit_number(db, "SELECT @@GLOBAL.max_connections", ret_n) : e;
}

enum err db_writes_plainly(struct db *db, bool *ret_does)
{
    int64_t is_off = 0;
    enum err e = db_connect(db);

    if (e == OK)
        e = db_fit_number(db, "SELECT @@GLOBAL.innodb_encrypt_tables = 'OFF'", &is_off);
    *ret_does = is_off != 0;
    return e;
}

const char *db_unfit(const struct db *db)
{
    return db->unfit;
}
