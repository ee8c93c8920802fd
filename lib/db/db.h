/*
 * One connection to MariaDB and its prepared statements. The only place that knows libmariadb.
 *
 *    enum { KEY_INSERT, KEY_BY_HASH };
 *    static const struct sql sqls[] = {
 *        [KEY_INSERT] = {.text = "INSERT INTO api_keys (id, user_id, name) VALUES (?, ?, ?)", .in = "uus"},
 *        [KEY_BY_HASH] = {.text = "SELECT id, name FROM api_keys WHERE hash = ?", .in = "b", .cols = key_cols},
 *    };
 *    static const struct db_col key_cols[] = {DB_COL(struct key, id, UUID), DB_COL(struct key, name, STR), DB_END};
 *
 *    e = db_exec(db, &sqls[KEY_INSERT], DB_ARGS(db_uuid(id), db_uuid(user_id), db_str(name)), NULL);
 *    e = db_row(db, &sqls[KEY_BY_HASH], DB_ARGS(db_bytes(hash, 32)), arena, &key);
 *
 * A statement is prepared once per connection, at its first use. No SQL is built from strings (docs/style.md#sql).
 *
 * Connections: db_new does not connect; the first statement does, and the next one after a connection was lost. When
 * the server has closed an idle connection, a statement reconnects and runs again if that cannot do its work twice (it
 * is a SELECT, or the error says that nothing was sent). Every wait is bounded by timeout_sec. Not thread-safe: a
 * struct db belongs to one thread.
 *
 * Errors: ERR_NOT_FOUND (db_row, db_number: no row), ERR_DB_DUPLICATE (1062), ERR_DB_UNAVAILABLE (no connection,
 * timeout, read only, too many connections: what was asked has not happened), ERR_OUTCOME_UNKNOWN (the connection was
 * lost after a COMMIT, or a statement that writes outside of a transaction, was sent: it may have happened),
 * ERR_DB_RERUN (1213, 1205, 1020; seen only inside db_tx, which runs again), ERR_DB_FAILED (a bug of ours: db_error
 * says which).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/uuid.h"

/*
 * Parameter letters of .in, one per '?':  i int64_t  s text (UTF-8)  b bytes  u uuid.
 * NULL: an absent str, the none uuid by db_uuid_or_null, 0 by db_i64_or_null.
 */
enum db_type {
    DB_I64 = 'i',
    DB_STR = 's',
    DB_BYTES = 'b',
    DB_UUID = 'u',
    DB_BOOL = 'o',
    DB_ENUM = 'e',
    DB_FIXED = 'f'
};

/*
 * Where a result column goes. NULL becomes 0, absent, none.
 *    DB_COL(struct t, field, I64)           int64_t
 *    DB_COL(struct t, field, BOOL)          bool
 *    DB_COL(struct t, field, STR)           struct str, copied to the arena and NUL-terminated; BYTES likewise
 *    DB_COL(struct t, field, UUID)          struct uuid
 *    DB_COL_ENUM(struct t, field, names)    int or enum: the place of the text in names, or ERR_DB_FAILED
 *    DB_COL_FIXED(struct t, field)          uint8_t[n]: exactly n bytes, or NULL for all zero
 */
struct db_col {
    enum db_type type;
    size_t offset, size;
    const char *const *names;
};

#define DB_COL(T, field, type_) \
    { \
        .type = DB_##type_, .offset = offsetof(T, field) \
    }
#define DB_COL_ENUM(T, field, names_) \
    { \
        .type = DB_ENUM, .offset = offsetof(T, field), .names = (names_) \
    }
#define DB_COL_FIXED(T, field) \
    { \
        .type = DB_FIXED, .offset = offsetof(T, field), .size = sizeof(((T *)0)->field) \
    }
#define DB_END \
    { \
        .type = 0 \
    }

struct sql {
    const char *text;
    const char *in;            /* one letter per '?'; "" for none */
    const struct db_col *cols; /* ends with DB_END; NULL when there is no result */
};

struct db_arg {
    enum db_type type;
    bool null;
    int64_t i;
    struct str s;
    struct uuid u;
};

#define DB_ARGS(...) \
    (const struct db_arg[]){__VA_ARGS__}, sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)
#define DB_NO_ARGS NULL, 0

static inline struct db_arg db_i64(int64_t v)
{
    return (struct db_arg){.type = DB_I64, .i = v};
}

