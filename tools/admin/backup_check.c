/*
 * marketingcli-admin backup check: compares each backup with its digest, and deletes those whose time is over. And backup list.
 *
 * Nothing is deleted that a wrong clock alone makes old (backup_clock.c), nor while a backup or a restore is at work, and never the newest
 * one that is good.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "base/clock.h"
#include "restore.h"

#define FILES_MAX 10000
#define PART_KEPT_US US_PER_DAY

struct backup_found {
    const char *name;
    int64_t at_us; /* as the name has it */
    bool is_good;  /* a backup that is what its digest says */
};

struct backups {
    struct arena *arena;
    const struct conf *conf;
    const struct given *given;
    struct backup_found *found;
    size_t n, bad, deleted;
    int64_t now_us;
};

static int backups_compare(const void *a, const void *b)
{
    const struct backup_found *x = a, *y = b;

    return strcmp(x->name, y->name);
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
    b->found = arena_array(b->arena, FILES_MAX, sizeof *b->found);
    for (struct dirent *d; b->n < FILES_MAX && (d = readdir(dir)) != NULL;) {
        int64_t at_us = backup_time_us(d->d_name);
        if (at_us != 0)
            b->found[b->n++] =
                (struct backup_found){.name = arena_strdup(b->arena, str_from(d->d_name)), .at_us = at_us};
    }
    (void)closedir(dir);
    qsort(b->found, b->n, sizeof *b->found, backups_compare);
    return EXIT_DONE;
}

static const char *backups_path(const struct backups *b, const char *name)
{
    return arena_printf(b->arena, "%s/%s", b->conf->backup_dir.p, name).p;
}

static bool backups_is_of_future(const struct backups *b, const struct backup_found *f)
{
    return f->at_us > b->now_us + CLOCKS_DIFFER_US;
}

static void backups_judge(struct backups *b, struct backup_found *f)
{
    const char *path = backups_path(b, f->name);

    if (!backups_ends(f->name, BACKUP_NAME_ENDS) || access(path, F_OK) != 0)
        return;
    if (access(arena_printf(b->arena, "%s" BACKUP_DIGEST_ENDS, path).p, F_OK) != 0)
        complain("%s has no digest beside it", path);
    else
        f->is_good = restore_check_digest(b->arena, path) == EXIT_DONE;
    b->bad += !f->is_good;
    if (f->is_good && backups_is_of_future(b, f)) {
        complain("%s is of the future: the clock was wrong when it was made, or is now", path);
        b->bad++;
    }
}

/* What was not finished stays for a day: somebody may be at it, on another machine. */
static bool backups_is_over(const struct backups *b, const struct backup_found *f)
{
    int64_t kept_us = backups_ends(f->name, BACKUP_PART_ENDS) ? PART_KEPT_US : b->conf->backup_keep_days * US_PER_DAY;

    return b->now_us - f->at_us > kept_us;
}

static void backups_judge_one(struct backups *b, struct backup_found *f)
{
    struct arena_mark mark = arena_mark(b->arena);

    backups_judge(b, f);
    arena_back(b->arena, &mark);
}

/*
 * Judges those whose time is not over, and returns the newest good one; if there is none, the newest of the others, which are looked at
 * until one is good. One of the future only if there is no other: nobody knows when it was made. NULL: none is good.
 */
static const struct backup_found *backups_judge_all(struct backups *b)
{
    const struct backup_found *newest = NULL, *future = NULL;

    for (size_t i = 0; i < b->n; i++) {
        struct backup_found *f = &b->found[i];
        if (!backups_is_over(b, f))
            backups_judge_one(b, f);
        if (f->is_good && backups_is_of_future(b, f))
            future = f;
        else if (f->is_good)
            newest = f;
    }
    for (size_t i = b->n; i > 0 && newest == NULL; i--)
        if (backups_is_over(b, &b->found[i - 1])) {
            backups_judge_one(b, &b->found[i - 1]);
            newest = b->found[i - 1].is_good ? &b->found[i - 1] : NULL;
        }
    return newest != NULL ? newest : future;
}

/* With a good one nothing goes that is as new, which is its digest; without one, only what was never finished. */
static bool backups_may_go(const struct backups *b, const struct backup_found *f, const struct backup_found *newest)
{
    return backups_is_over(b, f) &&
           (backups_ends(f->name, BACKUP_PART_ENDS) || (newest != NULL && f->at_us < newest->at_us));
}

static void backups_delete(struct backups *b, const struct backup_found *f)
{
    if (unlink(backups_path(b, f->name)) == 0) {
        b->deleted += backups_ends(f->name, BACKUP_NAME_ENDS);
        printf("deleted %s\n", f->name);
    } else {
        b->bad++;
        complain("%s cannot be deleted: %s", f->name, strerror(errno));
    }
}

static int backups_delete_alone(struct backups *b, const struct backup_found *newest)
{
    struct db_options options = db_options_of(b->conf);
    struct alone alone;

    options.user = b->given->user;
    if (!alone_take(&alone, b->arena, &options, "backup",
                    b->given->database != NULL ? b->given->database : b->conf->database_name.p))
        return complain("nothing was deleted");
    for (size_t i = 0; i < b->n; i++)
        if (backups_may_go(b, &b->found[i], newest))
            backups_delete(b, &b->found[i]);
    alone_end(&alone);
    return EXIT_DONE;
}

static int backups_purge(struct backups *b, const struct backup_found *newest)
{
    bool is_even = backup_clock_is_even(b->arena, b->conf, b->now_us);
    size_t n = 0;

    if (newest != NULL && backups_is_over(b, newest)) {
        complain("%s stays though its time is over: there is no newer one that is good", newest->name);
        b->bad++;
    }
    for (size_t i = 0; i < b->n; i++)
        n += backups_may_go(b, &b->found[i], newest);
    if (n > 0 && is_even)
        return backups_delete_alone(b, newest);
    if (n > 0)
        printf(
            "%zu files would go, and stay until the clock has gone right for a day, as the check of each day sees it\n",
            n);
    return EXIT_DONE;
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
    int purged = backups_purge(b, backups_judge_all(b)), code = backups_stamp(b);

    if (!backup_left(b->arena, b->conf, false))
        purged = EXIT_FAILED;

    printf("%zu files looked at, %zu backups deleted, %zu bad\n", b->n, b->deleted, b->bad);
    return code == EXIT_DONE ? purged : code;
}

static int backups_list(struct backups *b)
{
    struct stat st;

    for (size_t i = 0; i < b->n; i++)
        if (backups_ends(b->found[i].name, BACKUP_NAME_ENDS) && stat(backups_path(b, b->found[i].name), &st) == 0)
            printf("%s  %lld MB\n", backups_path(b, b->found[i].name), (long long)(st.st_size >> 20));
    return EXIT_DONE;
}

static int backups_do(const struct given *given, int (*fn)(struct backups *b))
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};
    struct arena arena;

    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    arena_init(&arena, 64u << 20);
    struct backups b = {.arena = &arena, .conf = &conf, .given = given, .now_us = clock_now_us()};
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
