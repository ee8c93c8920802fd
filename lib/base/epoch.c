#include "base/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/rand.h"

enum err epoch_open(struct str path, bool ends, struct epoch *ret)
{
    char name[256];

    if (snprintf(name, sizeof name, "%.*s", STR_FMT(path)) >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return ERR_UNAVAILABLE;
    }
    int fd = open(name, (ends ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0)
        return ERR_UNAVAILABLE;
    ret->fd = fd;
    return OK;
}

void epoch_close(struct epoch *e)
{
    if (e->fd >= 0)
        (void)close(e->fd);
    *e = EPOCH_NONE;
}

bool epoch_now(const struct epoch *e, struct epoch_mark *ret)
{
    return e->fd >= 0 && pread(e->fd, ret->b, sizeof ret->b, 0) == sizeof ret->b;
}

enum err epoch_end(const struct epoch *e)
{
    struct epoch_mark mark;
    struct fault fault;

    if (e->fd < 0)
        return OK;
    rand_bytes(mark.b, sizeof mark.b);
    if (fault_before(&fault, "end the epoch"))
        return ERR_UNAVAILABLE;
    bool written = pwrite(e->fd, mark.b, sizeof mark.b, 0) == sizeof mark.b;
    return written && !fault_after(&fault) ? OK : ERR_UNAVAILABLE;
}
