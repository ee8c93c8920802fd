#include "fcgi/turns.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/lock.h"

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t quiet;
    int timer_fd, busy;
    int places, share[COST__MAX], running[COST__MAX]; /* places: for all together */
    struct turn *run, *line;                          /* the line in the order in which they came */
    int64_t tag;                                      /* of the turn that began last */
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
    cond_init(&t->quiet);
    return t;
}

void turns_free(struct turns *t)
{
    if (t == NULL)
        return;
    ASSERT(t->run == NULL && t->line == NULL);
    (void)close(t->timer_fd);
    cond_done(&t->quiet);
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

static bool turns_are_alike(const struct turn *a, const struct turn *b)
{
    return a->cost == b->cost && uuid_eq(&a->user, &b->user);
}

static int turns_count_alike(const struct turn *list, const struct turn *like)
{
    int n = 0;

    for (; list != NULL; list = list->next)
        n += turns_are_alike(list, like);
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
    int free = t->share[turn->cost] - t->running[turn->cost], has = turns_count_alike(t->run, turn);

    return turns_in_use(t) < t->places && free > 0 && (has == 0 || free - 1 >= has);
}

static bool turns_may_wait(const struct turns *t, const struct turn *turn)
{
    return turns_count(t->line) < TURNS_LINE_MAX && turns_count_alike(t->line, turn) < turn->places;
}

/* Who may run and comes before all others that may. */
static struct turn *turns_next(const struct turns *t)
{
    struct turn *next = NULL;

    for (struct turn *turn = t->line; turn != NULL; turn = turn->next)
        if (turns_may_run(t, turn) && (next == NULL || turn->tag < next->tag))
            next = turn;
    return next;
}

/* Nobody passes those who are about to be taken out of the line. */
static enum turn_answer turns_answer(const struct turns *t, const struct turn *turn)
{
    if (t->closed)
        return TURN_REFUSED;
    return turns_may_run(t, turn) && turns_next(t) == NULL ? TURN_RUN
           : turns_may_wait(t, turn)                       ? TURN_WAIT
                                                           : TURN_REFUSED;
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

/* Readable at once when somebody may run or is late; without a line, never. */
static void turns_set_timer(const struct turns *t)
{
    const struct turn *urgent = turns_most_urgent(t);
    int64_t at_us = urgent == NULL ? 0 : turns_next(t) != NULL ? 1 : MAX(1, urgent->until_us);
    struct itimerspec at = {.it_value = {.tv_sec = at_us / US_PER_SEC, .tv_nsec = at_us % US_PER_SEC * 1000}};

    ASSERT(timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

/* One more of a user stands after those that the user has already; one of a new user, after what has begun. */
static int64_t turns_tag_of(const struct turns *t, const struct turn *turn)
{
    const struct turn *const lists[] = {t->run, t->line};
    int64_t tag = t->tag;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (const struct turn *other = lists[i]; other != NULL; other = other->next)
            if (turns_are_alike(other, turn))
                tag = MAX(tag, other->tag);
    return tag + 1;
}

static void turns_run(struct turns *t, struct turn *turn)
{
    turns_append(&t->run, turn);
    t->running[turn->cost]++;
    t->tag = MAX(t->tag, turn->tag);
}

static void turns_note_quiet(struct turns *t)
{
    if (t->busy == 0 && t->line == NULL)
        cond_signal(&t->quiet);
}

/* From here on, the functions that take the lock. */

void turns_enter(struct turns *t)
{
    lock_take(&t->lock);
    t->busy++;
    lock_release(&t->lock);
}

void turns_exit(struct turns *t)
{
    lock_take(&t->lock);
    t->busy--;
    turns_note_quiet(t);
    lock_release(&t->lock);
}

enum turn_answer turns_ask(struct turns *t, struct turn *turn)
{
    if (turn->cost == COST_LIGHT)
        return TURN_RUN;
    lock_take(&t->lock);
    enum turn_answer answer = turns_answer(t, turn);
    turn->tag = turns_tag_of(t, turn);
    if (answer == TURN_RUN)
        turns_run(t, turn);
    if (answer == TURN_WAIT) {
        turns_append(&t->line, turn);
        turns_set_timer(t);
    }
    lock_release(&t->lock);
    return answer;
}

void turns_leave(struct turns *t, struct turn *turn)
{
    if (turn->cost == COST_LIGHT)
        return;
    lock_take(&t->lock);
    turns_remove(&t->run, turn);
    t->running[turn->cost]--;
    turns_set_timer(t);
    lock_release(&t->lock);
}

struct turn *turns_take(struct turns *t, enum turn_answer *ret_answer)
{
    lock_take(&t->lock);
    struct turn *late = turns_most_urgent(t);
    if (late != NULL && late->until_us > clock_mono_us())
        late = NULL;
    struct turn *turn = late != NULL ? late : turns_next(t);
    if (turn != NULL) {
        turns_remove(&t->line, turn);
        *ret_answer = late != NULL ? TURN_REFUSED : TURN_RUN;
        if (late == NULL)
            turns_run(t, turn);
        turns_set_timer(t);
        turns_note_quiet(t);
    }
    lock_release(&t->lock);
    return turn;
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

int turns_busy(struct turns *t)
{
    lock_take(&t->lock);
    int n = t->busy;
    lock_release(&t->lock);
    return n;
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

bool turns_await_quiet(struct turns *t, int64_t until_us)
{
    lock_take(&t->lock);
    while ((t->busy > 0 || t->line != NULL) && cond_wait_until(&t->quiet, &t->lock, until_us))
        ;
    bool quiet = t->busy == 0 && t->line == NULL;
    lock_release(&t->lock);
    return quiet;
}

bool turns_are_over(struct turns *t)
{
    lock_take(&t->lock);
    bool over = t->run == NULL && t->line == NULL;
    lock_release(&t->lock);
    return over;
}

void turns_close(struct turns *t)
{
    lock_take(&t->lock);
    t->closed = true;
    lock_release(&t->lock);
}
