#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the handler of SIGBUS must know of the one mapping. */
static struct {
    _Atomic(char *) base;
    atomic_size_t bytes;
    atomic_bool lost; /* the file was shorter than what is mapped, or its disk full: base is our own memory since */
} mapping_watched;

static size_t mapping_bytes(const struct mapping *m)
{
    return MAPPING_HEAD_BYTES + m->size;
}

/*
 * Puts other pages where threads are using some. The address stays, so they can go on, and find the old bytes or the new
 * ones. ThreadSanitizer would take mmap() for a write of every byte; the bare system call is also safe in a signal handler.
 */
static bool mapping_exchange(char *base, size_t bytes, int flags, int fd)
{
    long protection = PROT_READ | PROT_WRITE, how = flags | MAP_FIXED, file = fd, offset = 0; /* as wide as registers */

    return syscall(SYS_mmap, base, bytes, protection, how, file, offset) != -1;
}

/* Fresh memory of our own, in place of the file. */
static bool mapping_take_own(char *base, size_t bytes)
{
    return mapping_exchange(base, bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void mapping_on_sigbus(int signo, siginfo_t *info, void *context)
{
    char *base = atomic_load(&mapping_watched.base), *at = info->si_addr;
    size_t bytes = atomic_load(&mapping_watched.bytes);
    int before = errno;

    (void)context;
    bool is_ours = base != NULL && (uintptr_t)at >= (uintptr_t)base && (uintptr_t)at - (uintptr_t)base < bytes;
    if (!is_ours || !mapping_take_own(base, bytes))
        (void)signal(signo, SIG_DFL); /* the access is repeated, and ends the process as it would have */
    atomic_store(&mapping_watched.lost, true);
    errno = before;
}

static void mapping_watch(struct mapping *m)
{
    struct sigaction action = {.sa_sigaction = mapping_on_sigbus, .sa_flags = SA_SIGINFO};

    (void)sigemptyset(&action.sa_mask);
    ASSERT(atomic_load(&mapping_watched.base) == NULL);
    atomic_store(&mapping_watched.bytes, mapping_bytes(m));
    atomic_store(&mapping_watched.lost, false);
    atomic_store(&mapping_watched.base, m->base);
    ASSERT(sigaction(SIGBUS, &action, NULL) == 0);
}

/* The regular file at path, and not one that it links to; negative without one that may be used. */
static int mapping_open(const struct mapping *m, struct stat *ret_st)
{
    char name[256];

    if (m->path.n == 0 || snprintf(name, sizeof name, "%.*s", STR_FMT(m->path)) >= (int)sizeof name)
        return -1;
    int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode))
        return fd;
    (void)close(fd);
    return -1;
}

/*
 * A file without a head is new, and one with a part of ours was cut short: both get ours. Several may do that at a time: they
 * write the same. The room on the disk is taken here: a file without it would end in a SIGBUS, again and again.
 */
static bool mapping_is_prepared(const struct mapping *m, int fd, const struct stat *st)
{
    char want[MAPPING_HEAD_BYTES] = {0}, have[MAPPING_HEAD_BYTES] = {0}, none[MAPPING_HEAD_BYTES] = {0};

    memcpy(want, m->head.p, m->head.n);
    ssize_t n = pread(fd, have, sizeof have, 0);
    if (n < 0)
        return false;
    bool has_none =
        memcmp(have, none, sizeof have) == 0 || (n < MAPPING_HEAD_BYTES && memcmp(have, want, (size_t)n) == 0);
    if (has_none && pwrite(fd, want, sizeof want, 0) == (ssize_t)sizeof want)
        memcpy(have, want, sizeof have);
    if (memcmp(have, want, sizeof have) != 0)
        return false;
    bool has_room = st->st_size >= (off_t)mapping_bytes(m) && !atomic_load(&mapping_watched.lost);
    return has_room || posix_fallocate(fd, 0, (off_t)mapping_bytes(m)) == 0;
}

static bool mapping_is_same(const struct mapping *m, const struct stat *st)
{
    struct stat own;

    return m->fd >= 0 && fstat(m->fd, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

/* Leaves the file: what it holds is not ours. */
static enum mapping_state mapping_leave(struct mapping *m)
{
    if (m->fd < 0)
        return MAPPING_OWN;
    if (mapping_take_own(m->base, mapping_bytes(m))) {
        (void)close(m->fd);
        m->fd = -1;
    }
    return MAPPING_OWN;
}

/* Maps what fd has opened, which from here on is m's. */
static enum mapping_state mapping_join(struct mapping *m, int fd)
{
    atomic_store(&mapping_watched.lost, false); /* before, because a SIGBUS may come right after */
    if (!mapping_exchange(m->base, mapping_bytes(m), MAP_SHARED, fd)) {
        (void)close(fd);
        return mapping_leave(m);
    }
    if (m->fd >= 0)
        (void)close(m->fd);
    m->fd = fd;
    return MAPPING_SHARED;
}

enum mapping_state mapping_look(struct mapping *m)
{
    struct stat st;
    int fd = mapping_open(m, &st);

    if (fd < 0) /* those that run go on sharing what they have; one that starts cannot join them */
        return MAPPING_OWN;
    if (!mapping_is_prepared(m, fd, &st)) {
        (void)close(fd);
        return mapping_leave(m);
    }
    if (!mapping_is_same(m, &st) || atomic_load(&mapping_watched.lost))
        return mapping_join(m, fd);
    (void)close(fd);
    return MAPPING_SHARED;
}

void mapping_init(struct mapping *m, struct str path, struct str head, size_t size)
{
    ASSERT(head.n <= MAPPING_HEAD_BYTES);
    *m = (struct mapping){.size = size, .path = path, .head = head, .fd = -1};
    m->base = mmap(NULL, mapping_bytes(m), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(m->base != MAP_FAILED);
    m->p = m->base + MAPPING_HEAD_BYTES;
    mapping_watch(m);
}

void mapping_done(struct mapping *m)
{
    atomic_store(&mapping_watched.base, NULL);
    ASSERT(munmap(m->base, mapping_bytes(m)) == 0);
    if (m->fd >= 0)
        (void)close(m->fd);
    m->p = NULL;
}
