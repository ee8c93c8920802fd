/*
 * marketingcli-admin restore: puts a backup in the place of the database, and does what must be done before any program runs on it
 * (model/restore/restore.h).
 *
 * First the whole file is read and checked, and nothing is touched before that. Then all of the services' MariaDB users are locked: so no
 * program works on what is not whole, wherever it runs and whoever starts it. The table restore_unfinished says that a restore is under
 * way; one that dies is run again, and begins anew, up to the moment in which the row says that all is done. It is dropped last.
 *
 * With another database than that of the configuration it is a trial, and no service is in the way.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/point.h"
#include "db/schema.h"
#include "restore.h"
#include "sealed.h"

#define STATEMENT_TIMEOUT_SEC 3600
#define ARENA_BYTES (256u << 20)
#define GONE_TRIES 20 /* of a tenth of a second: connections whose programs have just ended */

enum {
    RESTORE_FILL,
    RESTORE_IS_UNFINISHED,
    RESTORE_IS_DONE,
    RESTORE_ANY_IS_DONE,
    RESTORE_MARK,
    RESTORE_MARK_DONE,
    RESTORE_CONNECTIONS,
    RESTORE_SERVICES,
    RESTORE_ROWS
};
static const struct sql restore_verb_sqls[];

struct restore {
    struct arena *arena;
    const struct conf *conf;
    const struct given *given;
    const char *path, *database;
    struct db_options options;
    struct db *db, *server; /* server: no database chosen */
    struct envelope_key *key;
    struct backup_about about;
    struct restore_journal journal;
    struct restore_done done;
    struct alone alone, schema; /* no backup, restore or check that deletes; no migrate, until the marker is there */
    struct uuid backup;
    bool is_trial; /* into a database that is not the services': they go on */
};

static int restore_complain_db(struct db *db, const char *what)
{
    return complain("%s: MariaDB says: %s (%u)", what, db_error(db), db_errno(db));
}

/* Before anything is touched: every part is there, is opened by the key, and is what was written. */
static int restore_check_file(struct restore *r)
{
    struct backup_reader reader;
    struct str piece;

    int code = restore_check_digest(r->arena, r->path);
    if (code != EXIT_DONE)
        return code;
    errno = 0;
    enum err e = backup_file_open(&reader, r->path, r->key, r->arena, &r->about);
    while (e == OK)
        e = backup_file_read(&reader, &piece);
    r->backup = reader.head.backup;
    backup_reader_done(&reader);
    if (e != ERR_NOT_FOUND)
        return backup_complain(r->path, e);
    if (r->about.schema > SCHEMA_VERSION)
        return complain(
            "%s has schema %lld, and this release knows %d: install a release that knows that schema; after "
            "a way back, the one from which it led",
            r->path, (long long)r->about.schema, SCHEMA_VERSION);
    return EXIT_DONE;
}

/* Each user of a service, as MariaDB writes it. Those who have no right on this database are another installation's. */
struct restore_user {
    struct str name;
};

static int restore_users(struct restore *r, const char *statement)
{
    struct restore_user *users;
    size_t n;

    if (r->is_trial)
        return EXIT_DONE;
    struct db_arg database = db_cstr(r->database);
    if (db_rows(r->server, &restore_verb_sqls[RESTORE_SERVICES], DB_ARGS(database, database), r->arena, sizeof *users,
                1000, (void **)&users, &n) != OK)
        return restore_complain_db(r->server, "the services' users cannot be read");
    for (size_t i = 0; i < n; i++)
        if (db_run_text(r->server,
                        arena_printf(r->arena, "ALTER USER %.*s ACCOUNT %s", STR_FMT(users[i].name), statement)) != OK)
            return restore_complain_db(r->server, "a service's user cannot be locked or let in");
    return EXIT_DONE;
}

