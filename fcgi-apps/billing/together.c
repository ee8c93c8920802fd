#include "billing/together.h"

#include <stdlib.h>

#include "base/lock.h"

struct together_one {
    struct event_new *new;
    enum err e;
    bool is_done;
    struct together_one *next;
};

struct together {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct together_one *first, **last; /* that wait */
    bool is_busy;                       /* somebody stores */
};

struct together *together_new(void)
{
    struct together *t = xcalloc(1, sizeof *t);

    lock_init(&t->lock);
    cond_init(&t->moved);
    t->last = &t->first;
    return t;
}

void together_free(struct together *t)
{
    if (t == NULL)
        return;
    ASSERT(t->first == NULL);
    cond_done(&t->moved);
    lock_done(&t->lock);
    free(t);
}

static void together_append(struct together *t, struct together_one *one)
{
    *t->last = one;
    t->last = &one->next;
}

static size_t together_take(struct together *t, struct together_one *ret[static DB_MANY_MAX])
{
    size_t n = 0;

    while (t->first != NULL && n < DB_MANY_MAX) {
        ret[n++] = t->first;
        t->first = t->first->next;
    }
    if (t->first == NULL)
        t->last = &t->first;
    return n;
}

/* What a thread that stores has taken waits for it, on the stacks of the others. Called and left with the lock. */
static void together_lead(struct together *t, struct db *db)
{
    struct together_one *ones[DB_MANY_MAX];
    struct event_new *news[DB_MANY_MAX];
    size_t n = together_take(t, ones);

    t->is_busy = true;
    lock_release(&t->lock);
    for (size_t i = 0; i < n; i++)
        news[i] = ones[i]->new;
    enum err e = provider_events_store(db, news, n);
    lock_take(&t->lock);
    for (size_t i = 0; i < n; i++) {
        ones[i]->e = e == OK || db_is_away(e) || n == 1 ? e : ERR_AGAIN;
        ones[i]->is_done = true;
    }
    t->is_busy = false;
    cond_signal_all(&t->moved);
}

enum err together_store(struct together *t, struct db *db, struct event_new *new)
{
    struct together_one one = {.new = new};

    lock_take(&t->lock);
    together_append(t, &one);
    while (!one.is_done)
        if (t->is_busy)
            cond_wait(&t->moved, &t->lock);
        else
            together_lead(t, db);
    lock_release(&t->lock);
    return one.e;
}
