/* What the files of lib/db share. */
#pragma once

#include <mysql.h>

#include "db/db.h"

#define DB_STMTS_MAX 256 /* statements of one program; a power of two */
#define DB_COLS_MAX 40
#define DB_ARGS_MAX 40
#define DB_RUNS_MAX 8 /* of a transaction or statement that loses against others */

struct db_stmt {
    const struct sql *q;
    MYSQL_STMT *stmt;
};

struct db {
    struct db_options options;
    MYSQL *conn; /* NULL: not connected */
    struct db_stmt stmts[DB_STMTS_MAX];
    size_t stmts_n;
    bool in_tx;
    bool rerun;     /* in a transaction: the server has rolled it back, or the connection is gone */
    bool sent;      /* the statement that ran last was sent as a whole */
    unsigned error; /* of the last call; 0: none */
    char error_text[256];
    const char *unfit; /* of the last try to connect */
};

/* Connects when there is no connection. */
MUST_CHECK enum err db_connect(struct db *db);
void db_disconnect(struct db *db);

/* Notes a MariaDB error, drops a connection that is gone, and says what it means. */
enum err db_note(struct db *db, unsigned error, const char *text);

/* The connection breaks after something was sent: nobody hears whether it was done (base/fault.h). */
enum err db_note_fault(struct db *db);

/* fit.c: why a program must not work on what this connection leads to; NULL: it may. */
MUST_CHECK enum err db_fit_look(struct db *db, const char **ret_unfit);
extern const char db_fit_schema_is_old[], db_fit_schema_is_new[];

/* Does this error say that the connection is gone? */
bool db_error_is_lost(unsigned error);

/* CR_SERVER_GONE_ERROR: libmariadb could not send. */
bool db_error_is_unsent(unsigned error);

/* Sends a statement as it is, on a connection that is there: START TRANSACTION, COMMIT, ROLLBACK. */
enum err db_plain(struct db *db, struct str text);

/* May something that has failed run times run again? Nobody waits longer for that than for a statement that hangs. */
bool db_may_rerun(const struct db *db, int run, int64_t started_us);
void db_pause(int run); /* a short random pause that grows with run */

/* q, prepared on this connection, which is there; its first use prepares it. */
MUST_CHECK enum err db_statement_prepared(struct db *db, const struct sql *q, MYSQL_STMT **ret_stmt);

/* Binds args to the parameters of the statement, by way of the two arrays. */
void db_bind_args(const struct sql *q, const struct db_arg *args, size_t n, MYSQL_BIND *binds, unsigned long *lengths);

/* Where the rows of a statement go: size bytes each, at most max of them. */
struct db_target {
    struct arena *arena; /* of their strings, and of rows when there are more than it was made with */
    char *rows;
    size_t size, max, n, capacity;
    size_t bytes_max; /* of the arena: once it has used these, no further row is read, and it is cut; 0: no limit */
    bool cut;
    db_walk_fn *walk; /* each row goes there instead, as values; then all else is unset */
    void *walk_arg;
};

/* Runs a statement, once more where that is safe (db.h). target: of its rows, else NULL; ret_changed may be NULL. */
MUST_CHECK enum err db_run(struct db *db, const struct sql *q, const struct db_arg *args, size_t n,
                           struct db_target *target, uint64_t *ret_changed);

/* walk.c: the same for target->walk. */
MUST_CHECK enum err db_walk_fetch(struct db *db, MYSQL_STMT *stmt, const struct db_target *target);

/* Reads the rows of an executed statement into target. */
MUST_CHECK enum err db_fetch(struct db *db, const struct sql *q, MYSQL_STMT *stmt, struct db_target *target);
