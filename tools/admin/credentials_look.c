/* marketingcli-admin credentials check: the files that are there, and rotations that nobody has ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "rotate.h"

#define UNDER_WAY_US US_PER_DAY /* longer than anybody needs to tell an issuer */

struct looking {
    struct arena *arena;
    const char *dir;
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

static void look_at_text(struct looking *l, const struct credential *f, const char *path)
{
    struct str text;

    if (!file_read(l->arena, path, &text))
        l->code = EXIT_FAILED;
    else if (memchr(text.p, '\0', text.n) != NULL)
        l->code = complain("%s has a NUL in it", path);
    else if (f->fault != NULL && f->fault(text) != NULL)
        l->code = complain("%s %s", path, f->fault(text));
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
    look_at_text(l, f, path);
}

/* Not an error before it is old: the admin may be at it. One that waits for a time is none. */
static void look_at_rotation(struct looking *l, const struct credential *f)
{
    struct rotation_state state;
    char since[TIME_TEXT_SIZE];

    if (rotation_load(l->arena, l->dir, f, &state) != EXIT_DONE) {
        l->code = EXIT_FAILED;
        return;
    }
    if (state.begun_us == 0)
        return;
    const struct rotation_step *at = &f->way->courses[state.course][state.step];
    time_format(state.begun_us, since);
    printf("%s: a rotation is under way since %s; %s\n", f->name, since,
           at->said != NULL ? "it was interrupted: run it again" : "it waits for --finish");
    if (clock_now_us() - state.begun_us > UNDER_WAY_US && (f->way->finish_after_us == NULL || at->said != NULL))
        l->code = complain("the rotation of %s was begun more than a day ago: end it", f->name);
}

static void look_at(struct looking *l, const struct credential *f)
{
    for (const struct service *s = services; s->name != NULL; s++)
        if (credentials_has(s, f))
            look_at_file(l, f, s);
    look_at_rotation(l, f);
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

int verb_credentials_check(const struct given *given)
{
    struct arena arena;

    arena_init(&arena, 8u << 20);
    int code = access(given->dir, R_OK | X_OK) == 0 ? credentials_look(&arena, given->dir)
                                                    : complain("%s: %s", given->dir, strerror(errno));
    arena_clear(&arena);
    arena_done(&arena);
    return code;
}
