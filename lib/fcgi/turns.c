#include "fcgi/turns.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/lock.h"

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* nobody runs or waits */
    int timer_fd;
    int places, share[COST__MAX], running[COST__MAX]; /* places: for all together */
    struct turn *run, *line;                          /* the line in the order in which they came */
    bool closed;
};

struct turns *turns_new(int threads, const int share[static COST__MAX])
{
    struct turns *t = xcalloc(1, sizeof *t);

    t->places = MAX(1, threads - TURNS_THREADS_KEPT);
    for (size_t cost = 0; cost < COST__MAX; cost++)
        t->share[cost] = MAX(1, MIN(share[cost], t->places));
    t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    ASSERT(t->timer_fd >= 0);
    lock_init(&t->lock);
    cond_init(&t->ended);
    return t;
}

void turns_free(struct turns *t)
{
    if (t == NULL)
        return;
    ASSERT(t->run == NULL && t->line == NULL);
    (void)close(t->timer_fd);
    cond_done(&t->ended);
    lock_done(&t->lock);
    free(t);
}

/* Below here, whoever calls has the lock. */

static void turns_append(struct turn **list, struct turn *turn)
{
    while (*list != NULL)
        list = &(*list)->next;
    turn->next = NULL;
    *list = turn;
}

static void turns_remove(struct turn **list, struct turn *turn)
{
    while (*list != turn)
        list = &(*list)->next;
    *list = turn->next;
    turn->next = NULL;
}

static int turns_count(const struct turn *list)
{
    int n = 0;

    for (; list != NULL; list = list->next)
        n++;
    return n;
}

/* The turns in the list that use the same share for the same user. */
static int turns_count_of_user(const struct turn *list, const struct turn *like)
{
    int n = 0;

    for (; list != NULL; list = list->next)
        n += list->cost == like->cost && uuid_eq(&list->user, &like->user);
    return n;
}

static int turns_in_use(const struct turns *t)
{
    int n = 0;

    for (size_t cost = 0; cost < COST__MAX; cost++)
        n += t->running[cost];
    return n;
}

static bool turns_may_run(const struct turns *t, const struct turn *turn)
{
    int part = MAX(1, t->share[turn->cost] / 2);

    return turns_in_use(t) < t->places && t->running[turn->cost] < t->share[turn->cost] &&
           (uuid_is_none(&turn->user) || turns_count_of_user(t->run, turn) < part);
}

static bool turns_may_wait(const struct turns *t, const struct turn *turn)
{
    return turns_count(t->line) < TURNS_LINE_MAX &&
           (uuid_is_none(&turn->user) || turns_count_of_user(t->line, turn) < TURNS_LINE_USER);
}

static enum turn_answer turns_answer(const struct turns *t, const struct turn *turn)
{
    if (t->closed)
        return TURN_REFUSED;
    return turns_may_run(t, turn) ? TURN_RUN : turns_may_wait(t, turn) ? TURN_WAIT : TURN_REFUSED;
}

/* The one in line whose time is over first. */
static struct turn *turns_most_urgent(const struct turns *t)
{
    struct turn *most = t->line;

    for (struct turn *turn = t->line; turn != NULL; turn = turn->next)
        if (turn->until_us < most->until_us)
            most = turn;
    return most;
}

/* A time that is over already makes the descriptor readable at once; without a line, it is never readable. */
static void turns_set_timer(const struct turns *t)
{
    const struct turn *first = turns_most_urgent(t);
    int64_t at_us = first == NULL ? 0 : MAX(1, first->until_us);
    struct itimerspec at = {.it_value = {.tv_sec = at_us / US_PER_SEC, .tv_nsec = at_us % US_PER_SEC * 1000}};

    ASSERT(timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

static void turns_run(struct turns *t, struct turn *turn)
{
    turns_append(&t->run, turn);
    t->running[turn->cost]++;
}

static void turns_leave_line(struct turns *t, struct turn *turn)
{
    turns_remove(&t->line, turn);
    turns_set_timer(t);
}

/* The first in line who may run. When one leaves, at most one other may: its own share and user have one place more. */
static struct turn *turns_next(struct turns *t)
{
    struct turn *next = t->line;

    while (next != NULL && !turns_may_run(t, next))
        next = next->next;
    if (next != NULL) {
        turns_leave_line(t, next);
        turns_run(t, next);
    }
    return next;
}

static void turns_note_end(struct turns *t)
{
    if (t->run == NULL && t->line == NULL)
        cond_signal(&t->ended);
}

/* From here on, the functions that take the lock. */

enum turn_answer turns_ask(struct turns *t, struct turn *turn)
{
    if (turn->cost == COST_LIGHT)
        return TURN_RUN;
    lock_take(&t->lock);
    enum turn_answer answer = turns_answer(t, turn);
    if (answer == TURN_RUN)
        turns_run(t, turn);
    if (answer == TURN_WAIT) {
        turns_append(&t->line, turn);
        turns_set_timer(t);
    }
    lock_release(&t->lock);
    return answer;
}

struct turn *turns_leave(struct turns *t, struct turn *turn)
{
    if (turn->cost == COST_LIGHT)
        return NULL;
    lock_take(&t->lock);
    turns_remove(&t->run, turn);
    t->running[turn->cost]--;
    struct turn *next = turns_next(t);
    turns_note_end(t);
    lock_release(&t->lock);
    return next;
}

struct turn *turns_take_late(struct turns *t)
{
    lock_take(&t->lock);
    struct turn *late = turns_most_urgent(t);
    if (late != NULL && late->until_us > clock_mono_us())
        late = NULL;
    if (late != NULL) {
        turns_leave_line(t, late);
        turns_note_end(t);
    }
    lock_release(&t->lock);
    return late;
}

int turns_fd(const struct turns *t)
{
    return t->timer_fd;
}

bool turns_have_room(struct turns *t, const struct turn *turn)
{
    if (turn->cost == COST_LIGHT)
        return true;
    lock_take(&t->lock);
    bool room = turns_answer(t, turn) != TURN_REFUSED;
    lock_release(&t->lock);
    return room;
}

int turns_running(struct turns *t, enum route_cost cost)
{
    lock_take(&t->lock);
    int n = t->running[cost];
    lock_release(&t->lock);
    return n;
}

int turns_waiting(struct turns *t)
{
    lock_take(&t->lock);
    int n = turns_count(t->line);
    lock_release(&t->lock);
    return n;
}

bool turns_await_end(struct turns *t, int64_t until_us)
{
    lock_take(&t->lock);
    while ((t->run != NULL || t->line != NULL) && cond_wait_until(&t->ended, &t->lock, until_us))
        ;
    bool ended = t->run == NULL && t->line == NULL;
    lock_release(&t->lock);
    return ended;
}

void turns_close(struct turns *t)
{
    lock_take(&t->lock);
    t->closed = true;
    lock_release(&t->lock);
}
