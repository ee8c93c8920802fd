#include <errmsg.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/rand.h"
#include "db/private.h"

#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define IDLE_SEC 30 /* much longer than any program takes from one statement of a transaction to the next */
#define AWAIT_US (US_PER_SEC / 10) /* as db.h says of struct db_gate */

/*
 * What a MariaDB error means for the caller. An error that is not listed is a bug of ours: ERR_DB_FAILED.
 * Source: https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
static const struct {
    unsigned error;
    enum err err;
    bool lost; /* the connection is gone */
} db_connection_meanings[] = {
    {CR_CONNECTION_ERROR, ERR_DB_UNAVAILABLE, true},
    {CR_CONN_HOST_ERROR, ERR_DB_UNAVAILABLE, true},
    {CR_SERVER_GONE_ERROR, ERR_DB_UNAVAILABLE, true},
    {CR_SERVER_HANDSHAKE_ERR, ERR_DB_UNAVAILABLE, true},
    {CR_SERVER_LOST, ERR_DB_UNAVAILABLE, true},
    {CR_SERVER_LOST_EXTENDED, ERR_DB_UNAVAILABLE, true},
    {CR_COMMANDS_OUT_OF_SYNC, ERR_DB_UNAVAILABLE, true},
    {CR_SSL_CONNECTION_ERROR, ERR_DB_UNAVAILABLE, true},
    {ER_SERVER_SHUTDOWN, ERR_DB_UNAVAILABLE, true},
    {ER_NORMAL_SHUTDOWN, ERR_DB_UNAVAILABLE, true},
    {ER_CONNECTION_KILLED, ERR_DB_UNAVAILABLE, true},
    {ER_NET_READ_ERROR, ERR_DB_UNAVAILABLE, true},
    {ER_NET_READ_INTERRUPTED, ERR_DB_UNAVAILABLE, true},
    {ER_NET_ERROR_ON_WRITE, ERR_DB_UNAVAILABLE, true},
    {ER_NET_WRITE_INTERRUPTED, ERR_DB_UNAVAILABLE, true},
    {ER_CON_COUNT_ERROR, ERR_DB_UNAVAILABLE, true},
    {ER_TOO_MANY_USER_CONNECTIONS, ERR_DB_UNAVAILABLE, true},
    {ER_UNKNOWN_COM_ERROR, ERR_DB_UNAVAILABLE, false},         /* Galera: this node is not ready */
    {ER_OPTION_PREVENTS_STATEMENT, ERR_DB_UNAVAILABLE, false}, /* read only */
    {ER_STATEMENT_TIMEOUT, ERR_DB_UNAVAILABLE, false},
    {ER_DISK_FULL, ERR_DB_UNAVAILABLE, false},
    {ER_RECORD_FILE_FULL, ERR_DB_UNAVAILABLE, false},
    {ER_LOCK_DEADLOCK, ERR_DB_RERUN, false}, /* 1213; also a lost certification in Galera */
    {ER_LOCK_WAIT_TIMEOUT, ERR_DB_RERUN, false},
    {ER_CHECKREAD, ERR_DB_RERUN, false}, /* 1020 */
    {ER_DUP_ENTRY, ERR_DB_DUPLICATE, false},
};

static pthread_once_t db_connection_library_once = PTHREAD_ONCE_INIT;

static void db_connection_library_start(void)
{
    ASSERT(mysql_library_init(0, NULL, NULL) == 0);
}

static const char *db_connection_or_null(struct str s)
{
    return s.n == 0 ? NULL : s.p;
}

struct db_options db_options_of(const struct conf *conf)
{
    return (struct db_options){.socket = conf->database_socket.p,
                               .host = db_connection_or_null(conf->database_host),
                               .port = (int)conf->database_port,
                               .ca_file = db_connection_or_null(conf->database_ca_file),
                               .name = conf->database_name.p,
                               .timeout_sec = (int)conf->database_timeout_sec};
}

struct db *db_new(const struct db_options *options)
{
    struct db *db = xcalloc(1, sizeof *db);

    ASSERT(pthread_once(&db_connection_library_once, db_connection_library_start) == 0);
    db->options = *options;
    return db;
}

