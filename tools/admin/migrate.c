/*
 * marketingcli-admin migrate: applies DIR/NNNN_name.sql in order, forward only.
 *
 * Two runs at once: GET_LOCK on a connection of its own. docs/style.md#sql forbids it to the services, whose locks must
 * survive a lost connection; here that is the point: the lock ends with the process, however that dies, and an admin
 * never waits for a lease of a run that is gone. It is looked at again before every statement.
 *
 * A crash in the middle: DDL is not transactional, but each DDL statement of MariaDB 10.6 and later is atomic. So the
 * row of schema_migrations is there before the file's first statement and counts those that have been run; the next
 * run goes on behind them, also when the rest of the file had to be corrected: until the end, sha256 is that of the
 * text of the statements that have been run. One statement may have been run and not counted: when the first statement
 * of a resumed file says that what it makes is there (or what it drops is gone), that is it. An UPDATE in a migration
 * must therefore be harmless when it is run twice.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "script.h"

#define LOCK_WAIT_SEC 60
#define STATEMENT_TIMEOUT_SEC 3600 /* an ALTER of a large table takes its time */
#define FILES_MAX 1000
#define BOOTSTRAP "0000_schema_migrations.sql"

enum { MIGRATE_APPLYING, MIGRATE_APPLIED };
static const char *const migrate_state_names[] = {"applying", "applied", NULL};

struct file {
    int64_t version;
    const char *name;
    struct str text;
    struct sha256 sha256;
};

struct applied {
    int64_t version, statements_done;
    struct str name;
    uint8_t sha256[SHA256_BYTES];
    int state;
};

struct migration {
    struct arena *arena;
    struct db *db, *lock; /* the database's connection, and the one that holds the lock */
    const char *sql_dir, *database;
    struct str lock_name;
    struct file *files;
    size_t files_n;
    struct applied *applied;
    size_t applied_n;
};

struct migrate_number {
    int64_t n;
};

static const struct db_col migrate_number_cols[] = {DB_COL(struct migrate_number, n, I64), DB_END};
static const struct db_col migrate_applied_cols[] = {
    DB_COL(struct applied, version, I64),         DB_COL(struct applied, name, STR),
    DB_COL_FIXED(struct applied, sha256),         DB_COL_ENUM(struct applied, state, migrate_state_names),
    DB_COL(struct applied, statements_done, I64), DB_END};

enum {
    MIGRATE_LOCK_TAKE,
    MIGRATE_LOCK_HELD,
    MIGRATE_READ_APPLIED,
    MIGRATE_BEGIN_FILE,
    MIGRATE_COUNT_STATEMENT,
    MIGRATE_END_FILE
};
static const struct sql migrate_sqls[] = {
    [MIGRATE_LOCK_TAKE] = {.text = "SELECT COALESCE(GET_LOCK(?, ?), 0)", .in = "si", .cols = migrate_number_cols},
    [MIGRATE_LOCK_HELD] = {.text = "SELECT COALESCE(IS_USED_LOCK(?) = CONNECTION_ID(), 0)",
                           .in = "s",
                           .cols = migrate_number_cols},
    [MIGRATE_READ_APPLIED] = {.text = "SELECT version, name, sha256, state, statements_done FROM schema_migrations "
                                      "ORDER BY version LIMIT 1000",
                              .in = "",
                              .cols = migrate_applied_cols},
    [MIGRATE_BEGIN_FILE] = {.text = "INSERT INTO schema_migrations (version, name, sha256, state, statements_done, "
                                    "started_at_us) VALUES (?, ?, ?, 'applying', 0, ?)",
                            .in = "isbi"},
    [MIGRATE_COUNT_STATEMENT] = {.text =
                                     "UPDATE schema_migrations SET statements_done = ?, sha256 = ? WHERE version = ?",
                                 .in = "ibi"},
    [MIGRATE_END_FILE] =
        {.text = "UPDATE schema_migrations SET state = 'applied', sha256 = ?, applied_at_us = ? WHERE version = ?",
         .in = "bii"},
};

