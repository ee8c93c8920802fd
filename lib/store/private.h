/* The folder behind store.h; its paths also name the objects of a bucket. */
#pragma once

#include "store/store.h"

#define STORE_PATH_SIZE 64 /* "ab/cd/<id>.jpg" */
void store_path(const struct uuid *id, char ret_path[static STORE_PATH_SIZE]);

#define DIRECTORY_PART \
    ".part" /* after the final name of what is being written, so that directory_delete finds what a crash left */

MUST_CHECK enum err directory_create(const char *dir, const struct uuid *id, struct store_file *ret_file);
MUST_CHECK enum err directory_commit(struct store_file *f);
void directory_discard(struct store_file *f);
MUST_CHECK enum err directory_delete(const char *dir, const struct uuid *id);
MUST_CHECK enum err directory_open(const char *dir, const struct uuid *id, int *ret_fd); /* ERR_NOT_FOUND */

void store_tell(const struct s3_said *from, struct store_said *said);
