/*
 * Accepting is done here and not by libfcgi (docs/architecture.md#a-request): a thread inside FCGX_Accept_r would stay
 * with an idle kept connection, and libfcgi's own way to stop loses requests. All threads wait on one epoll for the
 * listening socket, for kept connections that have something to read, and for the stop; libfcgi gets one ready
 * connection at a time. What takes long takes turns (turns.h); who stands in line is a struct work that no thread holds.
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

#include "base/lock.h"
#include "base/log.h"
#include "fcgi/tsan_epoll.h"
#include "net/call.h"
#include "fcgi/guard.h"
#include "fcgi/serve.h"
#include "fcgi/streams.h"
#include "fcgi/usage.h"

#define LISTEN_FD 0
/*
 * How long a stop waits for what takes long, streams among it. Meanwhile requests wait in the queue of the listening
 * socket, so it is at most half of what service.queue_sec allows.
 */
#define STOP_PATIENCE_US (5 * US_PER_SEC)
#define STOP_GRACE_MS 200 /* nginx may be sending a request on a kept connection at this moment */
/* Of one read or write on a connection. nginx runs on this machine: longer means that it, or its client, is gone. */
#define CONNECTION_TIMEOUT_SEC 60

struct server {
    struct shared *shared;
    int epoll_fd, stop_fd;
    pthread_mutex_t lock;
    struct work *idle; /* without a request, under the lock; at most one for each thread and each place in line */
};

struct serve_thread {
    struct server *server;
    pthread_t id;
    struct db *db;
};

static struct work *serve_take_work(struct server *s)
{
    lock_take(&s->lock);
    struct work *w = s->idle;
    if (w != NULL)
        s->idle = w->next;
    lock_release(&s->lock);
    if (w != NULL)
        return w;
    w = xcalloc(1, sizeof *w);
    ASSERT(FCGX_InitRequest(&w->q, LISTEN_FD, 0) == 0);
    arena_init(&w->arena, ARENA_MAX_BYTES);
    return w;
}

static void serve_give_work(struct server *s, struct work *w)
{
    lock_take(&s->lock);
    w->next = s->idle;
    s->idle = w;
    lock_release(&s->lock);
}

static void serve_free_work(struct server *s)
{
    for (struct work *w = s->idle, *next; w != NULL; w = next) {
        next = w->next;
        FCGX_Free(&w->q, 1);
        arena_done(&w->arena);
        free(w);
    }
}

static void serve_watch(struct server *s, int op, int fd, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};

    tsan_epoll_begin(fd);
    ASSERT(epoll_ctl(s->epoll_fd, op, fd, &ev) == 0);
    tsan_epoll_end();
}

/* Reads the head of a request from a connection that has something to read. False: the connection is closed. */
static bool serve_read_head(struct work *w, int fd)
{
    FCGX_Request *q = &w->q;

    q->ipcFd = fd;
    q->keepConnection = 1;
    q->listen_sock = -1; /* so that FCGX_Accept_r fails on a bad or closed connection, and does not accept another */
    guard_begin(&w->guard);
    if (FCGX_Accept_r(q) < 0) /* libfcgi has closed it */
        return false;
    if (FCGX_GetError(q->in) != 0) { /* it broke off between two parameters, which libfcgi takes for their end */
        FCGX_Free(q, 1);
        return false;
    }
    return true;
}

/*
 * nginx pools the connections of GET, of HEAD, and of its questions about bodies (docs/architecture.md#a-request). It would close another as
 * soon as it has the answer, and a thread would wake only to see that: so it is closed here.
 */
static bool serve_may_keep(const struct server *s, const FCGX_Request *q)
{
    struct str method = str_from(FCGX_GetParam("REQUEST_METHOD", q->envp));
    bool pooled = str_eqc(method, "GET") || str_eqc(method, "HEAD") || FCGX_GetParam("AUTHORIZE_ONLY", q->envp) != NULL;

    return q->keepConnection && pooled && !atomic_load(&s->shared->stopping);
}

