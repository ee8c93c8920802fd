/*
 * marketingcli-admin migrate: applies DIR/NNNN_name.sql in order, forward only.
 *
 * A file holds one statement, and running it again changes nothing (IF NOT EXISTS, IF EXISTS; tests/lint/schema). So a
 * run may die anywhere: the row in schema_migrations comes after the statement, and the next run repeats the one
 * statement that may lack its row. MariaDB takes one statement at a time and refuses a file with two as a whole.
 *
 * Versions to 3 were files of many statements. The files from 4 on make the same tables and change nothing where these
 * are, so an older database needs no other care. An update of the programs leaves the old files in DIR.
 *
 * Two runs at once: GET_LOCK on a connection of its own. docs/style.md#sql forbids it to the services, whose locks must
 * survive a lost connection; here that is the point: the lock ends with the process, however that dies, and an admin
 * never waits for a lease of a run that is gone. It is looked at again before every statement.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "restore.h"
#include "base/clock.h"
#include "base/point.h"
#include "crypto/digest.h"
#include "db/schema.h"
#include "service/service.h"

#define LOCK_WAIT_SEC 60
#define STATEMENT_TIMEOUT_SEC 3600 /* an ALTER of a large table takes its time */
#define FILES_MAX 1000
#define ER_LOCK_WAIT_TIMEOUT 1205 /* MariaDB's numbers */
#define ER_LOCK_DEADLOCK 1213
#define LOST_MAX 100 /* tries of a statement: ten seconds and what they wait for locks */
#define LOST_PAUSE_NS 100000000
#define BOOTSTRAP "0000_schema_migrations.sql"
#define VERSION_OLD_MAX 3 /* versions that are passed over */

struct file {
    int64_t version;
    const char *name;
    struct str text;
    struct sha256 sha256;
};

struct applied {
    int64_t version;
    struct str name;
    uint8_t sha256[SHA256_BYTES];
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

static const struct db_col migrate_applied_cols[] = {DB_COL(struct applied, version, I64),
                                                     DB_COL(struct applied, name, STR),
                                                     DB_COL_FIXED(struct applied, sha256), DB_END};

enum {
    MIGRATE_LOCK_TAKE,
    MIGRATE_LOCK_HELD,
    MIGRATE_READ_APPLIED,
    MIGRATE_NOTE,
    MIGRATE_READ_OLDEST,
    MIGRATE_SAY_OLDEST,
    MIGRATE_IS_RESTORED
};
static const struct sql migrate_sqls[] = {
    [MIGRATE_LOCK_TAKE] = {.text = "SELECT GET_LOCK(?, ?)", .in = "si", .cols = db_number_cols},
    [MIGRATE_LOCK_HELD] = {.text = "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", .in = "s", .cols = db_number_cols},
    [MIGRATE_READ_APPLIED] = {.text = "SELECT version, name, sha256 FROM schema_migrations WHERE version > ? "
                                      "ORDER BY version LIMIT 1000",
                              .in = "i",
                              .cols = migrate_applied_cols},
    [MIGRATE_NOTE] = {.text = "INSERT INTO schema_migrations (version, name, sha256, state, statements_done, "
                              "started_at_us, applied_at_us) VALUES (?, ?, ?, 'applied', 1, ?, ?)",
                      .in = "isbii"},
    [MIGRATE_READ_OLDEST] = {.text = "SELECT COALESCE(MAX(oldest), 0) FROM schema_migrations",
                             .in = "",
                             .cols = db_number_cols},
    [MIGRATE_SAY_OLDEST] = {.text = "UPDATE schema_migrations SET oldest = ? WHERE version = ?", .in = "ii"},
    [MIGRATE_IS_RESTORED] = {.text = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?"
                                     " AND table_name = '" RESTORE_UNFINISHED "'",
                             .in = "s",
                             .cols = db_number_cols},
};

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

static struct str migrate_trim_end(struct str text)
{
    while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL)
        text.n--;
    return text;
}

static int migrate_read_entry(struct migration *m, const char *name)
{
    struct file f;

    if (!str_ends(str_from(name), STR(".sql")) || strcmp(name, "grants.sql") == 0 || strcmp(name, BOOTSTRAP) == 0)
        return EXIT_DONE;
    if (!migrate_is_migration(name, &f.version))
        return complain("%s/%s: a schema file must be named NNNN_name.sql", m->sql_dir, name);
    if (f.version <= VERSION_OLD_MAX)
        return EXIT_DONE;
    if (m->files_n == FILES_MAX)
        return complain("%s has more than %d schema files", m->sql_dir, FILES_MAX);
    f.name = arena_strdup(m->arena, str_from(name));
    if (!file_read(m->arena, arena_printf(m->arena, "%s/%s", m->sql_dir, name).p, &f.text))
        return EXIT_FAILED;
    /* A file of which a part is missing may still be a statement: an UPDATE without its WHERE. */
    if (!str_ends(migrate_trim_end(f.text), STR(";")))
        return complain("%s: a schema file must end with the semicolon of its statement", name);
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
    int64_t held;

    return db_number(m->lock, &migrate_sqls[MIGRATE_LOCK_HELD], DB_ARGS(db_str(m->lock_name)), &held) == OK && held;
}

