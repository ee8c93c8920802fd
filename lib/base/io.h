/*
 * The loops and clean-ups around file descriptors that every user of them needs.
 *
 *    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
 *    if (!fd_write_all(fd, p, n))
 *        return err_of_store();
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* For _cleanup_: closes *fd unless it is negative. Keeps errno, so that a function may fail and still say why. */
void fd_closep(int *fd);

/* Writes all n bytes, even if the kernel takes only some at a time. False with errno set: some may have been
 * written. */
MUST_CHECK bool fd_write_all(int fd, const void *p, size_t n);

/* fsync, a step that a test may make fail like a bad disk (base/fault.h). False with errno set. */
MUST_CHECK bool fd_sync(int fd, const char *step);

/* What is read of the file next comes from the disk, if all of it was written there (fd_sync). Where the kernel keeps it all the same, as in
 * memory (tmpfs), nothing is lost. */
void fd_forget(int fd);

/* What errno means for the image store: ERR_STORE_FULL when there is no room, else ERR_STORE. */
enum err err_of_store(void);