static inline struct db_arg db_i64_or_null(int64_t v)
{
    return (struct db_arg){.type = DB_I64, .i = v, .null = v == 0};
}

static inline struct db_arg db_str(struct str s)
{
    return (struct db_arg){.type = DB_STR, .s = s, .null = s.p == NULL};
}

static inline struct db_arg db_cstr(const char *s)
{
    return db_str(str_from(s));
}

static inline struct db_arg db_bytes(const void *p, size_t n)
{
    return (struct db_arg){.type = DB_BYTES, .s = str_of(p, n), .null = p == NULL};
}

static inline struct db_arg db_uuid(const struct uuid *id)
{
    return (struct db_arg){.type = DB_UUID, .u = *id};
}

static inline struct db_arg db_uuid_or_null(const struct uuid *id)
{
    return (struct db_arg){.type = DB_UUID, .u = *id, .null = uuid_is_none(id)};
}

/*
 * Shared by the threads of a process, zero at the start. Once a connection could not be made, only one thread at a time
 * tries again. The others wait for what it gets, but until a tenth of a second after it began at most, and then get
 * ERR_DB_UNAVAILABLE: a database that is back is of use to all, and one that does not answer costs the time of one
 * thread.
 */
struct db_gate {
    atomic_bool failing;
    atomic_llong trying_since_us; /* 0: nobody tries */
    _Atomic(const char *) unfit;  /* as db_unfit says of the last connection */
};

/* What a process counts about its connections, zero at the start; for its metrics. */
struct db_counts {
    atomic_llong open, connects;              /* connections now, and ever made */
    atomic_llong unavailable, reruns, failed; /* errors: ERR_DB_UNAVAILABLE, ERR_DB_RERUN, ERR_DB_FAILED */
};

struct db_options {
    const char *socket, *name, *user; /* must live as long as the db */
    const char *host;                 /* NULL: on this machine, by the socket. Else by TLS, which is always verified */
    const char *ca_file;              /* NULL: the system's */
    int port;
    const struct secret *password; /* NULL: unix_socket authentication */
    int timeout_sec;
    struct db_gate *gate;     /* NULL: each thread tries by itself */
    struct db_counts *counts; /* NULL: they are not counted */
    bool impatient;           /* of what can be done later: db_tx gives up with ERR_AGAIN after a second at a lock */
    bool must_fit;            /* each new connection is looked at, and refused where a program must not work (db_fit) */
};

/* The database did not answer; for those to whom it does not matter whether it did what was asked. */
static inline bool db_is_away(enum err e)
{
    return e == ERR_DB_UNAVAILABLE || e == ERR_OUTCOME_UNKNOWN;
}

struct db;

/* Of the error that the last statement or transaction gave: somebody else held its rows for too long. The database is not
 * away, and nothing has happened. */
bool db_is_locked(const struct db *db, enum err e);

/* Where the database of the configuration is, and its name; the rest is the caller's. */
struct db_options db_options_of(const struct conf *conf);

struct db *db_new(const struct db_options *options); /* does not connect yet */
void db_free(struct db *db);
DEFINE_FREEP(struct db, db_free)

/*
 * May a program work here? ERR_CONFLICT if the schema is older than the program or too new for it (db/schema.h), or if the database may lose what it has
 * acknowledged: with relaxed flushing a power cut loses the row that says that a post was sent, and the post goes out
 * twice. ERR_DB_UNAVAILABLE: nobody knows yet.
 *
 * A program asks at its start. It also sets must_fit, so that the same is looked at whenever it connects, because the
 * database may be away at the start, and may come back with other settings or from a backup: until it is right, every
 * statement fails with ERR_DB_UNAVAILABLE, and the next one looks again. Costs three statements per connection.
 */
MUST_CHECK enum err db_fit(struct db *db);

/* MariaDB's max_connections. A program that is started with more threads than fit below it says so. */
MUST_CHECK enum err db_connections_allowed(struct db *db, int64_t *ret_n);

/* Does it write to its disk in the clear what is put into new tables? */
MUST_CHECK enum err db_writes_plainly(struct db *db, bool *ret_does);

/* Why the last try to connect was refused: a sentence for the log that says what to do. NULL: it was not. */
const char *db_unfit(const struct db *db);

