#include "jobs/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"

#define SUFFIX ".kept"
#define UNFINISHED ".part"
#define UNFINISHED_US (600 * US_PER_SEC) /* nobody writes for that long */

/* JOB.FENCE.kept */
struct spool_file {
    char s[2 * UUID_TEXT_SIZE + sizeof SUFFIX + sizeof UNFINISHED];
};

static struct spool_file spool_file(const struct uuid *job, const struct uuid *fence, const char *suffix)
{
    struct spool_file f;

    (void)snprintf(f.s, sizeof f.s, "%s.%s" SUFFIX "%s", uuid_text(job).s, uuid_text(fence).s, suffix);
    return f;
}

static int spool_folder(const struct spool *s)
{
    return open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool spool_is_barred(const struct spool *s)
{
    _cleanup_(fd_closep) int dir = spool_folder(s);

    return dir < 0 ? errno == EACCES : faccessat(dir, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0;
}

/* Its age is told by our clock, and not by the file system's. */
static bool spool_touch(int fd)
{
    int64_t now_us = clock_now_us();
    const struct timespec now = {.tv_sec = now_us / US_PER_SEC, .tv_nsec = now_us % US_PER_SEC * 1000};

    return futimens(fd, (const struct timespec[]){now, now}) == 0;
}

static enum err spool_make(int dir, const char *name, struct str text)
{
    struct fault fault;

    if (fault_before(&fault, "write a kept result"))
        return ERR_STORE;
    _cleanup_(fd_closep) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || !fd_write_all(fd, text.p, text.n) || !spool_touch(fd))
        return err_of_store();
    if (fault_after(&fault))
        return ERR_STORE;
    return fd_sync(fd, "sync a kept result") ? OK : err_of_store();
}

static enum err spool_rename(int dir, const char *from, const char *to)
{
    struct fault fault;

    if (fault_before(&fault, "name a kept result"))
        return ERR_STORE;
    if (renameat(dir, from, dir, to) != 0)
        return err_of_store();
    return fault_after(&fault) ? ERR_STORE : OK;
}

/* A sealed file is of its job. Its fence changes as it is handed on. */
static struct str spool_aad(struct arena *arena, const struct uuid *job)
{
    return arena_printf(arena, "kept result:%s", uuid_text(job).s);
}

enum err spool_write(const struct spool *s, struct arena *arena, const struct uuid *job, const struct uuid *fence,
                     const struct spooled *what)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(SPOOL_FILE_MAX_BYTES);
    const struct spool_file part = spool_file(job, fence, UNFINISHED), name = spool_file(job, fence, "");

    if (!spool_put(&b, what))
        return ERR_STORE;
    struct str text = buf_str(&b);
    enum err e = s->ring != NULL ? keyring_seal(s->ring, text, spool_aad(arena, job), arena, &text) : OK;
    if (e != OK)
        return e;
    _cleanup_(fd_closep) int dir = spool_folder(s);
    if (dir < 0)
        return err_of_store();
    e = spool_make(dir, part.s, text);
    if (e == OK)
        e = spool_rename(dir, part.s, name.s);
    if (e != OK)
        (void)unlinkat(dir, part.s, 0);
    return e;
}

enum err spool_sync(const struct spool *s)
{
    _cleanup_(fd_closep) int dir = spool_folder(s);

    return dir >= 0 && fd_sync(dir, "sync the kept results") ? OK : err_of_store();
}

static enum err spool_link(int dir, int fd, const char *from, const char *to)
{
    struct fault fault;

    if (fault_before(&fault, "pass a kept result"))
        return ERR_STORE;
    bool linked = linkat(dir, from, dir, to, 0) == 0 || errno == EEXIST;
    if (!linked || !spool_touch(fd)) /* one that nobody can pass grows old, so that nobody waits for it for ever */
        return err_of_store();
    return fault_after(&fault) ? ERR_STORE : OK;
}

enum err spool_pass(const struct spool *s, const struct uuid *job, const struct uuid *from, const struct uuid *to)
{
    const struct spool_file old = spool_file(job, from, ""), new = spool_file(job, to, "");
    _cleanup_(fd_closep) int dir = spool_folder(s);

