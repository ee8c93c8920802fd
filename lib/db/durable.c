#include "db/durable.h"

static const struct sql durable_flushing = {
    .text = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit", .in = "", .cols = db_number_cols};

enum err durable_check(struct db *db)
{
    int64_t flushing;
    enum err e = db_number(db, &durable_flushing, DB_NO_ARGS, &flushing);

    return e == OK && flushing != 1 ? ERR_CONFLICT : e;
}