/*
 * What MariaDB says about a statement that had been run but not counted: table exists, duplicate column, duplicate key
 * name, cannot drop what is not there, unknown table, multiple primary key.
 * https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
static const unsigned migrate_there_already[] = {1050, 1060, 1061, 1091, 1051, 1068};

static int migrate_complain_db(struct db *db, const char *what)
{
    return complain("%s: MariaDB says: %s (%u)", what, db_error(db), db_errno(db));
}

/* NNNN_name.sql, and its number. */
static bool migrate_is_migration(const char *name, int64_t *ret_version)
{
    size_t n = strlen(name);

    return n > 9 && name[4] == '_' && strcmp(name + n - 4, ".sql") == 0 &&
           strspn(name + 5, "abcdefghijklmnopqrstuvwxyz0123456789_") == n - 9 &&
           str_to_i64(str_of(name, 4), ret_version);
}

static int migrate_by_version(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return (x->version > y->version) - (x->version < y->version);
}

static int migrate_read_entry(struct migration *m, const char *name)
{
    struct file f;

    if (str_ends(str_from(name), STR(".sql")) == false || strcmp(name, "grants.sql") == 0 ||
        strcmp(name, BOOTSTRAP) == 0)
        return EXIT_DONE;
    if (!migrate_is_migration(name, &f.version) || f.version == 0)
        return complain("%s/%s: a schema file must be named NNNN_name.sql, starting with 0001", m->sql_dir, name);
    if (m->files_n == FILES_MAX)
        return complain("%s has more than %d schema files", m->sql_dir, FILES_MAX);
    f.name = arena_strdup(m->arena, str_from(name));
    if (!file_read(m->arena, arena_printf(m->arena, "%s/%s", m->sql_dir, name).p, &f.text))
        return EXIT_FAILED;
    f.sha256 = sha256_of(f.text);
    m->files[m->files_n++] = f;
    return EXIT_DONE;
}

static int migrate_read_dir(struct migration *m)
{
    DIR *dir = opendir(m->sql_dir);
    int code = EXIT_DONE;

    if (dir == NULL)
        return complain("cannot open %s; name the folder with --sql DIR", m->sql_dir);
    m->files = arena_array(m->arena, FILES_MAX, sizeof *m->files);
    for (struct dirent *d; code == EXIT_DONE && (d = readdir(dir)) != NULL;)
        code = migrate_read_entry(m, d->d_name);
    (void)closedir(dir);
    qsort(m->files, m->files_n, sizeof *m->files, migrate_by_version);
    for (size_t i = 1; code == EXIT_DONE && i < m->files_n; i++)
        if (m->files[i - 1].version == m->files[i].version)
            code = complain("%s and %s have the same number", m->files[i - 1].name, m->files[i].name);
    return code;
}

static bool migrate_holds_lock(struct migration *m)
{
    struct migrate_number held;

    return db_row(m->lock, &migrate_sqls[MIGRATE_LOCK_HELD], DB_ARGS(db_str(m->lock_name)), m->arena, &held) == OK &&
           held.n == 1;
}

static int migrate_take_lock(struct migration *m)
{
    struct migrate_number taken;

    if (db_row(m->lock, &migrate_sqls[MIGRATE_LOCK_TAKE], DB_ARGS(db_str(m->lock_name), db_i64(LOCK_WAIT_SEC)),
               m->arena, &taken) != OK)
        return migrate_complain_db(m->lock, "cannot connect");
    return taken.n == 1 ? EXIT_DONE
                        : complain("another migrate has been running for %d seconds; try again later", LOCK_WAIT_SEC);
}

