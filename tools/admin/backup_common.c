/* What backup, its checks and restore have in common. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backup.h"
#include "base/clock.h"
#include "base/io.h"

#define ARGS_MAX 24
#define NAME_TIME_CHARS 16 /* 20261127T190822Z */

enum { ALONE_TAKE, ALONE_HELD };
static const struct sql alone_sqls[] = {
    [ALONE_TAKE] = {.text = "SELECT GET_LOCK(?, 2)",
                    .in = "s",
                    .cols = db_number_cols}, /* MariaDB notices in a moment that somebody was killed */
    [ALONE_HELD] = {.text = "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", .in = "s", .cols = db_number_cols},
};

bool alone_take(struct alone *a, struct arena *arena, const struct db_options *options, const char *what,
                const char *database)
{
    struct db_options of = *options;
    int64_t taken;

    of.name = NULL; /* it may not be there */
    a->db = db_new(&of);
    enum err e = db_number(a->db, &alone_sqls[ALONE_TAKE],
                           DB_ARGS(db_str(arena_printf(arena, "%s.%s", what, database))), &taken);
    if (e == OK && taken)
        return true;
    if (e == OK)
        complain("another %s of %s is running; try again when it has ended", what, database);
    else
        complain("cannot connect: MariaDB says: %s (%u)", db_error(a->db), db_errno(a->db));
    alone_end(a);
    return false;
}

bool alone_still(struct alone *a, struct arena *arena, const char *what, const char *database)
{
    int64_t held = 0;
    struct str name = arena_printf(arena, "%s.%s", what, database);

    if (db_number(a->db, &alone_sqls[ALONE_HELD], DB_ARGS(db_str(name)), &held) == OK && held)
        return true;
    complain("the connection that keeps others away was lost; run it again");
    return false;
}

void alone_end(struct alone *a)
{
    db_free(a->db);
    a->db = NULL;
}

size_t backup_argv_of(struct arena *arena, const struct db_options *o, const char **argv, size_t n)
{
    argv[n++] = "--no-defaults";
    argv[n++] = "--default-character-set=utf8mb4";
    argv[n++] = arena_printf(arena, "--user=%s", o->user).p;
    if (o->host == NULL) {
        argv[n++] = arena_printf(arena, "--socket=%s", o->socket).p;
        return n;
    }
    argv[n++] = arena_printf(arena, "--host=%s", o->host).p;
    argv[n++] = arena_printf(arena, "--port=%d", o->port).p;
    argv[n++] = "--ssl-verify-server-cert";
    if (o->ca_file != NULL)
        argv[n++] = arena_printf(arena, "--ssl-ca=%s", o->ca_file).p;
    return n;
}

bool backup_load_begin(struct child *client, struct arena *arena, const struct db_options *options)
{
    const char *argv[ARGS_MAX] = {"mariadb"};
    size_t n = backup_argv_of(arena, options, argv, 1);

    argv[n++] = "--binary-mode";
    argv[n++] = "--max-allowed-packet=256M";
    argv[n++] = options->name;
    return child_start(client, argv, &(struct child_ways){.takes = true});
}

int64_t backup_time_us(const char *name)
{
    struct str rest = str_from(name);
    char text[32];
    int64_t at_us;

    if (!str_starts(rest, STR(BACKUP_NAME_BEGINS)) || rest.n < strlen(BACKUP_NAME_BEGINS) + NAME_TIME_CHARS)
        return 0;
    const char *t = rest.p + strlen(BACKUP_NAME_BEGINS);
    (void)snprintf(text, sizeof text, "%.4s-%.2s-%.5s:%.2s:%.3s", t, t + 4, t + 6, t + 11, t + 13);
    return time_parse(str_from(text), &at_us) ? at_us : 0;
}

bool backup_stamp(const struct conf *conf, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", conf->backup_dir.p, name);
    _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd >= 0 && fchmod(fd, 0644) == 0 && futimens(fd, NULL) == 0;
}

bool backup_has_room(const char *dir, int64_t bytes, const char *what, const char *setting)
{
    struct statvfs s;

    if (statvfs(dir, &s) != 0) {
        complain("%s: %s", dir, strerror(errno));
        return false;
    }
    int64_t free_mb = (int64_t)((uint64_t)s.f_bavail * s.f_frsize >> 20), needed_mb = (bytes >> 20) + 1;
    if (free_mb >= needed_mb)
        return true;
    complain("%s has %lld MB free, and %s about %lld MB there: make room, or set %s to a folder on another disk", dir,
             (long long)free_mb, what, (long long)needed_mb, setting);
    return false;
}

bool backup_copy(struct arena *arena, const struct conf *conf, const char *path)
{
    const char *argv[ARGS_MAX] = {NULL};
    struct child copy = {.pid = 0};
    struct str rest = conf->backup_copy, word;
    size_t n = 0;

    while (str_next(&rest, ' ', &word))
        if (word.n > 0 && n + 2 < ARGS_MAX)
            argv[n++] = arena_strdup(arena, word);
    if (n == 0)
        return true;
    argv[n] = path;
    if (child_start(&copy, argv, &(struct child_ways){.takes = false}) && child_end(&copy))
        return true;
    complain("%s was not taken elsewhere (backup.copy)", path);
    return false;
}

int backup_complain(const char *path, enum err e)
{
    switch (e) {
    case ERR_SEALED:
        return complain("%s: this key does not open it, or it was changed", path);
    case ERR_CONFLICT:
        return complain("%s is no backup, or a part of it is missing", path);
    case ERR_STORE_FULL:
        return complain("%s: there is no room left", path);
    default:
        return complain("%s: %s", path, errno != 0 ? strerror(errno) : err_sentence(e));
    }
}