void db_free(struct db *db)
{
    if (db == NULL)
        return;
    db_disconnect(db);
    free(db);
}

unsigned db_errno(const struct db *db)
{
    return db->error;
}

const char *db_error(const struct db *db)
{
    return db->error_text;
}

bool db_error_is_lost(unsigned error)
{
    for (size_t i = 0; i < ARRAY_LEN(db_connection_meanings); i++)
        if (db_connection_meanings[i].error == error)
            return db_connection_meanings[i].lost;
    return false;
}

bool db_error_is_unsent(unsigned error)
{
    return error == CR_SERVER_GONE_ERROR;
}

static enum err db_connection_meaning(unsigned error)
{
    for (size_t i = 0; i < ARRAY_LEN(db_connection_meanings); i++)
        if (db_connection_meanings[i].error == error)
            return db_connection_meanings[i].err;
    return ERR_DB_FAILED;
}

bool db_is_locked(const struct db *db, enum err e)
{
    return e == ERR_DB_UNAVAILABLE && db->conn != NULL && db_connection_meaning(db->error) == ERR_DB_RERUN;
}

static void db_connection_count(struct db *db, enum err e)
{
    struct db_counts *c = db->options.counts;

    if (c == NULL || e == ERR_DB_DUPLICATE)
        return;
    atomic_fetch_add(e == ERR_DB_UNAVAILABLE ? &c->unavailable : e == ERR_DB_RERUN ? &c->reruns : &c->failed, 1);
}

enum err db_note(struct db *db, unsigned error, const char *text)
{
    enum err e = db_connection_meaning(error);

    db_connection_count(db, e);
    db->error = error;
    (void)snprintf(db->error_text, sizeof db->error_text, "%s", text);
    if (db->in_tx && (e == ERR_DB_RERUN || db_error_is_lost(error)))
        db->rerun = true;
    if (db_error_is_lost(error))
        db_disconnect(db);
    return e;
}

enum err db_note_fault(struct db *db)
{
    db->sent = true;
    return db_note(db, CR_SERVER_LOST, "a fault that a test asked for");
}

/* Closes a connection on which the program must not work. */
static enum err db_connection_check(struct db *db)
{
    const char *unfit = NULL;

    enum err e = db->options.must_fit ? db_fit_look(db, &unfit) : OK;
    if (e == OK && unfit == NULL)
        return OK;
    if (unfit != NULL)
        e = db_note(db, CR_CONNECTION_ERROR, unfit);
    db->unfit = unfit;
    db_disconnect(db);
    return ERR_DB_UNAVAILABLE;
}

/*
 * What leaves this machine is encrypted, and goes to nobody but who has a certificate for that name: libmariadb by itself would go on in
 * the clear with a server that offers no TLS. By TCP even if the name is localhost, which it would take for the socket.
 */