/* With the users locked no program can come any more; is there one? */
static int restore_is_alone(struct restore *r)
{
    int64_t n = r->is_trial ? 0 : 1;

    for (int i = 0; i < GONE_TRIES && n > 0; i++) {
        if (i > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        if (db_number(r->server, &restore_verb_sqls[RESTORE_CONNECTIONS], DB_ARGS(db_cstr(r->database)), &n) != OK)
            return restore_complain_db(r->server, "the connections cannot be counted");
    }
    return n == 0 ? EXIT_DONE
                  : complain("the services are running, with %lld connections: stop them, on all machines "
                             "(systemctl stop marketingcli.target 'marketingcli-*.service' 'marketingcli-*.socket')",
                             (long long)n);
}

static bool restore_asks(struct restore *r, int q)
{
    int64_t n = 0;

    return db_number(r->server, &restore_verb_sqls[q], DB_ARGS(db_cstr(r->database)), &n) == OK && n > 0;
}

/* A marker is there: one of before has died, and its database is nobody's. Not if all was done: services may have worked on it since. */
static bool restore_is_nobodys(struct restore *r, bool is_unfinished)
{
    int64_t done = 0;

    return is_unfinished && db_number(r->db, &restore_verb_sqls[RESTORE_ANY_IS_DONE], DB_NO_ARGS, &done) == OK &&
           done == 0;
}

static int restore_may_replace(struct restore *r, bool is_nobodys)
{
    int64_t tables;

    if (is_nobodys || r->given->replace != NULL)
        return EXIT_DONE;
    if (db_number(r->server, &restore_verb_sqls[RESTORE_FILL], DB_ARGS(db_cstr(r->database)), &tables) != OK)
        return restore_complain_db(r->server, "the tables cannot be counted");
    return tables == 0
               ? EXIT_DONE
               : complain("there is a database %s; with --replace it is dropped, and the backup takes its place",
                          r->database);
}

static int restore_text(struct restore *r, struct db *db, struct str text, const char *what)
{
    (void)r;
    return db_run_text(db, text) == OK ? EXIT_DONE : restore_complain_db(db, what);
}

static int restore_empty(struct restore *r)
{
    int code = restore_text(r, r->server, arena_printf(r->arena, "DROP DATABASE IF EXISTS `%s`", r->database),
                            "the database of before");
    if (code == EXIT_DONE)
        code = restore_text(
            r, r->server,
            arena_printf(r->arena, "CREATE DATABASE `%s` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", r->database),
            "the database");
    if (code == EXIT_DONE)
        code = restore_text(r, r->db,
                            STR("CREATE TABLE " RESTORE_UNFINISHED
                                " (backup BINARY(16) NOT NULL COMMENT 'Which', is_done BOOLEAN NOT NULL COMMENT 'All "
                                "but letting the services in', PRIMARY KEY (backup)) ENGINE=InnoDB COMMENT='A restore "
                                "is under way: no service may run'"),
                            RESTORE_UNFINISHED);
    if (code == EXIT_DONE && db_exec(r->db, &restore_verb_sqls[RESTORE_MARK], DB_ARGS(db_uuid(&r->backup)), NULL) != OK)
        code = restore_complain_db(r->db, RESTORE_UNFINISHED);
    return code;
}

static int restore_load(struct restore *r)
{
    struct backup_reader reader;
    struct backup_about about;
    struct child client;
    struct str piece;
    bool is_written = true;

    if (!backup_load_begin(&client, r->arena, &r->options))
        return EXIT_FAILED;
    enum err e = backup_file_open(&reader, r->path, r->key, r->arena, &about);
    while (e == OK && is_written && (e = backup_file_read(&reader, &piece)) == OK)
        is_written = fd_write_all(client.in, piece.p, piece.n);
    backup_reader_done(&reader);
    if (e == ERR_NOT_FOUND && is_written)
        is_written = fd_write_all(client.in, about.migrations.p, about.migrations.n);
    if (e != OK && e != ERR_NOT_FOUND) {
        child_kill(&client, SIGKILL);
        return backup_complain(r->path, e);
    }
    if (!child_end(&client) || !is_written)
        return complain("the backup could not be loaded. Nothing runs on what there is by now: run restore again");
    point("restore.loaded");
    return EXIT_DONE;
}

static int restore_work(struct restore *r)
{
    const struct restore_journal *j = &r->journal;

    enum err e = restore_replay(r->db, r->arena, r->conf, &j->keys, j->lines, j->n, &r->done);
    if (e == OK) {
        point("restore.replayed");
        e = restore_end(r->db, &r->done);
    }
    if (e != OK)
        return db_errno(r->db) != 0 ? restore_complain_db(r->db, err_sentence(e)) : complain("%s", err_sentence(e));
    point("restore.held");
    return EXIT_DONE;
}

/* 0: of another way of writing times. */
static int64_t restore_made_at_us(const struct restore *r)
{
    int64_t at_us = 0;

    return time_parse(r->about.made_at, &at_us) ? at_us : 0;
}

static void restore_say(const struct restore *r)
{
    const struct restore_done *d = &r->done;

    printf("the backup of %.*s is in place, with schema %lld\n", STR_FMT(r->about.made_at), (long long)r->about.schema);
    if (r->about.schema < SCHEMA_VERSION)
        printf("  migrated to schema %d\n", SCHEMA_VERSION);
    printf(
        "  done again, by the journal (%zu lines, %zu of them torn): %lld erasures begun, %lld accounts disconnected, "
        "%lld keys revoked\n",
        r->journal.n + r->journal.torn, r->journal.torn, (long long)d->erased, (long long)d->disconnected,
        (long long)d->revoked);
    if (r->journal.newest_unread_us > 0 && r->journal.newest_unread_us >= restore_made_at_us(r))
        puts("  CANNOT BE READ: lines of the journal that are of after the backup are of no key in the credential "
             "journal-key: whoever was erased, disconnected or revoked by them comes back. Put the key's line into "
             "its file, and restore again with --replace");
    printf(
        "  ended: %lld sessions, %lld sign-ins, %lld links of mails; %lld mails that had not been sent are dropped\n",
        (long long)d->sessions, (long long)d->sign_ins, (long long)d->tokens, (long long)d->mails);
    printf(
        "  on hold: %lld posts; marketingcli-admin posts held lists them, posts release and posts give-up end that\n",
        (long long)d->held);
    sealed_say_unopenable(r->db, r->arena, r->given->dir);
    puts(r->is_trial ? "This was a trial: no service works on that database"
                     : "Next: marketingcli-admin migrate --credentials " CREDENTIALS_DIR
                       ", then systemctl start marketingcli.target");
    (void)fflush(stdout); /* all of it is so, whatever comes */
}

/* The end: from the commit of the marker on this backup is in place, and only the services are still to be let in. */
static int restore_let_in(struct restore *r)
{
    int code = restore_users(r, "UNLOCK");

    point("restore.let_in");
    if (code == EXIT_DONE)
        code = restore_text(r, r->db, STR("DROP TABLE IF EXISTS " RESTORE_UNFINISHED), RESTORE_UNFINISHED);
    return code;
}

static int restore_replace(struct restore *r)
{
    int code = restore_empty(r);

    if (code == EXIT_DONE) { /* what a migrate that has waited finds is the marker */
        alone_end(&r->schema);
        code = restore_load(r);
    }
    if (code == EXIT_DONE && r->about.schema < SCHEMA_VERSION)
        code = migrate_restored(r->arena, &r->options, r->database, r->given->sql);
    if (code == EXIT_DONE)
        code = restore_work(r);
    if (code == EXIT_DONE && !alone_still(&r->alone, r->arena, "backup", r->database))
        code = EXIT_FAILED;
    if (code == EXIT_DONE && db_exec(r->db, &restore_verb_sqls[RESTORE_MARK_DONE], DB_NO_ARGS, NULL) != OK)
        code = restore_complain_db(r->db, RESTORE_UNFINISHED);
    if (code == EXIT_DONE) {
        point("restore.done");
        restore_say(r);
    }
    return code;
}

static int restore_alone(struct restore *r)
{
    bool is_unfinished = restore_asks(r, RESTORE_IS_UNFINISHED);

    if (is_unfinished &&
        db_number(r->db, &restore_verb_sqls[RESTORE_IS_DONE], DB_ARGS(db_uuid(&r->backup)), &(int64_t){0}) == OK) {
        printf("this backup is in place already: its restore ended before it let the services in\n");
        return restore_let_in(r);
    }
    bool is_nobodys = restore_is_nobodys(r, is_unfinished);
    int code = restore_may_replace(r, is_nobodys);
    if (code != EXIT_DONE)
        return code;
    code = restore_users(r, "LOCK");
    if (code == EXIT_DONE)
        code = restore_is_alone(r);
    if (code != EXIT_DONE) { /* nothing has been touched */
        if (!is_nobodys && restore_users(r, "UNLOCK") != EXIT_DONE)
            complain("the services cannot connect until a restore has ended");
        return code;
    }
    code = restore_replace(r);
    if (code != EXIT_DONE)
        return complain("not restored: no service can connect until it is. Run it again");
    return restore_let_in(r);
}

/* Alone from the first look at the file on: a check that deletes could take it away once the database of before is gone. */
static int restore_run(struct restore *r)
{
    if (!alone_take(&r->alone, r->arena, &r->options, "backup", r->database))
        return EXIT_FAILED;
    int code = restore_check_file(r);
    if (code == EXIT_DONE)
        code = restore_journal_read(r->arena, r->conf, r->given, restore_made_at_us(r), &r->journal);
    if (code == EXIT_DONE && !alone_take(&r->schema, r->arena, &r->options, "migrate", r->database))
        code = EXIT_FAILED;
    if (code == EXIT_DONE)
        code = restore_alone(r);
    alone_end(&r->schema);
    alone_end(&r->alone);
    return code;
}

int verb_restore(const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};
    struct restore r = {.conf = &conf, .given = given, .path = given->argument};
    struct arena arena;

    if (given->key == NULL)
        return complain("--key must name the private key of backup.certificate");
    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    if (envelope_key_read(given->key, &r.key) != OK)
        return complain("%s is not a private key in PEM that can be read", given->key);
    arena_init(&arena, ARENA_BYTES);
    r.arena = &arena;
    r.database = given->database != NULL ? given->database : conf.database_name.p;
    r.options = db_options_of(&conf);
    r.options.user = given->user;
    r.options.timeout_sec = STATEMENT_TIMEOUT_SEC;
    struct db_options of_server = r.options;
    of_server.name = NULL;
    r.options.name = r.database;
    r.is_trial = strcmp(r.database, conf.database_name.p) != 0;
    r.server = db_new(&of_server);
    r.db = db_new(&r.options);
    int code = restore_run(&r);
    db_free(r.db);
    db_free(r.server);
    restore_journal_done(&r.journal);
    envelope_key_free(r.key);
    arena_done(&arena);
    return code;
}

