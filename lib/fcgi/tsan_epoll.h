/*
 * What epoll orders, told to ThreadSanitizer: who arms a connection has done with it before somebody is woken by it.
 *
 * The tests run it with io_sync=0 (tests/stack/sanitizers.py): else it takes what is written to a socket for a message to
 * whoever reads from any socket, and two threads that ask the database never race. In other builds this is nothing.
 *
 *    tsan_epoll_begin(fd);
 *    epoll_ctl(...);
 *    tsan_epoll_end();
 *    ...
 *    epoll_wait(...);
 *    tsan_epoll_take(fd);
 */
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>

/* Of libtsan, without a header: epoll_ctl itself looks at the descriptor after the other may have closed it. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

static inline void *tsan_epoll_mark(int fd)
{
    static char marks[1 << 16]; /* one for each descriptor; sharing one would only hide races */

    return &marks[(size_t)fd % sizeof marks];
}

static inline void tsan_epoll_begin(int fd)
{
    __tsan_release(tsan_epoll_mark(fd));
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}

static inline void tsan_epoll_end(void)
{
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

static inline void tsan_epoll_take(int fd)
{
    __tsan_acquire(tsan_epoll_mark(fd));
}
#else
static inline void tsan_epoll_begin(int fd)
{
    (void)fd;
}

static inline void tsan_epoll_end(void)
{
}

static inline void tsan_epoll_take(int fd)
{
    (void)fd;
}
#endif