static int migrate_take_lock(struct migration *m)
{
    int64_t taken;

    if (db_number(m->lock, &migrate_sqls[MIGRATE_LOCK_TAKE], DB_ARGS(db_str(m->lock_name), db_i64(LOCK_WAIT_SEC)),
                  &taken) != OK)
        return migrate_complain_db(m->lock, "cannot connect");
    return taken ? EXIT_DONE
                 : complain("another migrate, or a backup, has been running for %d seconds; try again later",
                            LOCK_WAIT_SEC);
}

static int migrate_run_bootstrap(struct migration *m)
{
    const char *path = arena_printf(m->arena, "%s/" BOOTSTRAP, m->sql_dir).p;
    struct str text;

    if (!file_read(m->arena, path, &text))
        return EXIT_FAILED;
    return db_run_text(m->db, text) == OK ? EXIT_DONE : migrate_complain_db(m->db, path);
}

/* The files of a release are fewer than what has been applied: may its programs run there (db/schema.h)? */
static int migrate_look_back(struct migration *m, const struct applied *first)
{
    int64_t newest = m->files_n == 0 ? 0 : m->files[m->files_n - 1].version, oldest;
    enum err e = db_number(m->db, &migrate_sqls[MIGRATE_READ_OLDEST], DB_NO_ARGS, &oldest);

    if (e == OK && oldest > 0 && oldest <= newest) {
        printf("the schema is newer than these files, and the programs of their release run on it\n");
        return EXIT_DONE;
    }
    return complain("%.*s has been applied but is not in %s: this release is older than the database",
                    STR_FMT(first->name), m->sql_dir);
}

/* What has been applied must be the first of the files, unchanged; or all of them and more. */
static int migrate_compare(struct migration *m)
{
    void *rows;

    if (db_rows(m->db, &migrate_sqls[MIGRATE_READ_APPLIED], DB_ARGS(db_i64(VERSION_OLD_MAX)), m->arena,
                sizeof *m->applied, FILES_MAX, &rows, &m->applied_n) != OK)
        return migrate_complain_db(m->db, "schema_migrations cannot be read");
    m->applied = rows;
    for (size_t i = 0; i < m->applied_n; i++) {
        const struct applied *a = &m->applied[i];
        const struct file *f = i < m->files_n ? &m->files[i] : NULL;
        if (f == NULL)
            return migrate_look_back(m, a);
        if (f->version > a->version)
            return complain("%.*s has been applied but is not in %s: this release is older than the database",
                            STR_FMT(a->name), m->sql_dir);
        if (f->version < a->version)
            return complain("%s comes before files that have already been applied; give it a higher number", f->name);
        if (memcmp(f->sha256.b, a->sha256, SHA256_BYTES) != 0)
            return complain("%s has changed since it was applied; restore it and put the change into a new file",
                            f->name);
    }
    return EXIT_DONE;
}

/* While the services work, a statement may lose a deadlock against one of theirs, or wait for their rows in vain. It has changed
 * nothing then, and theirs are short. */
static bool migrate_has_lost(const struct db *db)
{
    return db_errno(db) == ER_LOCK_DEADLOCK || db_errno(db) == ER_LOCK_WAIT_TIMEOUT;
}

static enum err migrate_run(struct migration *m, struct str text)
{
    enum err e = db_run_text(m->db, text);

    for (int i = 1; i < LOST_MAX && e != OK && migrate_has_lost(m->db); i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = LOST_PAUSE_NS}, NULL);
        e = db_run_text(m->db, text);
    }
    return e;
}

static int migrate_apply(struct migration *m, const struct file *f)
{
    int64_t started_us = clock_now_us();

    if (!migrate_holds_lock(m))
        return complain("the lock was lost before %s; run migrate again", f->name);
    if (migrate_run(m, f->text) != OK)
        return complain(
            "%s failed. A file holds one statement; correct it and run migrate again. MariaDB says: %s (%u)", f->name,
            db_error(m->db), db_errno(m->db));
    point("migrate.statement_run");
    if (db_exec(m->db, &migrate_sqls[MIGRATE_NOTE],
                DB_ARGS(db_i64(f->version), db_cstr(f->name), db_bytes(f->sha256.b, SHA256_BYTES), db_i64(started_us),
                        db_i64(clock_now_us())),
                NULL) != OK)
        return migrate_complain_db(m->db, f->name);
    point("migrate.noted");
    printf("applied %s\n", f->name);
    return EXIT_DONE;
}

/* Last: until the schema is whole, programs of before may be all there are. Only of files that are this program's own. */
static int migrate_say_oldest(struct migration *m)
{
    if (m->files_n == 0 || m->files[m->files_n - 1].version != SCHEMA_VERSION || m->applied_n > m->files_n)
        return EXIT_DONE;
    return db_exec(m->db, &migrate_sqls[MIGRATE_SAY_OLDEST], DB_ARGS(db_i64(SCHEMA_OLDEST), db_i64(SCHEMA_VERSION)),
                   NULL) == OK
               ? EXIT_DONE
               : migrate_complain_db(m->db, "schema_migrations");
}