static const struct db_col restore_user_cols[] = {DB_COL(struct restore_user, name, STR), DB_END};

static const struct sql restore_verb_sqls[] = {
    [RESTORE_FILL] = {.text = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?",
                      .in = "s",
                      .cols = db_number_cols},
    [RESTORE_IS_UNFINISHED] = {.text = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ?"
                                       " AND table_name = '" RESTORE_UNFINISHED "'",
                               .in = "s",
                               .cols = db_number_cols},
    [RESTORE_IS_DONE] = {.text = "SELECT 1 FROM " RESTORE_UNFINISHED " WHERE backup = ? AND is_done",
                         .in = "u",
                         .cols = db_number_cols},
    [RESTORE_ANY_IS_DONE] = {.text = "SELECT COUNT(*) FROM " RESTORE_UNFINISHED " WHERE is_done",
                             .in = "",
                             .cols = db_number_cols},
    [RESTORE_MARK] = {.text = "INSERT INTO " RESTORE_UNFINISHED " (backup, is_done) VALUES (?, FALSE)", .in = "u"},
    [RESTORE_MARK_DONE] = {.text = "UPDATE " RESTORE_UNFINISHED " SET is_done = TRUE", .in = ""},
    [RESTORE_CONNECTIONS] = {.text = "SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE"
                                     " 'marketingcli\\\\_%' AND (db = ? OR db IS NULL)",
                             .in = "s",
                             .cols = db_number_cols},
    [RESTORE_SERVICES] = {.text = "SELECT grantee FROM information_schema.TABLE_PRIVILEGES WHERE table_schema = ?"
                                  " AND grantee LIKE '''marketingcli\\_%' UNION SELECT grantee FROM"
                                  " information_schema.COLUMN_PRIVILEGES WHERE table_schema = ? AND grantee LIKE"
                                  " '''marketingcli\\_%' ORDER BY grantee",
                          .in = "ss",
                          .cols = restore_user_cols},
};
