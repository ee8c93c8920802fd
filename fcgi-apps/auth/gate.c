#include "auth/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    int free, line, line_max, wait_ms;
};

struct gate *gate_new(int running, int waiting, int wait_ms)
{
    struct gate *g = xcalloc(1, sizeof *g);
    pthread_condattr_t attr;

    ASSERT(running >= 1 && waiting >= 0 && wait_ms >= 0);
    *g = (struct gate){.free = running, .line_max = waiting, .wait_ms = wait_ms};
    ASSERT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_mutex_init(&g->lock, NULL) == 0 && pthread_cond_init(&g->left, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
    return g;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    (void)pthread_cond_destroy(&g->left);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

/* Stands in line until a place is free or the time is over. */
static bool gate_wait_for_place(struct gate *g)
{
    int64_t until_us = clock_mono_us() + g->wait_ms * US_PER_MS;
    struct timespec until = {.tv_sec = until_us / US_PER_SEC, .tv_nsec = until_us % US_PER_SEC * 1000};
    int r = 0;

    if (g->line >= g->line_max)
        return false;
    g->line++;
    while (g->free == 0 && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&g->left, &g->lock, &until);
    g->line--;
    return g->free > 0;
}

enum err gate_enter(struct gate *g)
{
    ASSERT(pthread_mutex_lock(&g->lock) == 0);
    bool in = g->free > 0 || gate_wait_for_place(g);
    if (in)
        g->free--;
    ASSERT(pthread_mutex_unlock(&g->lock) == 0);
    return in ? OK : ERR_BUSY;
}

void gate_leave(struct gate *g)
{
    ASSERT(pthread_mutex_lock(&g->lock) == 0);
    g->free++;
    ASSERT(pthread_cond_signal(&g->left) == 0 && pthread_mutex_unlock(&g->lock) == 0);
}
