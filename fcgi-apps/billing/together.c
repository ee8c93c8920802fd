#include "billing/together.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"

/*
 * The place of one that waits. It is kept for another one and not freed, because it is signalled after the lock is given back, when
 * whoever waited there may have gone on: a signal too many is harmless. So nobody wakes only to wait for the lock.
 */
struct together_place {
    pthread_cond_t moved;
    void *one;
    enum err e;
    bool is_done, leads;
    struct together_place *next; /* that waits, or is free */
};

struct together {
    enum err (*all)(void *leader, void *const *v, size_t n);
    size_t max;
    pthread_mutex_t lock;
    struct together_place *first, **last; /* that wait */
    struct together_place *idle;
    size_t waiting;
    bool is_busy; /* somebody leads, or was told to */
};

struct together *together_new(enum err (*all)(void *leader, void *const *v, size_t n), size_t max)
{
    struct together *t = xcalloc(1, sizeof *t);

    ASSERT(max > 0 && max <= TOGETHER_MAX);
    t->all = all;
    t->max = max;
    lock_init(&t->lock);
    t->last = &t->first;
    return t;
}

void together_free(struct together *t)
{
    if (t == NULL)
        return;
    ASSERT(t->first == NULL && !t->is_busy);
    for (struct together_place *p = t->idle, *next; p != NULL; p = next) {
        next = p->next;
        cond_done(&p->moved);
        free(p);
    }
    lock_done(&t->lock);
    free(t);
}

static struct together_place *together_enter(struct together *t, void *one)
{
    struct together_place *p = t->idle;

    if (p != NULL) {
        t->idle = p->next;
    } else {
        p = xcalloc(1, sizeof *p);
        cond_init(&p->moved);
    }
    p->one = one;
    p->is_done = false;
    p->leads = !t->is_busy;
    p->next = NULL;
    t->is_busy = true;
    *t->last = p;
    t->last = &p->next;
    t->waiting++;
    return p;
}

static enum err together_leave(struct together *t, struct together_place *p)
{
    p->next = t->idle;
    t->idle = p;
    return p->e;
}

static size_t together_take(struct together *t, struct together_place *ret[static TOGETHER_MAX])
{
    size_t n = 0;

    while (t->first != NULL && n < t->max) {
        ret[n++] = t->first;
        t->first = t->first->next;
    }
    if (t->first == NULL)
        t->last = &t->first;
    t->waiting -= n;
    return n;
}

/* Its own is the first of those that wait. Called and left with the lock; the first of the next ones leads those. */
static void together_lead(struct together *t, void *leader)
{
    struct together_place *places[TOGETHER_MAX], *next;
    void *v[TOGETHER_MAX];
    size_t n = together_take(t, places);

    for (size_t i = 0; i < n; i++)
        v[i] = places[i]->one;
    lock_release(&t->lock);
    enum err e = t->all(leader, v, n);
    lock_take(&t->lock);
    for (size_t i = 0; i < n; i++) {
        places[i]->e = e;
        places[i]->is_done = true;
    }
    next = t->first;
    t->is_busy = next != NULL;
    if (next != NULL)
        next->leads = true;
    lock_release(&t->lock);
    if (next != NULL)
        cond_signal(&next->moved);
    for (size_t i = 1; i < n; i++)
        cond_signal(&places[i]->moved);
    lock_take(&t->lock);
}

enum err together_do(struct together *t, void *leader, void *one)
{
    lock_take(&t->lock);
    struct together_place *p = together_enter(t, one);
    while (!p->is_done)
        if (p->leads)
            together_lead(t, leader);
        else
            cond_wait(&p->moved, &t->lock);
    enum err e = together_leave(t, p);
    lock_release(&t->lock);
    return e;
}

size_t together_waiting(struct together *t)
{
    lock_take(&t->lock);
    size_t n = t->waiting;
    lock_release(&t->lock);
    return n;
}