/* Ends a request that has been answered, if the answer is whole. Returns whether the connection is still open. */
static bool serve_end_request(const struct server *s, FCGX_Request *q, int fd, bool whole)
{
    if (!whole) {
        FCGX_Free(q, 0); /* drops what libfcgi has not sent yet */
        q->ipcFd = -1;
        (void)close(fd);
        return false;
    }
    bool keep = serve_may_keep(s, q);
    q->keepConnection = 1; /* closed here: libfcgi would first wait for the peer to close, for as long as that sends */
    FCGX_Finish_r(q);
    if (q->ipcFd < 0)
        return false; /* writing failed, and libfcgi has closed it */
    q->ipcFd = -1;
    if (!keep)
        (void)close(fd);
    return keep;
}

/* Keeps watching the connection of work that is done, or of which there was none, unless it is closed. */
static void serve_put_back(struct server *s, struct work *w, int fd, bool is_open)
{
    bool is_new = w->is_new;

    serve_give_work(s, w);
    if (is_open)
        serve_watch(s, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT);
    else
        app_metrics_connections(s->shared->metrics, -1);
}

static void serve_answer(struct serve_thread *t, struct work *w)
{
    struct server *s = t->server;
    int fd = w->q.ipcFd;
    bool whole = handle_end(t->db, w);

    turns_leave(s->shared->turns, &w->turn);
    serve_put_back(s, w, fd, serve_end_request(s, &w->q, fd, whole));
}

static void serve_refuse(struct serve_thread *t, struct work *w)
{
    w->turn.cost = COST_LIGHT; /* it does not run */
    w->e = ERR_BUSY;
    serve_answer(t, w);
}

static void serve_connection(struct serve_thread *t, int fd, bool is_new)
{
    struct shared *shared = t->server->shared;
    struct work *w = serve_take_work(t->server);

    w->is_new = is_new;
    if (!serve_read_head(w, fd)) {
        serve_put_back(t->server, w, fd, false);
        return;
    }
    handle_begin(shared, t->db, w);
    switch (turns_ask(shared->turns, &w->turn)) {
    case TURN_RUN:
        serve_answer(t, w);
        break;
    case TURN_WAIT: /* from here on it is another thread's */
        break;
    case TURN_REFUSED:
        serve_refuse(t, w);
        break;
    }
}

/* Goes on with one from the line, if another thread was not faster. */
static void serve_line(struct serve_thread *t)
{
    enum turn_answer answer;
    struct work *w = (struct work *)turns_take(t->server->shared->turns, &answer);

    if (w == NULL)
        return;
    if (answer == TURN_RUN)
        serve_answer(t, w);
    else
        serve_refuse(t, w);
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

static void serve_event(struct serve_thread *t, int ready)
{
    struct shared *shared = t->server->shared;
    bool is_line = ready == turns_fd(shared->turns), is_new = ready == LISTEN_FD;
    int fd = is_new ? serve_accept_connection() : ready;

    if (fd < 0)
        return;
    if (is_new)
        app_metrics_connections(shared->metrics, 1);
    if (is_line)
        serve_line(t);
    else
        serve_connection(t, fd, is_new);
}

static void *serve_thread_main(void *arg)
{
    struct serve_thread *t = arg;
    struct server *s = t->server;
    struct epoll_event ev;

    for (;;) {
        int n = epoll_wait(s->epoll_fd, &ev, 1, -1);
        if (n < 0 && errno == EINTR)
            continue;
        ASSERT(n == 1);
        tsan_epoll_take(ev.data.fd);
        if (ev.data.fd == s->stop_fd)
            break;
        turns_enter(s->shared->turns);
        serve_event(t, ev.data.fd);
        turns_exit(s->shared->turns);
    }
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

static int serve_background_n(const struct shared *s)
{
    if (s->app->background == NULL)
        return 0;
    return s->app->background_n == NULL ? 1 : s->app->background_n(s->conf);
}

static struct background *serve_start_background(struct shared *s, int n)
{
    struct background *threads = xcalloc((size_t)n + 1, sizeof *threads);

    for (int i = 0; i < n; i++) {
        threads[i].shared = s;
        ASSERT(pthread_create(&threads[i].id, NULL, serve_background_main, &threads[i]) == 0);
    }
    return threads;
}

static void serve_end_background(struct background *threads, int n)
{
    for (int i = 0; i < n; i++)
        ASSERT(pthread_join(threads[i].id, NULL) == 0);
    free(threads);
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

    for (size_t i = 0; i < n; i++)
        threads[i] = (struct serve_thread){.server = s, .db = db_new(&s->shared->db_options)};
    for (size_t i = 0; i < n; i++)
        ASSERT(pthread_create(&threads[i].id, NULL, serve_thread_main, &threads[i]) == 0);
    return threads;
}

static void serve_end_threads(struct serve_thread *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ASSERT(pthread_join(threads[i].id, NULL) == 0);
        db_free(threads[i].db);
    }
    free(threads);
}

/* Lets requests arrive that nginx is sending on kept connections at this moment. */
static void serve_stop_accepting(struct server *s)
{
    ASSERT(epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, LISTEN_FD, NULL) == 0);
    (void)nanosleep(&(struct timespec){.tv_nsec = STOP_GRACE_MS * 1000000}, NULL);
}

