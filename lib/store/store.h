/*
 * The image store: a folder. (Another implementation may come; callers see ids only.)
 *
 *    e = store_create(&store, &id, &file);    // a temporary file: write to file.fd
 *    e = store_commit(&store, &file);    // fsync, rename, fsync of the folder: from now on it is there
 *    store_discard(&file);            // removes it, unless it was committed
 *
 * A file is <id>.jpg below two levels of hexadecimal folders, which come from the random end of the id. Nothing from
 * outside is ever part of a path. Files are 0644 and folders 2775, of the group that writes: whoever may enter the folder
 * above the store (systemd/tmpfiles.conf) may read.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"

struct store {
    const char *dir; /* must outlive the struct */
};

struct store_file {
    int fd;
    struct uuid id;
    char temporary[512], final[512];
};

#define STORE_FILE_NONE ((struct store_file){.fd = -1})

/* ERR_STORE_FULL, ERR_STORE. */
MUST_CHECK enum err store_create(const struct store *s, const struct uuid *id, struct store_file *ret_file);
MUST_CHECK enum err store_commit(const struct store *s, struct store_file *f); /* closes fd */
void store_discard(struct store_file *f); /* closes and unlinks; does nothing if committed, or without a file */

MUST_CHECK enum err store_delete(const struct store *s,
                                 const struct uuid *id); /* OK when it is not there: idempotent */
MUST_CHECK enum err store_open(const struct store *s, const struct uuid *id, int *ret_fd); /* ERR_NOT_FOUND */

/* The path below dir, for X-Accel-Redirect: "ab/cd/<id>.jpg". */
#define STORE_PATH_SIZE 64
void store_path(const struct uuid *id, char ret_path[static STORE_PATH_SIZE]);

/* A file without a name (O_TMPFILE) in dir, for data that is arriving. It is gone when closed. ERR_STORE_FULL,
 * ERR_STORE. */
MUST_CHECK enum err spool_open(const char *dir, int *ret_fd);
