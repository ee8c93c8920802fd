/*
 * Accepting is done here and not by libfcgi (docs/architecture.md#a-request): a thread inside FCGX_Accept_r would stay
 * with an idle kept connection, and libfcgi's own way to stop loses requests. All threads wait on one epoll for the
 * listening socket, for kept connections that have something to read, and for the stop; libfcgi gets one ready
 * connection at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "fcgi/tsan_epoll.h"
#include "net/call.h"
#include "fcgi/guard.h"
#include "fcgi/serve.h"
#include "fcgi/streams.h"

#define LISTEN_FD 0
/*
 * How long a stop waits for answers that are being streamed. Meanwhile requests wait in the queue of the listening
 * socket, so it is at most half of what service.queue_sec allows.
 */
#define STREAM_GRACE_MS 5000
#define STOP_GRACE_MS 200 /* nginx may be sending a request on a kept connection at this moment */
/* Of one read or write on a connection. nginx runs on this machine: longer means that it, or its client, is gone. */
#define CONNECTION_TIMEOUT_SEC 60

struct server {
    struct shared *shared;
    int epoll_fd, stop_fd;
};

struct serve_thread {
    struct server *server;
    pthread_t id;
    struct db *db;
    struct arena arena;
};

static void serve_watch(struct server *s, int op, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    tsan_epoll_begin(fd);
    ASSERT(epoll_ctl(s->epoll_fd, op, fd, &ev) == 0);
    tsan_epoll_end();
}

/* Serves one request on a connection that has something to read. Returns whether the connection is still open. */
static bool serve_request(struct serve_thread *t, FCGX_Request *q, int fd)
{
    struct shared *s = t->server->shared;

    q->ipcFd = fd;
    q->keepConnection = 1;
    q->listen_sock = -1; /* so that FCGX_Accept_r fails on a bad or closed connection, and does not accept another */
    guard_begin();
    if (FCGX_Accept_r(q) < 0) /* libfcgi has closed it */
        return false;
    if (FCGX_GetError(q->in) != 0) { /* it broke off between two parameters, which libfcgi takes for their end */
        FCGX_Free(q, 1);
        return false;
    }
    app_metrics_busy(s->metrics, 1);
    bool whole = handle_request(s, t->db, &t->arena, q);
    app_metrics_busy(s->metrics, -1);
    if (!whole) {
        FCGX_Free(q, 0); /* drops what libfcgi has not sent yet */
        q->ipcFd = -1;
        (void)close(fd);
        return false;
    }
    bool keep = q->keepConnection && !atomic_load(&s->stopping);
    q->keepConnection = 1; /* closed here: libfcgi would first wait for the peer to close, for as long as that sends */
    FCGX_Finish_r(q);
    if (q->ipcFd < 0)
        return false; /* writing failed, and libfcgi has closed it */
    q->ipcFd = -1;
    if (!keep)
        (void)close(fd);
    return keep;
}

static void serve_connection(struct serve_thread *t, FCGX_Request *q, int fd, bool is_new)
{
    struct server *s = t->server;

    if (serve_request(t, q, fd))
        serve_watch(s, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT);
    else
        app_metrics_connections(s->shared->metrics, -1);
}

static int serve_accept_connection(void)
{
    struct timeval timeout = {.tv_sec = CONNECTION_TIMEOUT_SEC};
    int fd = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            log_event(LOG_ERROR, "accept_failed", LOG_INT("errno", errno), LOG_END);
            (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* until other threads have closed some */
        }
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return fd;
}

static void *serve_thread_main(void *arg)
{
    struct serve_thread *t = arg;
    struct server *s = t->server;
    FCGX_Request q;
    struct epoll_event ev;

    ASSERT(FCGX_InitRequest(&q, LISTEN_FD, 0) == 0);
    for (;;) {
        int n = epoll_wait(s->epoll_fd, &ev, 1, -1);
        if (n < 0 && errno == EINTR)
            continue;
        ASSERT(n == 1);
        tsan_epoll_take(ev.data.fd);
        if (ev.data.fd == s->stop_fd)
            break;
        bool is_new = ev.data.fd == LISTEN_FD;
        int fd = is_new ? serve_accept_connection() : ev.data.fd;
        if (fd < 0)
            continue;
        if (is_new)
            app_metrics_connections(s->shared->metrics, 1);
        serve_connection(t, &q, fd, is_new);
    }
    FCGX_Free(&q, 1);
    return NULL;
}

