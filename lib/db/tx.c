#include <mysqld_error.h>

#include "base/clock.h"
#include "base/fault.h"
#include "db/private.h"

/* START TRANSACTION or COMMIT: steps at which a test may let the connection break. */
static enum err db_tx_say(struct db *db, struct str text)
{
    struct fault fault;

    if (fault_is_away() || fault_before(&fault, text.p))
        return db_note_fault(db);
    enum err e = db_plain(db, text);
    return e == OK && fault_after(&fault) ? db_note_fault(db) : e;
}

/*
 * Starts a transaction, on a new connection if the old one is gone: nothing has happened yet, so a second try is safe.
 */
static enum err db_tx_begin(struct db *db, bool snapshot)
{
    enum err e = ERR_DB_UNAVAILABLE;

    for (int i = 0; i < 2 && e == ERR_DB_UNAVAILABLE; i++) {
        bool idle = db->conn != NULL;
        e = db_connect(db);
        if (e == OK && snapshot)
            e = db_plain(db, STR("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")); /* of this one only */
        if (e == OK)
            e = db_tx_say(db, STR("START TRANSACTION"));
        if (!idle)
            break;
    }
    return e;
}

/* Without its ROLLBACK, a transaction must end with its connection: the next one's start would commit it. */
static void db_tx_roll_back(struct db *db)
{
    if (db->conn != NULL && db_plain(db, STR("ROLLBACK")) != OK)
        db_disconnect(db);
}

/* The server answered COMMIT with no: it is read only, or a node of Galera that is not ready. Of any other error nobody
 * knows whether it came before or after the work was done: a COMMIT that takes too long is answered 1969 either way. */
static bool db_tx_is_refused(const struct db *db)
{
    return db->error == ER_OPTION_PREVENTS_STATEMENT || db->error == ER_UNKNOWN_COM_ERROR;
}

static enum err db_tx_run(struct db *db, bool snapshot, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    int64_t started_us = clock_mono_us();

    ASSERT(!db->in_tx);
    for (int i = 0; i == 0 || db_may_rerun(db, i, started_us); i++) {
        enum err e = db_tx_begin(db, snapshot);
        if (e != OK)
            return e == ERR_DB_RERUN ? ERR_DB_UNAVAILABLE : e;
        db->in_tx = true;
        db->rerun = false;
        e = fn(db, arg);
        db->in_tx = false;
        if (db->conn == NULL || db->rerun) {
            bool stops = db->conn != NULL && db->options.impatient; /* it met a lock */
            db_tx_roll_back(db);
            if (stops)
                return ERR_AGAIN;
            db_pause(i);
            continue;
        }
        if (e != OK) {
            db_tx_roll_back(db);
            return e;
        }
        e = db_tx_say(db, STR("COMMIT"));
        if (e == OK)
            return OK;
        db_disconnect(db);
        if (e != ERR_DB_RERUN && !db_error_is_unsent(db->error))
            return db_tx_is_refused(db) ? ERR_DB_UNAVAILABLE : ERR_OUTCOME_UNKNOWN;
        db_pause(i);
    }
    return ERR_DB_UNAVAILABLE;
}

enum err db_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    return db_tx_run(db, false, fn, arg);
}

enum err db_tx_snapshot(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
    return db_tx_run(db, true, fn, arg);
}
