/*
 * Which parts of the service are there: the database, its schema, and each row of the table of services but the
 * simulator's. A thread of the background looks, when somebody asks and at most once a second, however many ask.
 *
 *    programs         asked over FastCGI, as nginx asks them
 *    image service    asked for its metrics, which end with it; its own queue may be long
 *    intake           asked for its metrics: nobody but nginx comes to its own socket
 *    workers          seen by their heartbeats, on any machine
 *
 * Whom nobody can reach is down at once. Who is only silent may be stopping, with one long request still to answer: that
 * is READY_UNKNOWN, until it has lasted longer than a restart may.
 */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "db/db.h"

#define READY_PARTS_MAX 32

enum ready_state { READY_UP, READY_DOWN, READY_UNKNOWN };
extern const char *const ready_state_names[];

struct ready_part {
    const char *name; /* lives as long as the struct ready_watch */
    enum ready_state state;
    bool can_wait; /* users do not miss it */
};

struct ready {
    int64_t at_us; /* when it was looked, by clock_now_us */
    struct ready_part parts[READY_PARTS_MAX];
    size_t n;
};

struct ready_watch;

struct ready_watch *ready_new(const struct conf *conf);
void ready_free(struct ready_watch *w);

/* Looks if somebody asks, now or within a moment. For one thread, again and again. */
void ready_look(struct ready_watch *w, struct db *db, struct arena *arena);

/*
 * What is there now, or was within the last second. Waits at most READY_WAIT_MS: what has not been found out by then is
 * READY_UNKNOWN, and a database that has not answered is READY_DOWN. While others wait it tells what was seen a few
 * seconds ago. When that is older it waits for a moment, because most looks take no longer; then ERR_BUSY.
 */
#define READY_WAIT_MS 3000
MUST_CHECK enum err ready_ask(struct ready_watch *w, struct ready *ret);
