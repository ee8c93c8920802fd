/*
 * marketingcli-admin backup: a dump of one moment, which nobody waits for, goes as it comes to three places: into a digest, into a scratch
 * server, and compressed and encrypted into a file with the ending .part. When the scratch server gives the same dump, to the byte, the
 * file gets its digest beside it, and its name. So a file that has its name can be loaded; and the dump is in the clear on no disk.
 *
 * It is a dump, and not a copy of MariaDB's files (mariadb-backup), because that is larger, needs the server's own key for encryption at
 * rest, and is good for the same release of MariaDB alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/point.h"
#include "db/schema.h"
#include "scratch.h"

#define STATEMENT_TIMEOUT_SEC 3600
#define MIGRATIONS "schema_migrations"
#define ARGS_MAX 24
#define PIECE_BYTES (1u << 20)
#define MB (1 << 20)
#define NAME_TRIES 50 /* of a tenth of a second */
#define NAME_PAUSE_NS 100000000
#define FILE_SHARE 8 /* of the database's bytes, compressed: at least so much, or there is no use in beginning */

struct backup {
    struct arena *arena;
    const struct conf *conf;
    const char *database;
    struct db_options options;
    const char *path, *part; /* the file's name, and while it is not whole */
    struct scratch scratch;
    struct backup_writer writer;
    struct envelope_to *to;
    struct sha256 dumped, written; /* of the dump, and of the file */
    uint64_t bytes;
    bool begun; /* there is a file */
};

enum { BACKUP_SCHEMA, BACKUP_TABLES, BACKUP_BYTES };
static const struct sql backup_sqls[] = {
    [BACKUP_SCHEMA] = {.text = "SELECT MAX(version) FROM schema_migrations", .in = "", .cols = db_number_cols},
    [BACKUP_TABLES] = {.text = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
                       .in = "",
                       .cols = db_number_cols},
    [BACKUP_BYTES] = {.text = "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED)"
                              " FROM information_schema.tables WHERE table_schema = DATABASE()",
                      .in = "",
                      .cols = db_number_cols},
};

/* only: that table; NULL: all but schema_migrations, which comes last at a restore. */
static bool backup_dump_begin(struct child *dump, struct arena *arena, const struct db_options *options,
                              const char *only)
{
    const char *argv[ARGS_MAX] = {"mariadb-dump"};
    size_t n = backup_argv_of(arena, options, argv, 1);

    for (const char *const *o =
             (const char *const[]){"--single-transaction", "--quick", "--skip-add-locks", "--skip-lock-tables",
                                   "--skip-comments", "--hex-blob", "--order-by-primary", "--no-tablespaces",
                                   "--triggers", "--max-allowed-packet=256M", NULL};
         *o != NULL; o++)
        argv[n++] = *o;
    if (only == NULL)
        argv[n++] = arena_printf(arena, "--ignore-table=%s." MIGRATIONS, options->name).p;
    argv[n++] = options->name;
    argv[n++] = only;
    return child_start(dump, argv, &(struct child_ways){.gives = true});
}

