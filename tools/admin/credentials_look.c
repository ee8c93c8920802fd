/* marketingcli-admin credentials check: the files that are there, and rotations that nobody has ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "passwords.h"
#include "rotate.h"

#define UNDER_WAY_US US_PER_DAY          /* longer than anybody needs to tell an issuer */
#define JOURNAL_OLD_US (31 * US_PER_DAY) /* backup.keep_days is 30 at most, and somebody must come to it */

struct looking {
    struct arena *arena;
    const char *dir;
    bool under_way; /* a rotation of what is looked at */
    int code;
};

/* root's on a server; in a stack of tests its service's. */
static void look_at_mode(struct looking *l, const char *path, const struct stat *st, const struct stat *folder)
{
    if (!S_ISREG(st->st_mode))
        l->code = complain("%s is not a file", path);
    else if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        l->code = complain("%s can be used by others than its owner: chmod 600 %s", path, path);
    else if (st->st_uid != folder->st_uid)
        l->code = complain("%s belongs to another user than its folder: chown it", path);
}

/* A comment of a ring (crypto/keyring.h) is none; of other secrets # may be a part. */
static size_t look_count(const struct credential *f, struct str text)
{
    size_t n = lines_count(text);
    struct str line;

    while (f->way->with_database && str_next(&text, '\n', &line))
        n -= str_starts(str_trim(line), STR("#"));
    return n;
}

/* One that was put there by hand. What is under way is told as such. */
static void look_at_old(struct looking *l, const struct credential *f, const char *path, struct str text, int64_t at_us)
{
    size_t n = look_count(f, text);
    int64_t kept_us = f->way == &rotate_journal ? JOURNAL_OLD_US : UNDER_WAY_US;

    if (n < 2 || l->under_way || clock_now_us() - at_us <= kept_us)
        return;
    if (f->way->with_database) /* after a restore of an older backup, rows are sealed under an old one */
        l->code = complain("%s has %zu keys, and nobody has changed it for more than %lld days: marketingcli-admin "
                           "credentials rotate %s seals all again, and leaves one. Take none away by hand: what is "
                           "sealed under it could not be opened any more",
                           path, n, (long long)(kept_us / US_PER_DAY), f->name);
    else
        l->code = complain("%s has %zu secrets, and nobody has changed it for more than %lld days: leave the current "
                           "one alone there, in all files of that name, and restart the services that have it",
                           path, n, (long long)(kept_us / US_PER_DAY));
}

/* MariaDB takes each of them. */
static void look_beside(struct looking *l, const struct service *s, const char *path)
{
    static const char *const endings[] = {PASSWORD_NEW, PASSWORD_OLD};

    for (size_t i = 0; i < ARRAY_LEN(endings) && !l->under_way; i++) {
        const char *beside = arena_printf(l->arena, "%s%s", path, endings[i]).p;
        if (access(beside, F_OK) == 0)
            l->code = complain("%s is of no rotation that is under way, and MariaDB may take it: marketingcli-admin "
                               "credentials rotate " PASSWORD_FILE " --service %.*s ends that",
                               beside, STR_FMT(service_label(l->arena, s)));
    }
}

static void look_at_text(struct looking *l, const struct credential *f, const char *path, const struct stat *st)
{
    struct str text;

    if (!file_read(l->arena, path, &text))
        l->code = EXIT_FAILED;
    else if (memchr(text.p, '\0', text.n) != NULL)
        l->code = complain("%s has a NUL in it", path);
    else if (f->fault != NULL && f->fault(text) != NULL)
        l->code = complain("%s %s", path, f->fault(text));
    else
        look_at_old(l, f, path, text, st->st_mtim.tv_sec * US_PER_SEC);
}

