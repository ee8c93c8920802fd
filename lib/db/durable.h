/*
 * Whether the database keeps what it has acknowledged. With relaxed flushing a power cut loses the row that says that a
 * post was sent, and the post goes out twice: a program does not start on such a database.
 */
#pragma once

#include "db/db.h"

/* For whoever reads the log: what to do about ERR_CONFLICT. */
#define DURABLE_ADVICE \
    "the database may lose what it has acknowledged: set innodb_flush_log_at_trx_commit=1 in MariaDB's configuration"

/* OK: innodb_flush_log_at_trx_commit is 1. ERR_CONFLICT: it is not. ERR_DB_UNAVAILABLE: try again. */
MUST_CHECK enum err durable_check(struct db *db);
