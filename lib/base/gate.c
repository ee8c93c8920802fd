#include "base/gate.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    int running, free, line, line_max, wait_ms;
};

struct gate *gate_new(int running, int waiting, int wait_ms)
{
    struct gate *g = xcalloc(1, sizeof *g);

    ASSERT(running >= 1 && waiting >= 0 && wait_ms >= 0);
    *g = (struct gate){.running = running, .free = running, .line_max = waiting, .wait_ms = wait_ms};
    lock_init(&g->lock);
    cond_init(&g->left);
    return g;
}

struct gate *gate_of_threads(int threads, int running, int wait_ms)
{
    int inside = MAX(1, MIN(running, threads - GATE_THREADS_KEPT));

    return gate_new(inside, MAX(0, threads - inside - GATE_THREADS_KEPT), wait_ms);
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    cond_done(&g->left);
    lock_done(&g->lock);
    free(g);
}

/* Stands in line until a place is free or the time is over. */
static bool gate_wait_for_place(struct gate *g)
{
    int64_t until_us = clock_mono_us() + g->wait_ms * US_PER_MS;

    if (g->line >= g->line_max)
        return false;
    g->line++;
    while (g->free == 0 && cond_wait_until(&g->left, &g->lock, until_us))
        ;
    g->line--;
    return g->free > 0;
}

enum err gate_enter(struct gate *g)
{
    lock_take(&g->lock);
    bool in = g->free > 0 || gate_wait_for_place(g);
    if (in)
        g->free--;
    lock_release(&g->lock);
    return in ? OK : ERR_BUSY;
}

void gate_leave(struct gate *g)
{
    lock_take(&g->lock);
    g->free++;
    cond_signal(&g->left);
    lock_release(&g->lock);
}

int gate_inside(struct gate *g)
{
    lock_take(&g->lock);
    int n = g->running - g->free;
    lock_release(&g->lock);
    return n;
}