static void look_at_file(struct looking *l, const struct credential *f, const struct service *s)
{
    const char *path = credentials_path(l->arena, l->dir, s, f);
    const char *of = arena_printf(l->arena, "%s/%.*s", l->dir, STR_FMT(service_database(l->arena, s))).p;
    struct stat st, folder;

    if (stat(of, &folder) != 0 || lstat(path, &st) != 0) {
        l->code = errno == ENOENT ? complain("%s is missing: marketingcli-admin credentials makes it", path)
                                  : complain("%s: %s", path, strerror(errno));
        return;
    }
    if ((folder.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        l->code = complain("%s can be used by others than its owner: chmod 700 %s", of, of);
    look_at_mode(l, path, &st, &folder);
    look_at_text(l, f, path, &st);
    if (f == &credentials_password_file)
        look_beside(l, s, path);
}

/* Not an error before it is old: the admin may be at it, or it waits for a time. */
static void look_at_rotation(struct looking *l, const struct credential *f)
{
    struct rotation_state state;
    char since[TIME_TEXT_SIZE];

    if (rotation_load(l->arena, l->dir, f, &state) != EXIT_DONE) {
        l->under_way = true; /* nobody knows how far */
        l->code = EXIT_FAILED;
        return;
    }
    l->under_way = state.begun_us != 0;
    if (!l->under_way)
        return;
    const struct rotation_step *at = &f->way->courses[state.course][state.step];
    int64_t kept_us = f->way->finish_after_us != NULL && at->said == NULL ? JOURNAL_OLD_US : UNDER_WAY_US;
    time_format(state.begun_us, since);
    printf("%s: a rotation is under way since %s; %s\n", f->name, since,
           at->said != NULL ? "it was interrupted: run it again" : "it waits for --finish");
    if (clock_now_us() - state.begun_us > kept_us)
        l->code = complain("the rotation of %s was begun more than %s ago: end it", f->name,
                           kept_us == UNDER_WAY_US ? "a day" : "31 days");
}

static void look_at(struct looking *l, const struct credential *f)
{
    look_at_rotation(l, f);
    for (const struct service *s = services; s->name != NULL; s++)
        if (credentials_has(s, f))
            look_at_file(l, f, s);
}

int credentials_look(struct arena *arena, const char *dir)
{
    struct looking l = {.arena = arena, .dir = dir, .code = EXIT_DONE};

    look_at(&l, &credentials_password_file);
    for (const struct credential *f = credentials_shared; f->name != NULL; f++)
        look_at(&l, f);
    return l.code;
}

/* Of the files that systemd hands to a service, for its configuration's check (config.c). */
bool credentials_fit(struct arena *arena, const char *folder, struct buf *why)
{
    for (const struct credential *f = credentials_shared; f->name != NULL; f++) {
        const char *path = arena_printf(arena, "%s/%s", folder, f->name).p;
        struct str text;
        if (f->fault == NULL || access(path, F_OK) != 0)
            continue;
        if (!file_read(arena, path, &text))
            buf_printf(why, "the credential %s cannot be read", f->name);
        else if (f->fault(text) != NULL)
            buf_printf(why, "the credential %s %s", f->name, f->fault(text));
        if (why->n > 0)
            return false;
    }
    return true;
}

static int look_stamp(const char *path, bool is_bad)
{
    if (!is_bad)
        return unlink(path) == 0 || errno == ENOENT ? EXIT_DONE : complain("%s: %s", path, strerror(errno));
    _cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd >= 0 && fchmod(fd, 0644) == 0 ? EXIT_DONE : complain("%s: %s", path, strerror(errno));
}

/* For worker@media, which has no right to look at secrets: whether something is wrong, and not what. */
static int look_tell(struct arena *arena, bool is_bad)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};

    if (conf_load(&conf, conf_path(), &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    return look_stamp(arena_printf(arena, "%.*s/" CREDENTIALS_STAMP_BAD, STR_FMT(conf.service_socket_dir)).p, is_bad);
}

/* Whoever is at work there has left nothing yet. */
static int look_at_all(struct arena *arena, const char *dir)
{
    _cleanup_(fd_closep) int lock = credentials_lock(dir, false);
    int code = EXIT_DONE;

    if (access(dir, R_OK | X_OK) != 0)
        return complain("%s: %s", dir, strerror(errno));
    if (lock >= 0)
        code = credentials_left(arena, dir, false);
    fd_closep(&lock); /* and nobody waits for one who only looks */
    lock = -1;
    return credentials_look(arena, dir) == EXIT_DONE ? code : EXIT_FAILED;
}

int verb_credentials_check(const struct given *given)
{
    struct arena arena;

    arena_init(&arena, 8u << 20);
    int code = look_at_all(&arena, given->dir);
    if (given->tell != NULL && look_tell(&arena, code != EXIT_DONE) != EXIT_DONE)
        code = EXIT_FAILED;
    arena_clear(&arena);
    arena_done(&arena);
    return code;
}
