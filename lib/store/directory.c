#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/io.h"

#define FILE_MODE 0644
#define FOLDER_MODE 02775
#define FOLDER_NEW_MODE 02771 /* until its name is durable: who reads can enter it, if a crash leaves it so */

void store_path(const struct uuid *id, char ret_path[static STORE_PATH_SIZE])
{
    /* The front of a UUIDv7 is the time: all of today's images would share their folders. Its end is random. */
    (void)snprintf(ret_path, STORE_PATH_SIZE, "%02x/%02x/%s.jpg", id->b[14], id->b[15], uuid_text(id).s);
}

struct directory_path {
    char s[512];
};

MUST_CHECK static enum err directory_full_path(const char *dir, const struct uuid *id, const char *suffix,
                                               struct directory_path *ret)
{
    char below[STORE_PATH_SIZE];

    store_path(id, below);
    int n = snprintf(ret->s, sizeof ret->s, "%s/%s%s", dir, below, suffix);
    return n > 0 && n < (int)sizeof ret->s ? OK : ERR_STORE;
}

static struct directory_path directory_folder_of(const char *path)
{
    struct directory_path p;
    const char *slash = strrchr(path, '/');

    ASSERT(slash != NULL);
    (void)snprintf(p.s, sizeof p.s, "%.*s", (int)(slash - path), path);
    return p;
}

/* A step that a test may make fail (base/fault.h) fails like a bad disk. */
static bool directory_fails(void)
{
    errno = EIO;
    return true;
}

MUST_CHECK static enum err directory_sync_folder(const char *path)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fd_sync(fd, "sync a folder") ? OK : err_of_store();
}

/*
 * Makes one folder; its name is durable in the one above before anything is put into it. It gets its mode after that: one with
 * another mode was left by a crash, or somebody else is making it, and nobody knows whether its name is durable. If that was another
 * user of the group, the mode is theirs to set.
 */
MUST_CHECK static enum err directory_make_folder(const struct directory_path *p)
{
    struct stat st = {.st_mode = 0};
    bool made = mkdir(p->s, FOLDER_NEW_MODE & 0777) == 0;

    if (made ? chmod(p->s, FOLDER_NEW_MODE) < 0 : errno != EEXIST || stat(p->s, &st) < 0) /* whatever the umask is */
        return err_of_store();
    if (!made && (st.st_mode & 07777) == FOLDER_MODE)
        return OK;
    enum err e = directory_sync_folder(directory_folder_of(p->s).s);
    if (e == OK && chmod(p->s, FOLDER_MODE) < 0 && (made || errno != EPERM))
        return err_of_store();
    return e;
}

MUST_CHECK static enum err directory_make_folders(const char *file)
{
    struct directory_path inner = directory_folder_of(file), outer = directory_folder_of(inner.s);
    enum err e = directory_make_folder(&outer);

    return e == OK ? directory_make_folder(&inner) : e;
}

static int directory_open_new(const char *path)
{
    struct fault fault;

    if (fault_before(&fault, "create a file") && directory_fails())
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0 || !fault_after(&fault))
        return fd;
    (void)close(fd);
    (void)directory_fails();
    return -1;
}

static bool directory_rename(const char *from, const char *to)
{
    struct fault fault;

    if (fault_before(&fault, "name a file") && directory_fails())
        return false;
    return rename(from, to) == 0 && !(fault_after(&fault) && directory_fails());
}

static bool directory_unlink(const char *path)
{
    struct fault fault;

    if (fault_before(&fault, "delete a file") && directory_fails())
        return false;
    return (unlink(path) == 0 || errno == ENOENT) && !(fault_after(&fault) && directory_fails());
}

enum err directory_create(const char *dir, const struct uuid *id, struct store_file *ret_file)
{
    struct store_file f = {.fd = -1, .kind = STORE_DIRECTORY, .id = *id};
    struct directory_path temporary, final;

    enum err e = directory_full_path(dir, id, DIRECTORY_PART, &temporary);
    if (e == OK)
        e = directory_full_path(dir, id, "", &final);
    if (e == OK)
        e = directory_make_folders(final.s);
    if (e != OK)
        return e;
    memcpy(f.temporary, temporary.s, sizeof f.temporary);
    memcpy(f.final, final.s, sizeof f.final);
    f.fd = directory_open_new(f.temporary);
    if (f.fd < 0)
        return err_of_store();
    if (fchmod(f.fd, FILE_MODE) < 0) {
        e = err_of_store();
        directory_discard(&f);
        return e;
    }
    *ret_file = f;
    return OK;
}

enum err directory_commit(struct store_file *f)
{
    ASSERT(f->fd >= 0);
    bool kept = fd_sync(f->fd, "sync a file") && directory_rename(f->temporary, f->final);
    enum err e = kept ? directory_sync_folder(directory_folder_of(f->final).s) : err_of_store();
    if (kept && e != OK)
        (void)unlink(f->final);
    if (e != OK) {
        directory_discard(f);
        return e;
    }
    (void)close(f->fd);
    *f = STORE_FILE_NONE;
    return OK;
}

void directory_discard(struct store_file *f)
{
    if (f->fd < 0)
        return;
    (void)close(f->fd);
    (void)unlink(f->temporary);
    *f = STORE_FILE_NONE;
}

enum err directory_delete(const char *dir, const struct uuid *id)
{
    static const char *const suffixes[] = {"", DIRECTORY_PART};
    struct directory_path p;

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        enum err e = directory_full_path(dir, id, suffixes[i], &p);
        if (e != OK)
            return e;
        if (!directory_unlink(p.s))
            return err_of_store();
    }
    /* Gone for good, also after a power cut: the policy promises it. The folder may never have been made. */
    struct directory_path folder = directory_folder_of(p.s);
    return access(folder.s, F_OK) < 0 && errno == ENOENT ? OK : directory_sync_folder(folder.s);
}

enum err directory_open(const char *dir, const struct uuid *id, int *ret_fd)
{
    struct directory_path p;
    enum err e = directory_full_path(dir, id, "", &p);

    if (e != OK)
        return e;
    int fd = open(p.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
    *ret_fd = fd;
    return OK;
}