/* Runs a whole script that can be run again at any time. */
static int migrate_run_bootstrap(struct migration *m)
{
    const char *path = arena_printf(m->arena, "%s/" BOOTSTRAP, m->sql_dir).p;
    struct str text, statement;

    if (!file_read(m->arena, path, &text))
        return EXIT_FAILED;
    struct script s = script_of(text);
    while (script_next(&s, &statement) == OK && statement.p != NULL)
        if (db_run_text(m->db, statement) != OK)
            return migrate_complain_db(m->db, path);
    return EXIT_DONE;
}

static const struct file *migrate_find_file(const struct migration *m, int64_t version)
{
    for (size_t i = 0; i < m->files_n; i++)
        if (m->files[i].version == version)
            return &m->files[i];
    return NULL;
}

/* The text up to the end of its nth statement. */
static struct str migrate_head(struct str text, int64_t n)
{
    struct script s = script_of(text);
    struct str statement;

    while (n-- > 0 && script_next(&s, &statement) == OK && statement.p != NULL)
        ;
    return str_head(text, text.n - s.rest.n);
}

/* What has been applied must be what the files say, up to some point, and nothing behind it. */
static int migrate_compare(struct migration *m)
{
    void *rows;

    if (db_rows(m->db, &migrate_sqls[MIGRATE_READ_APPLIED], DB_NO_ARGS, m->arena, sizeof *m->applied, FILES_MAX, &rows,
                &m->applied_n) != OK)
        return migrate_complain_db(m->db, "schema_migrations cannot be read");
    m->applied = rows;
    for (size_t i = 0; i < m->applied_n; i++) {
        const struct applied *a = &m->applied[i];
        const struct file *f = migrate_find_file(m, a->version);
        if (f == NULL)
            return complain("%.*s has been applied but is not in %s: this release is older than the database",
                            STR_FMT(a->name), m->sql_dir);
        struct sha256 now =
            a->state == MIGRATE_APPLIED ? f->sha256 : sha256_of(migrate_head(f->text, a->statements_done));
        if (memcmp(now.b, a->sha256, SHA256_BYTES) != 0)
            return complain("%s has changed since it was applied; restore it and put the change into a new file",
                            f->name);
        if (a->state == MIGRATE_APPLYING && i + 1 < m->applied_n)
            return complain(
                "%s was applied only in part, but later files were applied too; repair schema_migrations by hand",
                f->name);
    }
    for (size_t i = 0; i < m->files_n && i < m->applied_n; i++)
        if (m->files[i].version != m->applied[i].version)
            return complain("%s comes before files that have already been applied; give it a higher number",
                            m->files[i].name);
    return EXIT_DONE;
}

static bool migrate_was_there_already(const struct db *db)
{
    for (size_t i = 0; i < ARRAY_LEN(migrate_there_already); i++)
        if (db_errno(db) == migrate_there_already[i])
            return true;
    return false;
}

static int migrate_run_statement(struct migration *m, const struct file *f, const struct script *at,
                                 struct str statement, int64_t number, bool resumed)
{
    if (!migrate_holds_lock(m))
        return complain("the lock was lost (%s: statement %lld was not run); run migrate again", f->name,
                        (long long)number);
    enum err e = db_run_text(m->db, statement);
    if (e != OK && !(resumed && migrate_was_there_already(m->db)))
        return complain("%s:%d: statement %lld failed; those before it took effect. Correct it and run migrate again. "
                        "MariaDB says: %s (%u)",
                        f->name, at->line, (long long)number, db_error(m->db), db_errno(m->db));
    struct sha256 done = sha256_of(str_head(f->text, f->text.n - at->rest.n));
    e = db_exec(m->db, &migrate_sqls[MIGRATE_COUNT_STATEMENT],
                DB_ARGS(db_i64(number), db_bytes(done.b, SHA256_BYTES), db_i64(f->version)), NULL);
    return e == OK ? EXIT_DONE : migrate_complain_db(m->db, f->name);
}