static void db_connection_verify(MYSQL *conn, const struct db_options *options)
{
    const char *ca_file = options->ca_file != NULL ? options->ca_file : SYSTEM_CA_FILE;

    mysql_options(conn, MYSQL_OPT_PROTOCOL, &(unsigned){MYSQL_PROTOCOL_TCP});
    mysql_options(conn, MYSQL_OPT_SSL_ENFORCE, &(my_bool){1});
    mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &(my_bool){1});
    mysql_options(conn, MYSQL_OPT_SSL_CA, ca_file);
    mysql_options(conn, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

static enum err db_connection_connect_now(struct db *db)
{
    unsigned timeout = (unsigned)db->options.timeout_sec;
    char session[320];
    struct fault fault;

    db->unfit = NULL;
    if (fault_is_away() || fault_before(&fault, "connect to the database"))
        return db_note(db, CR_CONNECTION_ERROR, "away, as a test asked for");
    MYSQL *conn = mysql_init(NULL);
    ASSERT(conn != NULL);
    /*
     * Strict: a value that does not fit is an error and is not cut short. READ COMMITTED: no statement locks the gap
     * into which somebody else's new row falls. max_statement_time ends a statement on the server, too, when the read
     * timeout gives it up here. idle_transaction_timeout ends a transaction whose program stands still, with the locks that
     * others wait for.
     */
    (void)snprintf(
        session, sizeof session,
        "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', "
        "time_zone='+00:00', tx_isolation='READ-COMMITTED', innodb_lock_wait_timeout=%u, max_statement_time=%u, "
        "idle_transaction_timeout=%d",
        db->options.impatient ? 1 : 2, timeout, IDLE_SEC);
    mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &(unsigned){MIN(timeout, 5u)});
    mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_options(conn, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(conn, MYSQL_INIT_COMMAND, session);
    const char *password = db->options.password != NULL ? db->options.password->p : NULL;
    if (db->options.host != NULL)
        db_connection_verify(conn, &db->options);
    const char *socket = db->options.host != NULL ? NULL : db->options.socket;
    if (mysql_real_connect(conn, db->options.host, db->options.user, password, db->options.name,
                           (unsigned)db->options.port, socket, CLIENT_FOUND_ROWS) == NULL) {
        (void)db_note(db, mysql_errno(conn), mysql_error(conn));
        mysql_close(conn);
        return ERR_DB_UNAVAILABLE;
    }
    db->conn = conn;
    if (db->options.counts != NULL) {
        atomic_fetch_add(&db->options.counts->open, 1);
        atomic_fetch_add(&db->options.counts->connects, 1);
    }
    if (fault_after(&fault))
        return db_note(db, CR_SERVER_LOST, "a fault that a test asked for");
    return db_connection_check(db);
}

/* Waits for what the thread that tries gets; returns whether it got a connection. */
static bool db_connection_await(struct db_gate *gate)
{
    long long since_us;

    while ((since_us = atomic_load(&gate->trying_since_us)) != 0 && clock_mono_us() - since_us < AWAIT_US)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return !atomic_load(&gate->failing);
}

enum err db_connect(struct db *db)
{
    struct db_gate *gate = db->options.gate;
    bool alone = false;

    if (db->conn != NULL)
        return OK;
    if (gate == NULL)
        return db_connection_connect_now(db);
    if (atomic_load(&gate->failing)) {
        alone = atomic_compare_exchange_strong(&gate->trying_since_us, &(long long){0}, clock_mono_us());
        if (!alone && !db_connection_await(gate)) {
            db->unfit = atomic_load(&gate->unfit);
            return db_note(db, CR_CONNECTION_ERROR,
                           db->unfit != NULL ? db->unfit
                                             : "no connection could be made, and another thread tries again");
        }
    }
    enum err e = db_connection_connect_now(db);
    atomic_store(&gate->unfit, db->unfit);
    atomic_store(&gate->failing, e != OK);
    if (alone)
        atomic_store(&gate->trying_since_us, 0);
    return e;
}

void db_disconnect(struct db *db)
{
    for (size_t i = 0; i < DB_STMTS_MAX; i++)
        if (db->stmts[i].stmt != NULL)
            (void)mysql_stmt_close(db->stmts[i].stmt);
    memset(db->stmts, 0, sizeof db->stmts);
    db->stmts_n = 0;
    if (db->conn == NULL)
        return;
    mysql_close(db->conn);
    db->conn = NULL;
    if (db->options.counts != NULL)
        atomic_fetch_sub(&db->options.counts->open, 1);
}

enum err db_plain(struct db *db, struct str text)
{
    if (mysql_real_query(db->conn, text.p, text.n) == 0)
        return OK;
    return db_note(db, mysql_errno(db->conn), mysql_error(db->conn));
}

enum err db_run_text(struct db *db, struct str text)
{
    enum err e = db_connect(db);
    struct fault fault;

    if (e != OK)
        return e;
    if (fault_is_away() || fault_before(&fault, "run a text"))
        return db_note_fault(db);
    e = db_plain(db, text);
    return e == OK && fault_after(&fault) ? db_note_fault(db) : e;
}

bool db_may_rerun(const struct db *db, int run, int64_t started_us)
{
    return run < DB_RUNS_MAX && clock_mono_us() - started_us < db->options.timeout_sec * US_PER_SEC;
}

void db_pause(int run)
{
    long ms = (long)rand_below(5u << MIN(run, 6)) + 1;
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}
