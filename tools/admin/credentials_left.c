/* What a run that was killed has left beside the credentials. Whoever asks has the lock (credentials_lock): so nobody is at work there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "passwords.h"
#include "rotate.h"

struct left {
    struct arena *arena;
    const char *dir;
    bool remove;
    int code;
};

/* A file that has not got its name: nobody reads it. */
static void left_part(struct left *l, const char *path)
{
    const char *part = arena_printf(l->arena, "%s" CREDENTIALS_PART, path).p;

    if (access(part, F_OK) != 0)
        return;
    if (!l->remove)
        printf("%s was left by a run that was killed: the next one of credentials, or of a rotation, removes it\n",
               part);
    else if (unlink(part) == 0)
        printf("removed %s, which a run that was killed has left\n", part);
    else
        l->code = complain("%s: %s", part, strerror(errno));
}

static void left_of(struct left *l, const struct credential *f)
{
    left_part(l, rotation_file(l->arena, l->dir, f->name));
    for (const struct service *s = services; s->name != NULL; s++) {
        if (!credentials_has(s, f))
            continue;
        const char *path = credentials_path(l->arena, l->dir, s, f);
        left_part(l, path);
        if (f != &credentials_password_file)
            continue;
        left_part(l, arena_printf(l->arena, "%s" PASSWORD_NEW, path).p);
        left_part(l, arena_printf(l->arena, "%s" PASSWORD_OLD, path).p);
    }
}

int credentials_left(struct arena *arena, const char *dir, bool remove)
{
    struct left l = {.arena = arena, .dir = dir, .remove = remove, .code = EXIT_DONE};

    left_of(&l, &credentials_password_file);
    for (const struct credential *f = credentials_shared; f->name != NULL; f++)
        left_of(&l, f);
    return l.code;
}
