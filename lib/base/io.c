#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fault.h"

void fd_closep(int *fd)
{
    int error = errno;

    if (*fd >= 0)
        (void)close(*fd);
    errno = error;
}

bool fd_write_all(int fd, const void *p, size_t n)
{
    const char *next = p;

    while (n > 0) {
        ssize_t written = write(fd, next, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = EIO; /* no file does that to n > 0; a loop that relies on it would never end */
        if (written <= 0)
            return false;
        next += written;
        n -= (size_t)written;
    }
    return true;
}

static bool fd_fails(void)
{
    errno = EIO;
    return true;
}

bool fd_sync(int fd, const char *step)
{
    struct fault fault;

    if (fault_before(&fault, step) && fd_fails())
        return false;
    return fsync(fd) == 0 && !(fault_after(&fault) && fd_fails());
}

void fd_forget(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

enum err err_of_store(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_STORE;
}
