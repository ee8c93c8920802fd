/*
 * Tells ThreadSanitizer what epoll orders: the thread that arms a connection has finished with it before epoll_wait
 * hands that connection to another thread.
 *
 * ThreadSanitizer would see this by itself, but then it would also take anything that is written to a socket for a
 * message to whoever reads from any socket, and no two threads that ask the database could ever be seen to race. So the
 * tests run it with io_sync=0 (tests/stack/sanitizers.py). In other builds these functions do nothing.
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

/* From libtsan, which has no header for them. epoll_ctl itself looks at the descriptor after another thread may have
 * closed it. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

static inline void *tsan_epoll_mark(int fd)
{
    static char marks[1 << 16]; /* one for each descriptor; two that share one could only hide a race */

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
