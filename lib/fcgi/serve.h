/*
 * Serving: what the threads of a program share, and the parts that fcgi-apps/main.c puts together.
 *
 *    serve.c   accepting and kept connections (epoll), the threads, the graceful stop
 *    handle.c  one request: parameters, route, policy columns, handler, answer, access log
 *    access.c  who asks: keys, sessions, the cross-origin rule
 *    key_use.c time of last use of keys, flushed every second
 *    app_metrics.c what is counted and shown: requests, threads, connections
 *    guard.c   what libfcgi gets to read
 */
#pragma once

#include <fcgiapp.h>
#include <pthread.h>

#include "fcgi/app.h"
#include "base/secret.h"
#include "model/key/key_cache.h"
#include "service/service.h"

#define ARENA_MAX_BYTES (16u << 20) /* a request's memory: 64 KiB windows, 4 MiB of answer, rows */

struct key_uses;
struct app_metrics;
struct streams;

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
    struct key_uses *key_uses;
    struct app_metrics *metrics;
    struct streams *streams;
    atomic_bool stopping;
    atomic_int outside; /* threads that wait for the outside now */
};

/* Serves the listening socket on fd 0 until SIGTERM or SIGINT; the exit code. */
int serve_run(struct shared *shared);

/*
 * Answers one request, on a thread that has these. False when the answer broke off: the connection must be closed without
 * the record that would end it, so that nginx does not take it for a whole one.
 */
MUST_CHECK bool handle_request(struct shared *shared, struct db *db, struct arena *arena, FCGX_Request *q);

/*
 * Fills c->caller as the route's columns ask, or says why not.
 */
MUST_CHECK enum err access_check(struct ctx *c, const struct route *route);

/* Keys that were used; a thread of its own writes them every second and at the end. */
struct key_uses *key_use_start(struct shared *shared);
void key_use_note(struct key_uses *uses, const struct uuid *key_id);
void key_use_stop(struct key_uses *uses); /* writes what is left */

/*
 * Metrics of the program, shown on conf.metrics_dir/APP.sock; when that cannot be made, the log says so and the program
 * goes on. All from any thread, without locks.
 */
struct app_metrics *app_metrics_start(struct shared *shared);
void app_metrics_stop(struct app_metrics *m);
void app_metrics_connections(struct app_metrics *m, int n); /* n more (or fewer) FastCGI connections are open */
void app_metrics_busy(struct app_metrics *m, int n);        /* n more (or fewer) threads are at a request */
/* An answer. route: NULL when none fits; asked: nginx only asked whether a body may come. */
void app_metrics_request(struct app_metrics *m, const struct route *route, bool asked, int status, int64_t duration_us);
