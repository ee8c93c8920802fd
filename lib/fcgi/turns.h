/*
 * Turns: who may use a program's threads for something that takes long. A route's cost says whether it does
 * (http/route.h); what is light always runs at once.
 *
 *    turns_enter(turns);
 *    switch (turns_ask(turns, &turn)) {
 *    case TURN_RUN:     ... work; then turns_leave(turns, &turn)
 *    case TURN_WAIT:    it stands in line, and belongs to the thread that turns_take gives it to
 *    case TURN_REFUSED: answer ERR_BUSY
 *    }
 *    turns_exit(turns);
 *
 * Each cost has a share of the threads, and all of them together leave TURNS_THREADS_KEPT free. A user gets one place; one
 * more only while as many as that user has already stay free: so one user alone has half of a share, and the last place is
 * for somebody who has none. Who stands in line holds no thread: it is a request whose body has not been read.
 * Users take turns: the first of each comes before the second of any.
 *
 * turns_take hands out whoever may run now, and whoever has waited until its until_us, to be told so. turns_fd is readable
 * when it is time to call that.
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
 * Places in line. Of one user: nginx keeps the body of who waits on its disk. Of one network, for those who have not signed
 * in: as many sign-ins as nginx lets one network send at once. In all: whoever comes later would only wait in vain.
 */
#define TURNS_LINE_USER 4
#define TURNS_LINE_NETWORK 20
#define TURNS_LINE_MAX 256

struct turn {
    enum route_cost cost;
    struct uuid user; /* or what stands for the network */
    int places;       /* TURNS_LINE_USER or TURNS_LINE_NETWORK */
    int64_t until_us; /* of clock_mono_us */
    int64_t tag;      /* set here: the smallest in line comes next */
    struct turn *next;
};

enum turn_answer { TURN_RUN, TURN_WAIT, TURN_REFUSED };

struct turns;

/* share: how many of the threads may run each cost at a time; that of COST_LIGHT does not matter. At least one may. */
struct turns *turns_new(int threads, const int share[static COST__MAX]);
void turns_free(struct turns *turns); /* nobody runs or waits any more */

/* A thread has something to do, from before it reads a request until it has answered or put it in line. */
void turns_enter(struct turns *turns);
void turns_exit(struct turns *turns);

MUST_CHECK enum turn_answer turns_ask(struct turns *turns, struct turn *turn);
void turns_leave(struct turns *turns, struct turn *turn); /* it has run */

/*
 * One out of the line: TURN_RUN, as if it had just asked, or TURN_REFUSED, because it has waited for too long. NULL: none;
 * until it says so, call it again.
 */
MUST_CHECK struct turn *turns_take(struct turns *turns, enum turn_answer *ret_answer);
int turns_fd(const struct turns *turns); /* to poll for reading */

/* Would a turn like this one run, or at least get a place in line? */
MUST_CHECK bool turns_have_room(struct turns *turns, const struct turn *turn);

/* How many threads have something to do; how many turns run; how many stand in line. */
int turns_busy(struct turns *turns);
int turns_running(struct turns *turns, enum route_cost cost);
int turns_waiting(struct turns *turns);

/*
 * For the stop. turns_await_quiet waits until no thread has anything to do and nobody stands in line; false when until_us
 * (of clock_mono_us) came first. turns_are_over: nobody runs or waits, whatever is light.
 */
MUST_CHECK bool turns_await_quiet(struct turns *turns, int64_t until_us);
MUST_CHECK bool turns_are_over(struct turns *turns);
void turns_close(struct turns *turns); /* from now on, who asks is refused */