/* -1: it is broken off, after a complaint; 0: its end. */
static ssize_t backup_dump_read(struct child *dump, char *piece)
{
    ssize_t n;

    do
        n = read(dump->out, piece, PIECE_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        complain("%s: %s", dump->name, strerror(errno));
    return n;
}

static bool backup_small_dump(struct arena *arena, const struct db_options *options, struct buf *text)
{
    char *piece = arena_alloc(arena, PIECE_BYTES);
    struct child dump;
    ssize_t n;

    if (!backup_dump_begin(&dump, arena, options, MIGRATIONS))
        return false;
    while ((n = backup_dump_read(&dump, piece)) > 0)
        buf_put(text, piece, (size_t)n);
    return child_end(&dump) && n == 0 && !text->overflow;
}

/* To all three places. NULL for those that do not get it. */
static bool backup_pass(struct backup *b, struct child *dump, struct child *client, struct sha256 *ret_digest)
{
    char *piece = arena_alloc(b->arena, PIECE_BYTES);
    struct sha256_stream *digest = sha256_stream_new();
    enum err e = OK;
    ssize_t n;

    while (e == OK && (n = backup_dump_read(dump, piece)) > 0) {
        sha256_stream_add(digest, piece, (size_t)n);
        b->bytes += client != NULL ? (uint64_t)n : 0;
        if (client != NULL && !fd_write_all(client->in, piece, (size_t)n))
            break;
        if (client != NULL)
            e = backup_file_dump(&b->writer, str_of(piece, (size_t)n));
    }
    *ret_digest = sha256_stream_end(digest);
    if (e == OK && n == 0)
        return child_end(dump);
    if (e != OK)
        backup_complain(b->part, e);
    child_kill(dump, SIGKILL);
    return false;
}

static struct db_options backup_scratch_options(const struct backup *b)
{
    return (struct db_options){
        .socket = b->scratch.socket, .name = b->database, .user = "root", .timeout_sec = STATEMENT_TIMEOUT_SEC};
}

static bool backup_load_text(struct backup *b, const struct db_options *to, struct str text)
{
    struct child client;

    if (!backup_load_begin(&client, b->arena, to))
        return false;
    bool is_written = fd_write_all(client.in, text.p, text.n);
    return child_end(&client) && is_written;
}

static bool backup_dump_all(struct backup *b, struct str migrations)
{
    struct db_options scratch = backup_scratch_options(b);
    struct child dump, client;

    struct str text =
        arena_printf(b->arena, "CREATE DATABASE `%s` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", b->database);
    if (db_run_text(b->scratch.db, text) != OK) {
        complain("the scratch server says: %s (%u)", db_error(b->scratch.db), db_errno(b->scratch.db));
        return false;
    }
    if (!backup_dump_begin(&dump, b->arena, &b->options, NULL))
        return false;
    if (!backup_load_begin(&client, b->arena, &scratch)) {
        child_kill(&dump, SIGKILL);
        return false;
    }
    bool is_dumped = backup_pass(b, &dump, &client, &b->dumped);
    if (!child_end(&client) || !is_dumped)
        return false;
    enum err e = backup_file_finish(&b->writer, &b->written);
    if (e != OK) {
        backup_complain(b->part, e);
        return false;
    }
    point("backup.written");
    return backup_load_text(b, &scratch, migrations);
}

/* What comes out of the scratch server is what went in: so it can be restored, and nothing is lost on the way. */
static bool backup_verify(struct backup *b, struct str migrations)
{
    _cleanup_(buf_done) struct buf again = BUF_MAX(BACKUP_ABOUT_MAX_BYTES);
    struct db_options scratch = backup_scratch_options(b);
    struct sha256 digest;
    struct child dump;

    if (!backup_dump_begin(&dump, b->arena, &scratch, NULL) || !backup_pass(b, &dump, NULL, &digest) ||
        !backup_small_dump(b->arena, &scratch, &again))
        return false;
    if (memcmp(digest.b, b->dumped.b, sizeof digest.b) == 0 && str_eq(buf_str(&again), migrations))
        return true;
    complain("what the scratch server gives back is not what it was given: this backup is not kept");
    return false;
}

/* That no table was left out. Nobody changes the schema meanwhile. */
static bool backup_count(struct backup *b, struct db *db, int64_t *ret_tables)
{
    struct db_options scratch = backup_scratch_options(b);
    _cleanup_(db_freep) struct db *loaded = db_new(&scratch);
    int64_t there, here;

    if (db_number(db, &backup_sqls[BACKUP_TABLES], DB_NO_ARGS, &there) != OK ||
        db_number(loaded, &backup_sqls[BACKUP_TABLES], DB_NO_ARGS, &here) != OK) {
        complain("the tables cannot be counted");
        return false;
    }
    *ret_tables = here;
    if (here == there)
        return true;
    complain("the backup has %lld tables and the database %lld: this backup is not kept", (long long)here,
             (long long)there);
    return false;
}

static bool backup_sync_dir(const struct backup *b)
{
    _cleanup_(fd_closep) int fd = open(b->conf->backup_dir.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

/* That the disk, and not the kernel's memory, gives back what was written: its digest is of that, and must not be of something else. */
static bool backup_is_on_disk(const struct backup *b)
{
    struct sha256 is;
    uint64_t bytes;

    _cleanup_(fd_closep) int file = open(b->part, O_RDONLY | O_CLOEXEC);
    if (file >= 0)
        fd_forget(file);
    if (file < 0 || !sha256_of_file(file, &is, &bytes)) {
        complain("%s: %s", b->part, strerror(errno));
        return false;
    }
    if (memcmp(is.b, b->written.b, sizeof is.b) == 0)
        return true;
    complain("%s is not what was written to it: the disk changes bytes", b->part);
    return false;
}

/* First its digest, then its name: a backup without a digest is none. */
static bool backup_name(struct backup *b)
{
    const char *digest = arena_printf(b->arena, "%s" BACKUP_DIGEST_ENDS, b->path).p;
    struct str line =
        arena_printf(b->arena, "%.*s  %s\n", STR_FMT(hex_encode(b->arena, b->written.b, sizeof b->written.b)),
                     strrchr(b->path, '/') + 1);

    _cleanup_(fd_closep) int fd = open(digest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool is_named = fd >= 0 && fd_write_all(fd, line.p, line.n) && fsync(fd) == 0 && rename(b->part, b->path) == 0;
    if (is_named && backup_sync_dir(b))
        return true;
    complain("%s: %s", b->path, strerror(errno));
    if (!is_named)
        (void)unlink(digest);
    return false;
}

/* Before anything is begun, and after what a killed one has left is gone. */
static bool backup_begin(struct backup *b, struct db *db)
{
    struct stat dir, scratch;
    int64_t bytes;

    if (db_number(db, &backup_sqls[BACKUP_BYTES], DB_NO_ARGS, &bytes) != OK) {
        complain("the database cannot be measured: %s (%u)", db_error(db), db_errno(db));
        return false;
    }
    if (!scratch_clear(b->arena, b->conf) ||
        !backup_has_room(b->conf->backup_dir.p, bytes / FILE_SHARE, "a backup needs", "backup.dir"))
        return false;
    bool is_one_disk = stat(b->conf->backup_dir.p, &dir) == 0 && stat(b->conf->backup_scratch_dir.p, &scratch) == 0 &&
                       dir.st_dev == scratch.st_dev;
    return scratch_start(&b->scratch, b->arena, b->conf, bytes + (is_one_disk ? bytes / FILE_SHARE : 0));
}

static int backup_make(struct backup *b, struct db *db)
{
    _cleanup_(buf_done) struct buf migrations = BUF_MAX(BACKUP_ABOUT_MAX_BYTES);
    struct backup_about about = {.database = str_from(b->database)};
    char at[TIME_TEXT_SIZE];
    int64_t tables = 0;

    if (db_number(db, &backup_sqls[BACKUP_SCHEMA], DB_NO_ARGS, &about.schema) != OK || about.schema == 0)
        return complain("%s is not a database of this service: %s (%u)", b->database, db_error(db), db_errno(db));
    if (!backup_begin(b, db) || !backup_small_dump(b->arena, &b->options, &migrations))
        return EXIT_FAILED;
    time_format(clock_now_us(), at);
    about.made_at = str_from(at);
    about.migrations = buf_str(&migrations);
    b->begun = true;
    enum err e = backup_file_make(&b->writer, b->part, b->to, &about);
    if (e != OK)
        return e == ERR_CONFLICT ? complain("backup.certificate: its key cannot be encrypted to")
                                 : backup_complain(b->part, e);
    if (!backup_left_mark(b->writer.fd))
        return complain("%s: another backup took it for one that nobody makes; run it again", b->part);
    if (!backup_dump_all(b, about.migrations) || !backup_verify(b, about.migrations) || !backup_count(b, db, &tables))
        return EXIT_FAILED;
    point("backup.verified");
    if (!backup_is_on_disk(b) || !backup_name(b))
        return EXIT_FAILED;
    printf("%s: schema %lld, %lld tables, %lld MB of dump in %lld MB, loaded once and the same\n", b->path,
           (long long)about.schema, (long long)tables, (long long)(b->bytes / MB), (long long)(b->writer.bytes / MB));
    return EXIT_DONE;
}

/* marketingcli-20261127T190822Z.cms */
static void backup_set_name(struct backup *b)
{
    char at[TIME_TEXT_SIZE], plain[TIME_TEXT_SIZE];
    size_t n = 0;

    time_format(clock_now_us(), at);
    for (const char *p = at; *p != '\0' && *p != '.'; p++)
        if (*p != '-' && *p != ':')
            plain[n++] = *p;
    b->path =
        arena_printf(b->arena, "%s/" BACKUP_NAME_BEGINS "%.*sZ" BACKUP_NAME_ENDS, b->conf->backup_dir.p, (int)n, plain)
            .p;
    b->part = arena_printf(b->arena, "%s" BACKUP_PART_ENDS, b->path).p;
}

/* Another installation with the same folder may be making one of the same second: a moment later there is another name. */
static void backup_find_name(struct backup *b)
{
    backup_set_name(b);
    for (int i = 0; i < NAME_TRIES && (access(b->part, F_OK) == 0 || access(b->path, F_OK) == 0); i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = NAME_PAUSE_NS}, NULL);
        backup_set_name(b);
    }
}

static int backup_alone(struct backup *b)
{
    _cleanup_(db_freep) struct db *db = db_new(&b->options);
    struct alone alone, schema;

    if (!alone_take(&alone, b->arena, &b->options, "backup", b->database))
        return EXIT_FAILED;
    int code = EXIT_FAILED;
    if (alone_take(&schema, b->arena, &b->options, "migrate", b->database)) {
        if (backup_left(b->arena, b->conf, true)) {
            backup_find_name(b);
            code = backup_make(b, db);
        }
        scratch_stop(&b->scratch);
        bool is_ours = b->writer.fd >= 0; /* and not one of that name that another installation was quicker to make */
        if (b->begun)
            backup_file_done(&b->writer);
        if (is_ours && code != EXIT_DONE)
            (void)unlink(b->part);
        alone_end(&schema);
    }
    alone_end(&alone);
    return code;
}

/* The stamp comes last: a backup that could not be taken elsewhere does not keep the alarm of old ones quiet. */
static int backup_take_away(struct backup *b)
{
    if (!backup_copy(b->arena, b->conf, b->path) ||
        !backup_copy(b->arena, b->conf, arena_printf(b->arena, "%s" BACKUP_DIGEST_ENDS, b->path).p))
        return EXIT_FAILED;
    return backup_stamp(b->conf, BACKUP_STAMP_MADE)
               ? EXIT_DONE
               : complain("%s/" BACKUP_STAMP_MADE ": %s", b->conf->backup_dir.p, strerror(errno));
}

int verb_backup(const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};
    struct backup b = {.conf = &conf, .scratch = {.key = -1, .lock = -1}, .writer.fd = -1};
    struct arena arena;

    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    if (conf.backup_certificate.n == 0)
        return complain("backup.certificate says whom backups are for, and is empty");
    if (envelope_to_read(conf.backup_certificate.p, &b.to) != OK)
        return complain("%s is not a certificate in PEM that can be read", conf.backup_certificate.p);
    if (!scratch_folder(conf.backup_dir.p)) {
        envelope_to_free(b.to);
        return EXIT_FAILED;
    }
    arena_init(&arena, 256u << 20);
    b.arena = &arena;
    b.options = db_options_of(&conf);
    b.options.user = given->user;
    b.options.timeout_sec = STATEMENT_TIMEOUT_SEC;
    b.database = b.options.name = given->database != NULL ? given->database : conf.database_name.p;
    int code = backup_alone(&b);
    if (code == EXIT_DONE)
        code = backup_take_away(&b);
    envelope_to_free(b.to);
    arena_done(&arena);
    return code;
}
