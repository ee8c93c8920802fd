/*
 * What epoll orders, told to ThreadSanitizer: who arms a connection has done with it before somebody is woken by it.
 *
 * The tests run it with io_sync=0 (tests/stack/sanitizers.py): else it takes what is written to a socket for a message to
 * whoever reads from any socket, and two threads that ask the database never race. In other builds this is nothing.
 *
 *    handover_begin(fd);
 *    epoll_ctl(...);
 *    handover_end();
 *    ...
 *    epoll_wait(...);
 *    handover_take(fd);
 */
#pragma once

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>

/* Of libtsan, without a header: epoll_ctl itself looks at the descriptor after the other may have closed it. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

static inline void *handover_mark(int fd)
{
    static char marks[1 << 16]; /* one for each descriptor; sharing one would only hide races */

    return &marks[(size_t)fd % sizeof marks];
}

static inline void handover_begin(int fd)
{
    __tsan_release(handover_mark(fd));
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}

static inline void handover_end(void)
{
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

static inline void handover_take(int fd)
{
    __tsan_acquire(handover_mark(fd));
}
#else
static inline void handover_begin(int fd)
{
    (void)fd;
}

static inline void handover_end(void)
{
}

static inline void handover_take(int fd)
{
    (void)fd;
}
#endif
