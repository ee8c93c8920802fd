#include "metrics/expose.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"

#define BACKLOG 8

struct expose {
    struct metrics *metrics;
    void (*refresh)(void *arg);
    void *arg;
    struct sockaddr_un address;
    int listener, stop_fd;
    bool found_dead;
    pthread_t thread;
};

/* Until fd is ready for events. False: it is time to stop, or the time is over (until_us 0: never). */
static bool expose_wait_for(const struct expose *x, int fd, short events, int64_t until_us)
{
    struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = x->stop_fd, .events = POLLIN}};

    for (;;) {
        int64_t left_ms = until_us == 0 ? -1 : MAX((until_us - clock_mono_us()) / US_PER_MS, 0);
        int n = poll(p, ARRAY_LEN(p), (int)left_ms);
        if (n < 0 && errno == EINTR)
            continue;
        return n > 0 && p[1].revents == 0;
    }
}

/* Reads a request's head; false when none comes. What is in it beside the method does not matter. */
static bool expose_read_head(const struct expose *x, int fd, int64_t until_us, bool *ret_is_get)
{
    char head[EXPOSE_REQUEST_MAX];
    size_t n = 0;

    while (n < sizeof head) {
        if (!expose_wait_for(x, fd, POLLIN, until_us))
            return false;
        ssize_t got = recv(fd, head + n, sizeof head - n, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return false;
        n += (size_t)got;
        if (memmem(head, n, "\r\n\r\n", 4) != NULL) {
            *ret_is_get = str_starts(str_of(head, n), STR("GET "));
            return true;
        }
    }
    return false;
}

static void expose_send_all(const struct expose *x, int fd, struct str s, int64_t until_us)
{
    while (s.n > 0 && expose_wait_for(x, fd, POLLOUT, until_us)) {
        ssize_t sent = send(fd, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        s = str_skip(s, sent > 0 ? (size_t)sent : 0);
    }
}

static void expose_answer(const struct expose *x, int fd)
{
    _cleanup_(buf_done) struct buf body = BUF_MAX(EXPOSE_ANSWER_MAX), b = BUF_MAX(EXPOSE_ANSWER_MAX + 1024);
    int64_t until_us = clock_mono_us() + EXPOSE_SEC * US_PER_SEC;
    bool is_get;

    if (!expose_read_head(x, fd, until_us, &is_get))
        return;
    enum err e = is_get ? OK : ERR_METHOD_NOT_ALLOWED;
    if (is_get && x->refresh != NULL)
        x->refresh(x->arg);
    if (is_get)
        metrics_text(x->metrics, &body);
    ASSERT(!body.overflow);
    buf_printf(
        &b, "HTTP/1.0 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
        err_status(e), err_slug(e), body.n);
    buf_putstr(&b, buf_str(&body));
    expose_send_all(x, fd, buf_str(&b), until_us);
}

static void *expose_main(void *arg)
{
    const struct expose *x = arg;

    while (expose_wait_for(x, x->listener, POLLIN, 0)) {
        _cleanup_(fd_closep) int fd = accept4(x->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            expose_answer(x, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
            (void)expose_wait_for(x, -1, 0, clock_mono_us() + EXPOSE_SEC * US_PER_SEC); /* others will close some */
    }
    return NULL;
}

/* Nobody answers at a socket that is there. One that is merely slow to end does. */
static bool expose_is_dead(const struct sockaddr_un *address)
{
    _cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
}

/* -1 with errno. */
static int expose_listen_at(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)unlink(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 && chmod(address->sun_path, 0660) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

struct expose *expose_start(struct metrics *m, struct str dir, const char *program, void (*refresh)(void *arg),
                            void *arg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = sizeof address.sun_path;

    if (snprintf(address.sun_path, size, "%.*s/%s.sock", STR_FMT(dir), program) >= (int)size) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    bool found_dead = expose_is_dead(&address);
    int fd = expose_listen_at(&address);
    if (fd < 0)
        return NULL;
    struct expose *x = xcalloc(1, sizeof *x);
    *x = (struct expose){
        .metrics = m, .refresh = refresh, .arg = arg, .address = address, .listener = fd, .found_dead = found_dead};
    x->stop_fd = eventfd(0, EFD_CLOEXEC);
    ASSERT(x->stop_fd >= 0);
    ASSERT(pthread_create(&x->thread, NULL, expose_main, x) == 0);
    return x;
}

void expose_stop(struct expose *x)
{
    if (x == NULL)
        return;
    ASSERT(eventfd_write(x->stop_fd, 1) == 0);
    ASSERT(pthread_join(x->thread, NULL) == 0);
    (void)unlink(x->address.sun_path);
    (void)close(x->listener);
    (void)close(x->stop_fd);
    free(x);
}

bool expose_found_dead(const struct expose *x)
{
    return x != NULL && x->found_dead;
}
