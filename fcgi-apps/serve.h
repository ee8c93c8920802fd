/*
 * Serving: what the threads of a program share, and the parts that main.c puts together.
 *
 *	serve.c   accepting and kept connections (epoll), the threads, the graceful stop
 *	handle.c  one request: parameters, route, policy columns, handler, answer, access log
 *	access.c  who asks: keys, sessions, the cross-origin rule
 *	usage.c   time of last use of keys, flushed every second
 */
#pragma once

#include <fcgiapp.h>
#include <pthread.h>

#include "app.h"
#include "base/secret.h"

#define ARENA_MAX_BYTES (16u << 20) /* a request's memory: 64 KiB windows, 4 MiB of answer, rows */

struct usage;

struct shared {
	const struct app *app;
	const struct conf *conf;
	struct db_options db_options;
	struct db_gate db_gate;
	struct secret db_password;
	void *state;
	struct usage *usage;
	atomic_bool stopping;
	atomic_int outside; /* threads that wait for the outside now */
};

/* Serves the listening socket on fd 0 until SIGTERM or SIGINT; the exit code. */
int serve_run(struct shared *shared);

/* One request on a thread that has these. The answer is in ctx->rep when it returns; main's thread sends it. */
void handle_request(struct shared *shared, struct db *db, struct arena *arena, FCGX_Request *q);

/*
 * Fills c->caller as the route's columns ask, or says why not. A key's scope is checked here too.
 */
MUST_CHECK enum err access_check(struct ctx *c, const struct route *route);

/* Keys that were used; a thread of its own writes them every second and at the end. */
struct usage *usage_start(struct shared *shared);
void usage_note(struct usage *usage, const struct uuid *key_id);
void usage_stop(struct usage *usage); /* writes what is left */
