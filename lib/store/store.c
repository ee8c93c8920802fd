#include "store/store.h"

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
#define FOLDER_NEW_MODE 02771    /* until its name is durable: who reads can enter it, if a crash leaves it so */
#define TEMPORARY_SUFFIX ".part" /* beside the final name, so that store_delete finds what a crash left */

void store_path(const struct uuid *id, char ret_path[static STORE_PATH_SIZE])
{
    /* The front of a UUIDv7 is the time: all of today's images would share their folders. Its end is random. */
    (void)snprintf(ret_path, STORE_PATH_SIZE, "%02x/%02x/%s.jpg", id->b[14], id->b[15], uuid_text(id).s);
}

struct store_path {
    char s[512];
};

MUST_CHECK static enum err store_full_path(const struct store *s, const struct uuid *id, const char *suffix,
                                           struct store_path *ret)
{
    char below[STORE_PATH_SIZE];

    store_path(id, below);
    int n = snprintf(ret->s, sizeof ret->s, "%s/%s%s", s->dir, below, suffix);
    return n > 0 && n < (int)sizeof ret->s ? OK : ERR_STORE;
}

static struct store_path store_folder_of(const char *path)
{
    struct store_path p;
    const char *slash = strrchr(path, '/');

    ASSERT(slash != NULL);
    (void)snprintf(p.s, sizeof p.s, "%.*s", (int)(slash - path), path);
    return p;
}

/* A step that a test may make fail (base/fault.h) fails like a bad disk. */
static bool store_fails(void)
{
    errno = EIO;
    return true;
}

MUST_CHECK static enum err store_sync_folder(const char *path)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fd_sync(fd, "sync a folder") ? OK : err_of_store();
}

/*
 * Makes one folder; its name is durable in the one above before anything is put into it. It gets its mode after that: one with
 * another mode was left by a crash, or somebody else is making it, and nobody knows whether its name is durable. If that was another
 * user of the group, the mode is theirs to set.
 */
MUST_CHECK static enum err store_make_folder(const struct store_path *p)
{
    struct stat st = {.st_mode = 0};
    bool made = mkdir(p->s, FOLDER_NEW_MODE & 0777) == 0;

    if (made ? chmod(p->s, FOLDER_NEW_MODE) < 0 : errno != EEXIST || stat(p->s, &st) < 0) /* whatever the umask is */
        return err_of_store();
    if (!made && (st.st_mode & 07777) == FOLDER_MODE)
        return OK;
    enum err e = store_sync_folder(store_folder_of(p->s).s);
    if (e == OK && chmod(p->s, FOLDER_MODE) < 0 && (made || errno != EPERM))
        return err_of_store();
    return e;
}

MUST_CHECK static enum err store_make_folders(const char *file)
{
    struct store_path inner = store_folder_of(file), outer = store_folder_of(inner.s);
    enum err e = store_make_folder(&outer);

    return e == OK ? store_make_folder(&inner) : e;
}

static int store_open_new(const char *path)
{
    struct fault fault;

    if (fault_before(&fault, "create a file") && store_fails())
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0 || !fault_after(&fault))
        return fd;
    (void)close(fd);
    (void)store_fails();
    return -1;
}

static bool store_rename(const char *from, const char *to)
{
    struct fault fault;

    if (fault_before(&fault, "name a file") && store_fails())
        return false;
    return rename(from, to) == 0 && !(fault_after(&fault) && store_fails());
}

static bool store_unlink(const char *path)
{
    struct fault fault;

    if (fault_before(&fault, "delete a file") && store_fails())
        return false;
    return (unlink(path) == 0 || errno == ENOENT) && !(fault_after(&fault) && store_fails());
}

enum err store_create(const struct store *s, const struct uuid *id, struct store_file *ret_file)
{
    struct store_file f = {.fd = -1, .id = *id};
    struct store_path temporary, final;

    enum err e = store_full_path(s, id, TEMPORARY_SUFFIX, &temporary);
    if (e == OK)
        e = store_full_path(s, id, "", &final);
    if (e == OK)
        e = store_make_folders(final.s);
    if (e != OK)
        return e;
    memcpy(f.temporary, temporary.s, sizeof f.temporary);
    memcpy(f.final, final.s, sizeof f.final);
    f.fd = store_open_new(f.temporary);
    if (f.fd < 0)
        return err_of_store();
    if (fchmod(f.fd, FILE_MODE) < 0) {
        e = err_of_store();
        store_discard(&f);
        return e;
    }
    *ret_file = f;
    return OK;
}

enum err store_commit(const struct store *s, struct store_file *f)
{
    ASSERT(s != NULL && f->fd >= 0);
    bool kept = fd_sync(f->fd, "sync a file") && store_rename(f->temporary, f->final);
    enum err e = kept ? store_sync_folder(store_folder_of(f->final).s) : err_of_store();
    if (kept && e != OK)
        (void)unlink(f->final);
    if (e != OK) {
        store_discard(f);
        return e;
    }
    (void)close(f->fd);
    *f = STORE_FILE_NONE;
    return OK;
}

void store_discard(struct store_file *f)
{
    if (f->fd < 0)
        return;
    (void)close(f->fd);
    (void)unlink(f->temporary);
    *f = STORE_FILE_NONE;
}

enum err store_delete(const struct store *s, const struct uuid *id)
{
    static const char *const suffixes[] = {"", TEMPORARY_SUFFIX};
    struct store_path p;

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        enum err e = store_full_path(s, id, suffixes[i], &p);
        if (e != OK)
            return e;
        if (!store_unlink(p.s))
            return err_of_store();
    }
    /* Gone for good, also after a power cut: the policy promises it. The folder may never have been made. */
    struct store_path folder = store_folder_of(p.s);
    return access(folder.s, F_OK) < 0 && errno == ENOENT ? OK : store_sync_folder(folder.s);
}

enum err store_open(const struct store *s, const struct uuid *id, int *ret_fd)
{
    struct store_path p;
    enum err e = store_full_path(s, id, "", &p);

    if (e != OK)
        return e;
    int fd = open(p.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
    *ret_fd = fd;
    return OK;
}

/* For file systems without O_TMPFILE: a name that lives for a moment. */
static int store_open_unlinked(const char *dir)
{
    struct store_path p;

    int n = snprintf(p.s, sizeof p.s, "%s/spool-XXXXXX", dir);
    if (n < 0 || n >= (int)sizeof p.s) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(p.s, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(p.s);
    return fd;
}

enum err spool_open(const char *dir, int *ret_fd)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = store_open_unlinked(dir);
    if (fd < 0)
        return err_of_store();
    *ret_fd = fd;
    return OK;
}
