/*
 * Turns: who may use a program's threads for something that takes long. A route's cost says whether it does
 * (http/route.h); what is light always runs at once.
 *
 *    switch (turns_ask(turns, &turn)) {
 *    case TURN_RUN:     ... work; then
 *                       while ((next = turns_leave(turns, &turn)) != NULL) ... work on next
 *    case TURN_WAIT:    it stands in line, and belongs to whoever takes it from there
 *    case TURN_REFUSED: answer ERR_BUSY
 *    }
 *
 * Each cost has a share of the threads, and all of them together leave TURNS_THREADS_KEPT free. One user has at most half
 * of a share, and at most TURNS_LINE_USER places in line. Who stands in line holds no thread: it is a request whose
 * body has not been read. Those come first who came first, but a user whose part is in use lets others pass.
 *
 * Who has waited until its until_us is handed out by turns_take_late, to be told so. turns_fd becomes readable when it is
 * time to call that.
 *
 * Thread-safe. A turn is the caller's memory; while it waits or runs it must stay where it is.
 */
#pragma once

#include "base/err.h"
#include "base/uuid.h"
#include "http/route.h"

/* Two, so that light requests go on while one thread is held up by the database, say. */
#define TURNS_THREADS_KEPT 2

/*
 * nginx keeps the body of who waits on its disk: for one user, at most as many as this. In all: a few seconds' worth of
 * images; whoever comes later would only wait in vain.
 */
#define TURNS_LINE_USER 4
#define TURNS_LINE_MAX 64

struct turn {
    enum route_cost cost;
    struct uuid user; /* none: no part of the share is reserved from it */
    int64_t until_us; /* of clock_mono_us */
    struct turn *next;
};

enum turn_answer { TURN_RUN, TURN_WAIT, TURN_REFUSED };

struct turns;

/* share: how many of the threads may run each cost at a time; that of COST_LIGHT does not matter. At least one may. */
struct turns *turns_new(int threads, const int share[static COST__MAX]);
void turns_free(struct turns *turns); /* nobody runs or waits any more */

MUST_CHECK enum turn_answer turns_ask(struct turns *turns, struct turn *turn);

/* turn has run. Returns one that waited and now runs on the same thread, or NULL. */
MUST_CHECK struct turn *turns_leave(struct turns *turns, struct turn *turn);

/* One that has waited for too long, out of the line; NULL: none. Call it again until it says so. */
MUST_CHECK struct turn *turns_take_late(struct turns *turns);
int turns_fd(const struct turns *turns); /* to poll for reading */

/* Would a turn like this one run, or at least get a place in line? */
MUST_CHECK bool turns_have_room(struct turns *turns, const struct turn *turn);

/* How many run; how many stand in line. */
int turns_running(struct turns *turns, enum route_cost cost);
int turns_waiting(struct turns *turns);

/* For the stop. Waits until nobody runs or waits; false when until_us (of clock_mono_us) came first. */
MUST_CHECK bool turns_await_end(struct turns *turns, int64_t until_us);
void turns_close(struct turns *turns); /* from now on, who asks is refused */