/*
 * The last MariaDB error, for the program's log: its number (0: none), and its text, which is valid until the next
 * call.
 */
unsigned db_errno(const struct db *db);
const char *db_error(const struct db *db);

/* Runs a statement that has no result. ret_changed (may be NULL) gets the number of rows it matched, changed or not. */
MUST_CHECK enum err db_exec(struct db *db, const struct sql *q, const struct db_arg *args, size_t n,
                            uint64_t *ret_changed);

/* A statement that must match a row, such as one that only the holder of a lease may run: ERR_CONFLICT if none does. */
MUST_CHECK enum err db_change(struct db *db, const struct sql *q, const struct db_arg *args, size_t n);

/*
 * A statement without a result for several rows of parameters: one round trip, and the server takes them in their order.
 *
 *    struct db_many many = {0};
 *    for (size_t i = 0; i < n; i++)
 *        db_many_add(&many, DB_ARGS(db_i64(until_us), db_uuid(&jobs[i].id)));
 *    db_many_sort(&many, 1);    // rows are locked in the order of their ids
 *    e = db_change_many(db, &sqls[JOBS_HOLD], &many);
 *
 * Only in a transaction: when one row fails, those before it are taken back with all else. db_change_many is ERR_CONFLICT
 * unless the statement matches one row for each; db_exec_many does not ask. None at all is OK.
 */
#define DB_MANY_MAX 16 /* rows: as many as a worker does at once */
#define DB_MANY_ARGS_MAX 16
struct db_many {
    struct db_arg args[DB_MANY_MAX * DB_MANY_ARGS_MAX]; /* row after row */
    size_t n, rows;                                     /* n: of a row */
};
void db_many_add(struct db_many *many, const struct db_arg *args, size_t n);
void db_many_sort(struct db_many *many, size_t key); /* by that parameter, a uuid; equal ones stay in their order */
MUST_CHECK enum err db_exec_many(struct db *db, const struct sql *q, const struct db_many *many);
MUST_CHECK enum err db_change_many(struct db *db, const struct sql *q, const struct db_many *many);

/*
 * As db_change_many, for what often differs in one parameter alone, the id: then alike runs once for all, else q for each. alike
 * is q with "IN " DB_MANY_IDS in place of "= ?", and goes along that key (FORCE INDEX). MariaDB takes an UPDATE of many
 * rows for as many statements, each of which costs it several times what a further row of one does.
 */
MUST_CHECK enum err db_change_alike(struct db *db, const struct sql *q, const struct sql *alike,
                                    const struct db_many *many, size_t id);

/* For a statement: "... WHERE id IN " DB_MANY_IDS, and its parameter letters. */
#define DB_MANY_IDS "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define DB_MANY_IDS_IN "uuuuuuuuuuuuuuuu"

/* The parameters of DB_MANY_IDS: DB_MANY_MAX ids, the none uuid for those that are missing. */
void db_many_ids(struct db_arg *ret_args, const struct uuid *ids, size_t n);

/*
 * The one row, into ret (a struct described by q->cols). ERR_NOT_FOUND without one; two are a bug (ERR_DB_FAILED).
 */
MUST_CHECK enum err db_row(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, struct arena *arena,
                           void *ret);

/*
 * The one number that a statement gives, its .cols being db_number_cols; NULL becomes 0. ERR_NOT_FOUND without a row.
 */
extern const struct db_col db_number_cols[];
MUST_CHECK enum err db_number(struct db *db, const struct sql *q, const struct db_arg *args, size_t n,
                              int64_t *ret_number);

/*
 * Locks a row in a transaction without waiting for anybody: ERR_AGAIN while somebody else has locked it, ERR_CONFLICT
 * without such a row. lock is a SELECT 1 ... FOR UPDATE SKIP LOCKED, and look the same without a lock.
 */
MUST_CHECK enum err db_lock_now(struct db *db, const struct sql *lock, const struct sql *look,
                                const struct db_arg *args, size_t n);

/* For statements whose rows are one id each: struct uuid. */
extern const struct db_col db_uuid_cols[];

/*
 * All rows, as an array in the arena of elements of size bytes. More than max are a bug: give the statement a
 * LIMIT.
 */
MUST_CHECK enum err db_rows(struct db *db, const struct sql *q, const struct db_arg *args, size_t n,
                            struct arena *arena, size_t size, size_t max, void **ret_rows, size_t *ret_n);

