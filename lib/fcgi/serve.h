/*
 * Serving: what the threads of a program share, and the parts that fcgi-apps/main.c puts together.
 *
 *    serve.c        accepts connections and keeps them (epoll); the threads; the graceful stop
 *    turns.c        which requests run, stand in line or are refused, by what they cost
 *    guard.c        lets only one well-formed request at a time through to libfcgi
 *    handle.c       one request: parameters, route, policy columns, handler, error; its log line and its metrics
 *    idempotent.c   what a request with an Idempotency-Key makes is made once
 *    access.c       who asks: keys, sessions, the cross-origin rule
 *    rate.c         how often somebody may ask; rate_cells.c counts that for all programs together
 *    send.c         sends the answer, whole or as a stream
 *    streams.c      the answers that are being streamed, and their end at a stop
 *    usage.c        how much keys are used, written every second
 *    app_metrics.c  what is counted and shown: requests, threads, connections
 */
#pragma once

#include <fcgiapp.h>
#include <pthread.h>

#include "fcgi/app.h"
#include "fcgi/guard.h"
#include "fcgi/turns.h"
#include "base/secret.h"
#include "model/key/key_cache.h"
#include "service/service.h"

#define ARENA_MAX_BYTES (16u << 20) /* of a request: a window of 64 KiB, an answer of 4 MiB, and its rows */

struct app_metrics;
struct rates;
struct streams;
struct usage;

struct shared {
    const struct app *app;
    const struct service *service; /* the row of app->name */
    const struct conf *conf;
    struct db_options db_options;
    struct db_gate db_gate;
    struct db_counts db_counts;
    struct secret db_password;
    void *state;
    struct epoch credential_epoch;
    struct key_cache *key_cache;
    struct usage *usage;
    struct rates *rates; /* NULL: the service does not count its callers */
    struct app_metrics *metrics;
    struct streams *streams;
    atomic_bool stopping;
    struct turns *turns;
    atomic_bool unchecked; /* of a test build, and looked at once a second: as serve_is_unchecked */
};

/* Whether a measurement wants to know what limits, usage and scopes cost (tests/bench/checks.py): then they are left out. Never
 * outside of a test build. */
static inline bool serve_is_unchecked(const struct shared *s)
{
#ifdef TEST_HOOKS
    return atomic_load_explicit(&s->unchecked, memory_order_relaxed);
#else
    (void)s;
    return false;
#endif
}

/* Serves the listening socket on fd 0 until SIGTERM or SIGINT. Returns the exit code. */
int serve_run(struct shared *shared);

/* What nginx brings of a request whose location takes a large body (nginx/snippets/authorize.conf). */
enum work_part {
    PART_ALL,
    PART_ASKED,   /* its head, to ask whether the body may come */
    PART_REFUSED, /* its head, to get the answer after a no */
};

/* One request. Between handle_begin and handle_end it may stand in line; then another thread goes on with it. */
struct work {
    struct turn turn; /* first, so that a turn is its work */
    FCGX_Request q;
    struct guard guard;
    struct arena arena;
    struct ctx ctx;
    struct route_match match;
    enum work_part part;
    enum err e; /* why it is refused */
    int64_t started_us;
    bool is_new; /* its connection: epoll does not know it yet */
    struct work *next;
};

/*
 * Reads the request's head, which libfcgi has in w->q, and finds out whether it may run: w->e, and w->turn for what it
 * costs. db is the calling thread's, here and below.
 */
void handle_begin(struct shared *shared, struct db *db, struct work *w);

/*
 * Runs the handler, unless w->e says why not, and sends the answer. False when the answer broke off: the connection must
 * be closed without the record that ends an answer, or nginx would take it for a whole one.
 */
MUST_CHECK bool handle_end(struct db *db, struct work *w);

/* Fills in c->caller as the route's auth says, or returns why the caller may not use the route. */
MUST_CHECK enum err access_check(struct ctx *c, const struct route *route);
MUST_CHECK enum err access_check_recent(const struct ctx *c,
                                        const struct route *route); /* and this, of its recent_auth */

/* Fills in c->caller for a request that is refused before that: it counts for its key. Nobody, if the route takes none, or not this one. */
void access_tell_who(struct ctx *c, const struct route *route);

/*
 * The program's metrics, shown on conf.metrics_dir/APP.sock. Without that socket, which the log then mentions, the
 * program runs all the same. From any thread; none of these takes a lock.
 */
struct app_metrics *app_metrics_start(struct shared *shared);
void app_metrics_stop(struct app_metrics *m);
void app_metrics_connections(struct app_metrics *m, int n); /* n more (or fewer) FastCGI connections are open */
/* Once a second; they say so when that changes. */
void app_metrics_rates(struct app_metrics *m, bool are_shared);
void app_metrics_rates_told(struct app_metrics *m, bool are_told);
/* An answer was sent. route is NULL when none fits; asked: nginx only asked whether it may send a body. */
void app_metrics_request(struct app_metrics *m, const struct route *route, bool asked, int status, int64_t duration_us);