    if (dir < 0) /* one that is missing holds nothing; one that we may not enter any more may hold this one */
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : err_of_store();
    _cleanup_(fd_closep) int fd = openat(dir, old.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : err_of_store();
    enum err e = spool_link(dir, fd, old.s, new.s);
    if (e == OK && !fd_sync(dir, "sync the kept results"))
        e = err_of_store();
    if (e != OK) /* nobody will ask for it by this name */
        (void)unlinkat(dir, new.s, 0);
    return e;
}

static void spool_unlink(int dir, const char *name)
{
    struct fault fault;

    if (fault_before(&fault, "delete a kept result"))
        return;
    (void)unlinkat(dir, name, 0);
    (void)fault_after(&fault);
}

/* Two names of one file cannot be renamed to one: rename(2) does nothing then. */
bool spool_passed(const struct spool *s, const struct uuid *job, const struct uuid *from, const struct uuid *to)
{
    const struct spool_file old = spool_file(job, from, ""), new = spool_file(job, to, "");
    _cleanup_(fd_closep) int dir = spool_folder(s);

    if (dir < 0 || faccessat(dir, new.s, F_OK, 0) != 0)
        return false;
    spool_unlink(dir, old.s);
    return true;
}

/* ERR_STORE: it cannot be read, or is larger than any of ours. */
static enum err spool_read_bytes(int dir, const char *name, struct buf *b)
{
    char chunk[4096];
    ssize_t n;

    _cleanup_(fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_put(b, chunk, (size_t)n);
    explicit_bzero(chunk, sizeof chunk);
    return n < 0 || b->overflow ? ERR_STORE : OK;
}

enum err spool_read(const struct spool *s, struct arena *arena, const struct uuid *job, const struct uuid *fence,
                    struct spooled *ret)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(SPOOL_FILE_MAX_BYTES + KEYRING_OVERHEAD);
    _cleanup_(secret_done) struct secret plain = {0};
    _cleanup_(fd_closep) int dir = spool_folder(s);

    if (dir < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE;
    enum err e = spool_read_bytes(dir, spool_file(job, fence, "").s, &b);
    if (e != OK)
        return e;
    struct str text = buf_str(&b);
    if (s->ring != NULL) {
        if (keyring_open(s->ring, text, spool_aad(arena, job), &plain) != OK)
            return ERR_STORE;
        text = secret_str(&plain);
    }
    return spool_parse(arena, text, ret) ? OK : ERR_STORE;
}

void spool_delete(const struct spool *s, const struct uuid *job, const struct uuid *fence)
{
    _cleanup_(fd_closep) int dir = spool_folder(s);

    if (dir >= 0)
        spool_unlink(dir, spool_file(job, fence, "").s);
}

static bool spool_parse_name(struct str name, struct spool_name *ret)
{
    struct str job;

    if (!str_ends(name, STR(SUFFIX)))
        return false;
    name = str_head(name, name.n - (sizeof SUFFIX - 1));
    return str_cut(&name, '.', &job) && uuid_parse(job, &ret->job) && uuid_parse(name, &ret->fence);
}

static int64_t spool_us(struct timespec t)
{
    return (int64_t)t.tv_sec * US_PER_SEC + t.tv_nsec / 1000;
}

size_t spool_list(const struct spool *s, size_t max, struct spool_name *ret_names)
{
    DIR *dir = opendir(s->dir);
    struct dirent *entry;
    struct stat st;
    size_t n = 0;

    while (dir != NULL && n < max && (entry = readdir(dir)) != NULL) {
        struct str name = str_from(entry->d_name);
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (str_ends(name, STR(SUFFIX UNFINISHED)) && llabs(clock_now_us() - spool_us(st.st_mtim)) > UNFINISHED_US)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        if (!spool_parse_name(name, &ret_names[n]))
            continue;
        ret_names[n].touched_at_us = spool_us(st.st_mtim);
        ret_names[n++].has_other = st.st_nlink > 1;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}