/* a is the row of an interrupted run, NULL for a file that was never begun. */
static int migrate_apply(struct migration *m, const struct file *f, const struct applied *a)
{
    int64_t done = a == NULL ? 0 : a->statements_done, number = 0;
    struct script s = script_of(f->text);
    struct sha256 none = sha256_of(STR(""));
    struct str statement;
    enum err e = OK;

    /* The whole file first: a mistake in its last line is better found before its first statement. */
    while ((e = script_next(&s, &statement)) == OK && statement.p != NULL)
        ;
    if (e != OK)
        return complain("%s:%d: the statement, string or comment that begins here does not end", f->name, s.line);
    if (a == NULL)
        e = db_exec(
            m->db, &migrate_sqls[MIGRATE_BEGIN_FILE],
            DB_ARGS(db_i64(f->version), db_cstr(f->name), db_bytes(none.b, SHA256_BYTES), db_i64(clock_now_us())),
            NULL);
    if (e != OK)
        return migrate_complain_db(m->db, f->name);
    s = script_of(f->text);
    while (script_next(&s, &statement) == OK && statement.p != NULL) {
        if (++number <= done)
            continue;
        int code = migrate_run_statement(m, f, &s, statement, number, a != NULL && number == done + 1);
        if (code != EXIT_DONE)
            return code;
    }
    if (db_exec(m->db, &migrate_sqls[MIGRATE_END_FILE],
                DB_ARGS(db_bytes(f->sha256.b, SHA256_BYTES), db_i64(clock_now_us()), db_i64(f->version)), NULL) != OK)
        return migrate_complain_db(m->db, f->name);
    printf("%s %s (%lld statements)\n", a == NULL ? "applied" : "finished", f->name, (long long)(number - done));
    return EXIT_DONE;
}

static int migrate_apply_all(struct migration *m)
{
    int code = migrate_run_bootstrap(m);
    bool any = false;

    if (code == EXIT_DONE)
        code = migrate_compare(m);
    for (size_t i = 0; code == EXIT_DONE && i < m->files_n; i++) {
        const struct applied *a = i < m->applied_n ? &m->applied[i] : NULL;
        if (a != NULL && a->state == MIGRATE_APPLIED)
            continue;
        code = migrate_apply(m, &m->files[i], a);
        any = true;
    }
    if (code == EXIT_DONE && !any)
        printf("the schema is up to date\n");
    return code;
}

static int migrate_create_database(struct migration *m)
{
    /* The name is the admin's own; backquotes are what could end it. */
    if (strchr(m->database, '`') != NULL)
        return complain("%s is not a valid database name", m->database);
    struct str text = arena_printf(
        m->arena, "CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", m->database);
    return db_run_text(m->lock, text) == OK ? EXIT_DONE : migrate_complain_db(m->lock, m->database);
}

static int migrate(struct arena *arena, struct db_options options, const char *database, const char *sql_dir,
                   const char *credentials)
{
    _cleanup_(db_freep) struct db *lock = db_new(&options);
    options.name = database;
    _cleanup_(db_freep) struct db *db = db_new(&options);
    struct migration m = {.arena = arena, .db = db, .lock = lock, .sql_dir = sql_dir, .database = database};
    m.lock_name = arena_printf(arena, "migrate.%s", database);

    int code = migrate_read_dir(&m);
    if (code == EXIT_DONE)
        code = migrate_take_lock(&m);
    if (code == EXIT_DONE)
        code = migrate_create_database(&m);
    if (code == EXIT_DONE)
        code = migrate_apply_all(&m);
    if (code == EXIT_DONE && credentials != NULL)
        code = grants_apply(db, arena, sql_dir, credentials, database);
    return code;
}

int verb_migrate(const struct given *given)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct arena arena;

    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 256u << 20);
    const struct db_options options = {
        .socket = conf.database_socket.p, .user = given->user, .timeout_sec = STATEMENT_TIMEOUT_SEC};
    int code = migrate(&arena, options, given->database != NULL ? given->database : conf.database_name.p, given->sql,
                       given->credentials);
    arena_done(&arena);
    return code;
}