struct background {
    struct shared *shared;
    pthread_t id;
};

static void *serve_background_main(void *arg)
{
    struct background *b = arg;
    struct shared *s = b->shared;
    _cleanup_(db_freep) struct db *db = db_new(&s->db_options);
    struct arena arena;

    arena_init(&arena, ARENA_MAX_BYTES);
    s->app->background(s->conf, db, &arena, s->state, &s->stopping);
    arena_done(&arena);
    return NULL;
}

static void serve_wait_for_stop(const sigset_t *signals)
{
    int sig;

    do {
        (void)sigwait(signals, &sig);
    } while (sig != SIGTERM && sig != SIGINT);
}

static struct serve_thread *serve_start_threads(struct server *s, size_t n)
{
    struct serve_thread *threads = xcalloc(n, sizeof *threads);

    for (size_t i = 0; i < n; i++) {
        threads[i] = (struct serve_thread){.server = s, .db = db_new(&s->shared->db_options)};
        arena_init(&threads[i].arena, ARENA_MAX_BYTES);
    }
    for (size_t i = 0; i < n; i++)
        ASSERT(pthread_create(&threads[i].id, NULL, serve_thread_main, &threads[i]) == 0);
    return threads;
}

static void serve_end_threads(struct serve_thread *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ASSERT(pthread_join(threads[i].id, NULL) == 0);
        db_free(threads[i].db);
        arena_done(&threads[i].arena);
    }
    free(threads);
}

/*
 * Stops accepting, lets requests that nginx is sending on kept connections arrive, and tells the threads to end after
 * their current request. The listening socket is neither shut down nor closed: the next process takes over its queue.
 */
static void serve_stop(struct server *s)
{
    ASSERT(epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, LISTEN_FD, NULL) == 0);
    atomic_store(&s->shared->stopping, true);
    (void)nanosleep(&(struct timespec){.tv_nsec = STOP_GRACE_MS * 1000000}, NULL);
    ASSERT(eventfd_write(s->stop_fd, 1) == 0);
    streams_end(s->shared->streams, (int)MIN(STREAM_GRACE_MS, s->shared->conf->service_queue_sec * 1000 / 2));
}

int serve_run(struct shared *shared)
{
    size_t n = (size_t)shared->conf->service_threads;
    struct background background = {.shared = shared};
    struct server s = {.shared = shared};
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
    net_init();
    ASSERT(FCGX_Init() == 0);
    if (listen(LISTEN_FD, 4096) != 0 || fcntl(LISTEN_FD, F_SETFL, O_NONBLOCK) != 0) {
        log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", "fd 0 is not a listening socket"), LOG_END);
        return 78;
    }
    s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s.stop_fd = eventfd(0, EFD_CLOEXEC);
    ASSERT(s.epoll_fd >= 0 && s.stop_fd >= 0);
    serve_watch(&s, EPOLL_CTL_ADD, LISTEN_FD, EPOLLIN | EPOLLEXCLUSIVE);
    serve_watch(&s, EPOLL_CTL_ADD, s.stop_fd, EPOLLIN);
    shared->streams = streams_new(n);
    shared->metrics = app_metrics_start(shared);
    shared->key_uses = key_use_start(shared);
    struct serve_thread *threads = serve_start_threads(&s, n);
    if (shared->app->background != NULL)
        ASSERT(pthread_create(&background.id, NULL, serve_background_main, &background) == 0);
    log_event(LOG_INFO, "started", LOG_INT("threads", (int64_t)n), LOG_END);

    serve_wait_for_stop(&signals);
    serve_stop(&s);
    serve_end_threads(threads, n);
    if (shared->app->background != NULL)
        ASSERT(pthread_join(background.id, NULL) == 0);
    key_use_stop(shared->key_uses);
    app_metrics_stop(shared->metrics);
    streams_free(shared->streams);
    (void)close(s.epoll_fd);
    (void)close(s.stop_fd);
    log_event(LOG_INFO, "stopped", LOG_END);
    return 0;
}