/*
 * Calls fn with every row of a statement, one by one and in the order of their key, in flat memory however many there
 * are.
 *
 *    [UPLOAD_EACH] = {.text = "SELECT id, size_bytes FROM uploads WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?",
 *                     .in = "uui", .cols = upload_cols},
 *    e = db_each(db, &sqls[UPLOAD_EACH], DB_ARGS(db_uuid(user_id)), sizeof(struct upload), print, stdout);
 *
 * The statement is read in chunks by key. Its first column is the key: unique, UUID or I64, not negative. Its last two
 * parameters are the key after which a chunk begins and the rows that it may have; db_each adds both to args. A chunk
 * is a statement of its own, read to its end into an arena of its own (DB_EACH_ROWS rows, or fewer when they are wide)
 * before the first of its rows is passed on. So while fn runs, and may wait for a slow reader, no statement runs and,
 * outside of a transaction, nothing is locked: neither rows nor the table's definition; and fn may use db.
 *
 * A row and its strings are valid until fn returns. The first error of fn ends it and is returned, the rows that are
 * left of the chunk are not passed. Errors are those of db_rows; a connection that is lost between two chunks is made
 * again.
 *
 * Consistency: a row that is there all the time comes once, one that is inserted or deleted meanwhile once or never;
 * rows of different chunks may be of different moments. Whoever needs all of one moment calls it within db_tx_snapshot,
 * whose first statement takes a snapshot. That transaction holds back the purge of old versions and every ALTER of the
 * tables that it has read, so it must last no longer than the database takes: write the rows to a nameless file in it,
 * commit, and only then send that file to a reader.
 */
#define DB_EACH_ROWS 500
MUST_CHECK enum err db_each(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, size_t size,
                            enum err (*fn)(const void *row, void *arg), void *arg);

/*
 * Calls fn with every row of one statement as the server sends it: for a copy of all that is there, in any order and of whatever
 * columns. Only within db_tx_snapshot, and fn neither uses db nor waits for anybody: the statement is open meanwhile.
 *
 *    [COPY_POSTS] = {.text = "SELECT id, title FROM posts WHERE user_id = ? ORDER BY id", .in = "u"},
 *    e = db_walk(db, &sqls[COPY_POSTS], DB_ARGS(db_uuid(user_id)), copy, file);
 *
 * The statement has no .cols: which kind a value is, the server says. It may take DB_WALK_SEC. The first error of fn ends it and is
 * returned. A value of more than DB_WALK_BYTES is a bug.
 */
#define DB_WALK_SEC 120
#define DB_WALK_BYTES (1u << 20)
enum db_value_type { DB_VALUE_NULL, DB_VALUE_NUMBER, DB_VALUE_TEXT, DB_VALUE_BYTES };
struct db_value {
    enum db_value_type type;
    int64_t i;
    struct str s; /* valid until fn returns */
};
typedef enum err db_walk_fn(const struct db_value *v, size_t n, void *arg);
MUST_CHECK enum err db_walk(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, db_walk_fn *fn,
                            void *arg);

/*
 * Runs fn in one transaction (READ COMMITTED) and commits when it returns OK; else rolls back and returns its error.
 * Each statement sees what was committed before it began: what must stay true until the COMMIT is read FOR UPDATE, in the
 * order that docs/architecture.md#one-order-of-locks gives.
 *
 * After a deadlock, a lost certification (1213) or a connection lost before COMMIT, fn runs again from the start: at
 * most 8 times in all, with short random pauses, and not after timeout_sec. So fn changes nothing but the database and
 * its own outputs, and sets those anew each time. A connection lost once COMMIT was sent is ERR_OUTCOME_UNKNOWN: the
 * transaction may or may not have happened. With options.impatient nothing runs again that met a lock: ERR_AGAIN. Not
 * nested.
 */
MUST_CHECK enum err db_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg);

/* The same for reading: all statements see the moment of the first one (REPEATABLE READ). fn writes nothing, because it
 * would lock gaps. */
MUST_CHECK enum err db_tx_snapshot(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg);

/*
 * Runs the text of one statement that has neither parameters nor a result (DDL, GRANT), without preparing it. For the
 * admin tool alone: the text comes from our own files, never from outside. A text of two statements is refused as a
 * whole.
 */
MUST_CHECK enum err db_run_text(struct db *db, struct str text);
