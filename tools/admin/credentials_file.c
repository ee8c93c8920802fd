#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/io.h"
#include "credentials.h"

int credentials_lock(const char *dir, bool wait)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0 && wait && errno == EWOULDBLOCK) {
        fprintf(stderr, "waiting for another marketingcli-admin that works with %s\n", dir);
        if (flock(fd, LOCK_EX) == 0)
            return fd;
    }
    fd_closep(&fd);
    return -1;
}

static const char *credentials_folder(struct arena *arena, const char *path)
{
    return dirname(arena_strdup(arena, str_from(path)));
}

static bool credentials_sync_folder(struct arena *arena, const char *path)
{
    _cleanup_(fd_closep) int fd = open(credentials_folder(arena, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fd_sync(fd, "sync a folder of credentials");
}

/* In a stack of tests each service's files are its user's own; on a server all are root's. */
static bool credentials_own(struct arena *arena, int fd, const char *path)
{
    struct stat of, is;

    if (stat(path, &of) != 0 && stat(credentials_folder(arena, path), &of) != 0)
        return false;
    return fstat(fd, &is) == 0 &&
           ((is.st_uid == of.st_uid && is.st_gid == of.st_gid) || fchown(fd, of.st_uid, of.st_gid) == 0);
}

static bool credentials_make(struct arena *arena, const char *part, const char *path, struct str text)
{
    struct fault fault;

    if (fault_before(&fault, "write a credential"))
        return false;
    (void)unlink(part); /* of a run that was killed */
    _cleanup_(fd_closep) int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || !credentials_own(arena, fd, path) || !fd_write_all(fd, text.p, text.n) || fault_after(&fault))
        return false;
    return fd_sync(fd, "sync a credential");
}

static bool credentials_name(struct arena *arena, const char *from, const char *to)
{
    struct fault fault;

    return !fault_before(&fault, "name a credential") && rename(from, to) == 0 && !fault_after(&fault) &&
           credentials_sync_folder(arena, to);
}

int credentials_write(struct arena *arena, const char *path, struct str text)
{
    const char *part = arena_printf(arena, "%s" CREDENTIALS_PART, path).p;

    errno = 0;
    if (credentials_make(arena, part, path, text) && credentials_name(arena, part, path))
        return EXIT_DONE;
    int why = errno != 0 ? errno : EIO;
    (void)unlink(part); /* half a secret, and on a full disk the room that somebody needs */
    return complain("%s: %s", path, strerror(why));
}

int credentials_rename(struct arena *arena, const char *from, const char *to)
{
    errno = 0;
    return credentials_name(arena, from, to) ? EXIT_DONE : complain("%s: %s", to, strerror(errno != 0 ? errno : EIO));
}

int credentials_remove(struct arena *arena, const char *path)
{
    struct fault fault;

    errno = 0;
    if (!fault_before(&fault, "remove a credential") && (unlink(path) == 0 || errno == ENOENT) &&
        !fault_after(&fault) && credentials_sync_folder(arena, path))
        return EXIT_DONE;
    return complain("%s: %s", path, strerror(errno != 0 ? errno : EIO));
}
