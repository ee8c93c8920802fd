/*
 * The files with the services' secrets, DIR/SERVICE/NAME. credentials.c has the table: how each is made, and how it is rotated.
 * rotate.h says what a rotation is.
 */
#pragma once

#include "admin.h"
#include "base/secret_ring.h"
#include "service/service.h"

struct rotation_way;

struct credential {
    const char *name;
    struct str (*make)(struct arena *arena); /* NULL: somebody else issues it, and the file is made empty */
    const char *to_fill;                     /* of such a file: what the admin puts into it */
    const char *(*fault)(
        struct str text); /* what is wrong with a file's text, or NULL; NULL: it is as it is, and may be empty */
    const struct rotation_way *way;
    const char *elsewhere; /* what is to be done there once both are good, and before only the new one is */
    /* Why a program that holds it would not start with these lines, or NULL; NULL: it takes any. Nobody is to be restarted with them. */
    const char *(*unfit)(const struct conf *conf, const struct secret_ring *ring);
};

const struct credential *credentials_find(const char *name);                    /* NULL: there is none */
extern const struct credential credentials_password_file, credentials_shared[]; /* the table; ends with a NULL name */

bool credentials_has(const struct service *s, const struct credential *f);
const char *credentials_path(struct arena *arena, const char *dir, const struct service *s, const struct credential *f);

/*
 * One at a time of those who write there, and of migrate --credentials, which reads all: the lock is the folder's and ends with the
 * process. -1: without wait, somebody else has it; or there is no such folder, with errno set.
 */
int credentials_lock(const char *dir, bool wait);

/*
 * Writes a file whole or not at all, and waits until the disk has it. It gets the owner of the file that is there, else of its
 * folder, and nobody else may read it.
 */
MUST_CHECK int credentials_write(struct arena *arena, const char *path, struct str text);
MUST_CHECK int credentials_rename(struct arena *arena, const char *from, const char *to); /* likewise durable */
MUST_CHECK int credentials_remove(struct arena *arena, const char *path);                 /* fine if it is not there */

/* With the lock: what a run that was killed has left is named, or removed where nobody needs it. */
#define CREDENTIALS_PART ".part" /* after a name: not whole yet, or never */
MUST_CHECK int credentials_left(struct arena *arena, const char *dir, bool remove);

/* Whatever is wrong with the files that are there is complained of: EXIT_FAILED; and so are rotations that nobody ended for a day, and old
 * secrets that nobody took away. */
MUST_CHECK int credentials_look(struct arena *arena, const char *dir);

/* In service.socket_dir: there while something is wrong, as credentials check --tell has seen it. worker/watch.c looks. */
#define CREDENTIALS_STAMP_BAD "credentials-bad"

/* Of the files that a service is handed: false with a sentence in why. */
bool credentials_fit(struct arena *arena, const char *folder, struct buf *why);
