/*
 * marketingcli-admin backup check: compares each backup with its digest, and deletes those whose time is over. And backup list.
 * marketingcli-admin backup journal: takes the journal elsewhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "base/clock.h"
#include "base/io.h"
#include "model/privacy/journal.h"
#include "restore.h"

#define FILES_MAX 10000
#define NAME_TIME_CHARS 16 /* 20261127T190822Z */
#define PART_KEPT_US US_PER_DAY

struct backups {
    struct arena *arena;
    const struct conf *conf;
    const char **names;
    size_t n, bad, deleted;
};

static int backups_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* marketingcli-TIME.cms and what else begins so; 0: it does not. */
static int64_t backups_time(const char *name)
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

static bool backups_ends(const char *name, const char *ending)
{
    return str_ends(str_from(name), str_from(ending));
}

static int backups_read(struct backups *b)
{
    DIR *dir = opendir(b->conf->backup_dir.p);

    if (dir == NULL)
        return complain("%s: %s", b->conf->backup_dir.p, strerror(errno));
    b->names = arena_array(b->arena, FILES_MAX, sizeof *b->names);
    for (struct dirent *d; b->n < FILES_MAX && (d = readdir(dir)) != NULL;)
        if (backups_time(d->d_name) != 0)
            b->names[b->n++] = arena_strdup(b->arena, str_from(d->d_name));
    (void)closedir(dir);
    qsort(b->names, b->n, sizeof *b->names, backups_compare);
    return EXIT_DONE;
}

static const char *backups_path(const struct backups *b, const char *name)
{
    return arena_printf(b->arena, "%s/%s", b->conf->backup_dir.p, name).p;
}

/* A digest without its backup goes with it. What was not finished stays for a day: somebody may be at it, on another machine. */
static void backups_purge(struct backups *b, const char *name, int64_t now_us)
{
    int64_t age_us = now_us - backups_time(name);
    bool is_over = age_us > b->conf->backup_keep_days * US_PER_DAY;

    if (backups_ends(name, BACKUP_PART_ENDS))
        is_over = age_us > PART_KEPT_US;
    if (!is_over)
        return;
    if (unlink(backups_path(b, name)) == 0) {
        b->deleted += backups_ends(name, BACKUP_NAME_ENDS);
        printf("deleted %s\n", name);
    } else {
        b->bad++;
        complain("%s cannot be deleted: %s", name, strerror(errno));
    }
}

static void backups_judge(struct backups *b, const char *name)
{
    const char *path = backups_path(b, name);

    if (!backups_ends(name, BACKUP_NAME_ENDS) || access(path, F_OK) != 0)
        return;
    if (access(arena_printf(b->arena, "%s" BACKUP_DIGEST_ENDS, path).p, F_OK) != 0) {
        complain("%s has no digest beside it", path);
        b->bad++;
    } else {
        b->bad += restore_check_digest(b->arena, path) != EXIT_DONE;
    }
}

/* backup.dir/bad is there as long as one is bad: worker/watch.c tells of it. */
static int backups_stamp(struct backups *b)
{
    if (b->bad == 0)
        return unlink(backups_path(b, BACKUP_STAMP_BAD)) == 0 || errno == ENOENT
                   ? EXIT_DONE
                   : complain("%s: %s", backups_path(b, BACKUP_STAMP_BAD), strerror(errno));
    if (!backup_stamp(b->conf, BACKUP_STAMP_BAD))
        complain("%s: %s", backups_path(b, BACKUP_STAMP_BAD), strerror(errno));
    return EXIT_FAILED;
}

static int backups_check(struct backups *b)
{
    int64_t now_us = clock_now_us();

    for (size_t i = 0; i < b->n; i++) {
        struct arena_mark mark = arena_mark(b->arena);
        backups_purge(b, b->names[i], now_us);
        backups_judge(b, b->names[i]);
        arena_back(b->arena, &mark);
    }
    int code = backups_stamp(b);
    printf("%zu files looked at, %zu backups deleted, %zu bad\n", b->n, b->deleted, b->bad);
    return code;
}

static int backups_list(struct backups *b)
{
    struct stat st;

    for (size_t i = 0; i < b->n; i++)
        if (backups_ends(b->names[i], BACKUP_NAME_ENDS) && stat(backups_path(b, b->names[i]), &st) == 0)
            printf("%s  %lld MB\n", backups_path(b, b->names[i]), (long long)(st.st_size >> 20));
    return EXIT_DONE;
}

static int backups_do(const struct given *given, int (*fn)(struct backups *b))
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};
    struct arena arena;

    (void)given;
    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 64u << 20);
    struct backups b = {.arena = &arena, .conf = &conf};
    int code = backups_read(&b);
    if (code == EXIT_DONE)
        code = fn(&b);
    arena_done(&arena);
    return code;
}

int verb_backup_check(const struct given *given)
{
    return backups_do(given, backups_check);
}

int verb_backup_list(const struct given *given)
{
    return backups_do(given, backups_list);
}

/* Under the lock of whoever appends, so that no line of it is torn. */
static bool backups_copy_file(const char *from, const char *to)
{
    char bytes[64 << 10];
    ssize_t n;

    _cleanup_(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); /* another user's folder */
    if (in < 0 || flock(in, LOCK_SH) != 0)
        return false;
    _cleanup_(fd_closep) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return false;
    while ((n = read(in, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && !fd_write_all(out, bytes, (size_t)n))
            return false;
    return n == 0 && fsync(out) == 0;
}

/* It only grows: one that has less than its copy was lost, and begun anew. It would take the place of what a restore still needs. */
static bool backups_has_less(const char *from, const char *to)
{
    struct stat is, was;

    return stat(to, &was) == 0 && (lstat(from, &is) != 0 || is.st_size < was.st_size);
}

/* Nobody has been erased, disconnected or revoked yet: then there is nothing to take anywhere. */
static int backups_take_journal(struct backups *b)
{
    char host[HOST_NAME_MAX + 1] = "";

    if (b->conf->backup_copy.n == 0)
        return complain("backup.copy says where to take it, and is empty");
    (void)gethostname(host, sizeof host - 1);
    const char *from = arena_printf(b->arena, "%s/" JOURNAL_FILE, b->conf->privacy_journal_dir.p).p;
    const char *to = backups_path(b, arena_printf(b->arena, JOURNAL_FILE ".%s", host).p);
    const char *part = arena_printf(b->arena, "%s" BACKUP_PART_ENDS, to).p;
    bool is_there = access(from, F_OK) == 0;
    if (backups_has_less(from, to))
        return complain("%s has less than its copy %s, which is kept: put the lines of the copy back before its own",
                        from, to);
    if (is_there && (!backups_copy_file(from, part) || rename(part, to) != 0))
        return complain("%s cannot be copied to %s: %s", from, to, strerror(errno));
    if (is_there && !backup_copy(b->arena, b->conf, to))
        return EXIT_FAILED;
    return backup_stamp(b->conf, BACKUP_STAMP_COPIED)
               ? EXIT_DONE
               : complain("%s: %s", backups_path(b, BACKUP_STAMP_COPIED), strerror(errno));
}

int verb_backup_journal(const struct given *given)
{
    return backups_do(given, backups_take_journal);
}