static int64_t serve_patience_us(const struct conf *conf)
{
    return MIN(STOP_PATIENCE_US, conf->service_queue_sec * US_PER_SEC / 2);
}

int64_t app_stop_us(const struct conf *conf)
{
    return serve_patience_us(conf) + 2 * STOP_GRACE_MS * US_PER_MS;
}

/*
 * Something takes longer than those in the queue may wait: light requests are served until it is over, and others are told
 * to come again.
 */
static void serve_stop_later(struct server *s)
{
    turns_close(s->shared->turns);
    serve_watch(s, EPOLL_CTL_ADD, LISTEN_FD, EPOLLIN | EPOLLEXCLUSIVE);
    while (!turns_await_quiet(s->shared->turns, clock_mono_us() + US_PER_SEC) && !turns_are_over(s->shared->turns))
        ;
}

/*
 * Stops accepting, lets what has been accepted end, and tells the threads to end. The listening socket is neither shut down
 * nor closed: the next process takes over its queue.
 */
static void serve_stop(struct server *s)
{
    struct shared *shared = s->shared;
    int64_t patience_us = serve_patience_us(shared->conf);

    atomic_store(&shared->stopping, true);
    for (;;) {
        serve_stop_accepting(s);
        int64_t until_us = clock_mono_us() + patience_us;
        if (turns_await_quiet(shared->turns, until_us))
            break;
        streams_end(shared->streams, until_us);
        if (turns_await_quiet(shared->turns, clock_mono_us() + STOP_GRACE_MS * US_PER_MS))
            break;
        serve_stop_later(s);
    }
    ASSERT(eventfd_write(s->stop_fd, 1) == 0);
}

int serve_run(struct shared *shared)
{
    size_t n = (size_t)shared->conf->service_threads;
    int background_n = serve_background_n(shared);
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
    serve_watch(&s, EPOLL_CTL_ADD, turns_fd(shared->turns), EPOLLIN);
    lock_init(&s.lock);
    shared->streams = streams_new(n);
    shared->metrics = app_metrics_start(shared);
    shared->usage = usage_start(shared);
    struct serve_thread *threads = serve_start_threads(&s, n);
    struct background *background = serve_start_background(shared, background_n);
    log_event(LOG_INFO, "started", LOG_INT("threads", (int64_t)n), LOG_END);

    serve_wait_for_stop(&signals);
    serve_stop(&s);
    serve_end_threads(threads, n);
    serve_free_work(&s);
    lock_done(&s.lock);
    serve_end_background(background, background_n);
    usage_stop(shared->usage);
    app_metrics_stop(shared->metrics);
    streams_free(shared->streams);
    (void)close(s.epoll_fd);
    (void)close(s.stop_fd);
    log_event(LOG_INFO, "stopped", LOG_END);
    return 0;
}