static int migrate_apply_all(struct migration *m)
{
    int code = migrate_run_bootstrap(m);

    if (code == EXIT_DONE)
        code = migrate_compare(m);
    if (code == EXIT_DONE && m->applied_n == m->files_n)
        printf("the schema is up to date\n");
    for (size_t i = m->applied_n; code == EXIT_DONE && i < m->files_n; i++)
        code = migrate_apply(m, &m->files[i]);
    return code == EXIT_DONE ? migrate_say_oldest(m) : code;
}

/* What a restore has left half-way is not to be made whole: it would be a database without its rows. Under the lock, which a restore has
 * until this can be seen. */
static int migrate_look_for_restore(struct migration *m)
{
    int64_t n = 0;

    if (db_number(m->lock, &migrate_sqls[MIGRATE_IS_RESTORED], DB_ARGS(db_cstr(m->database)), &n) != OK)
        return migrate_complain_db(m->lock, "cannot connect");
    return n == 0 ? EXIT_DONE : complain("a restore of %s has not come to its end: run it again first", m->database);
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

struct migrate_what {
    const char *sql_dir, *credentials; /* credentials: NULL, and no grants are made */
    struct str clients;
    bool revoke, restores; /* a restore itself says it */
};

static int migrate(struct arena *arena, struct db_options options, const char *database,
                   const struct migrate_what *what)
{
    _cleanup_(db_freep) struct db *lock = db_new(&options);
    options.name = database;
    _cleanup_(db_freep) struct db *db = db_new(&options);
    struct migration m = {.arena = arena, .db = db, .lock = lock, .sql_dir = what->sql_dir, .database = database};
    m.lock_name = arena_printf(arena, "migrate.%s", database);

    int code = migrate_read_dir(&m);
    if (code == EXIT_DONE)
        code = migrate_take_lock(&m);
    if (code == EXIT_DONE && !what->restores)
        code = migrate_look_for_restore(&m);
    if (code == EXIT_DONE)
        code = migrate_create_database(&m);
    if (code == EXIT_DONE)
        code = migrate_apply_all(&m);
    if (code == EXIT_DONE && what->credentials != NULL)
        code = grants_apply(db, arena, what->sql_dir, what->credentials, database, what->clients, what->revoke);
    return code;
}

/* Too few connections are no reason to leave the schema old, but programs would answer 503 under load. */
static void migrate_warn_of_connections(const struct db_options *options, const struct conf *conf)
{
    _cleanup_(db_freep) struct db *db = db_new(options);
    int64_t allowed, needed = services_connections((int)conf->service_threads, (int)conf->worker_threads);

    if (db_connections_allowed(db, &allowed) != OK)
        (void)migrate_complain_db(db, "max_connections cannot be read");
    else if (allowed < needed)
        fprintf(stderr,
                "warning: the programs hold up to %" PRId64 " connections, and MariaDB's max_connections is %" PRId64
                ": raise it in a file of mariadb.conf.d after 40-marketingcli.cnf, and restart MariaDB\n",
                needed, allowed);
}

/* A warning alone: whoever encrypts the whole disk need not do it twice. */
static void migrate_warn_of_plain_files(const struct db_options *options)
{
    _cleanup_(db_freep) struct db *db = db_new(options);
    bool does;

    if (db_writes_plainly(db, &does) != OK)
        (void)migrate_complain_db(db, "innodb_encrypt_tables cannot be read");
    else if (does)
        fputs("warning: MariaDB does not encrypt what it writes to the disk (innodb_encrypt_tables is OFF), which the "
              "privacy policy promises: see 41-marketingcli-encryption.cnf\n",
              stderr);
}

int migrate_restored(struct arena *arena, const struct db_options *options, const char *database, const char *sql_dir)
{
    struct db_options of = *options;

    of.name = NULL;
    return migrate(arena, of, database, &(struct migrate_what){.sql_dir = sql_dir, .restores = true});
}

int verb_migrate(const struct given *given)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct arena arena;

    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 256u << 20);
    struct db_options options = db_options_of(&conf);
    options.name = NULL; /* it may not be there yet */
    options.user = given->user;
    options.timeout_sec = STATEMENT_TIMEOUT_SEC;
    const char *database = given->database != NULL ? given->database : conf.database_name.p;
    const struct migrate_what what = {.sql_dir = given->sql,
                                      .credentials = given->credentials,
                                      .clients = conf.database_clients,
                                      .revoke = given->revoke != NULL};
    int code = migrate(&arena, options, database, &what);
    if (code == EXIT_DONE)
        migrate_warn_of_connections(&options, &conf);
    if (code == EXIT_DONE)
        migrate_warn_of_plain_files(&options);
    arena_done(&arena);
    return code;
}
