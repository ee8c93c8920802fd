#include "auth/throttle.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"

struct throttle_place {
    struct uuid user_id;
    int64_t tries, last_us; /* tries 0: it is free */
};

struct throttle {
    pthread_mutex_t lock;
    struct throttle_place v[THROTTLE_PLACES];
};

struct throttle *throttle_new(void)
{
    struct throttle *t = xcalloc(1, sizeof *t);

    lock_init(&t->lock);
    return t;
}

void throttle_free(struct throttle *t)
{
    lock_done(&t->lock);
    free(t);
}

/* The account's place; NULL if it has none. A walk is nothing beside a hash. */
static struct throttle_place *throttle_find(struct throttle *t, const struct uuid *user_id)
{
    for (size_t i = 0; i < THROTTLE_PLACES; i++)
        if (t->v[i].tries > 0 && uuid_eq(&t->v[i].user_id, user_id))
            return &t->v[i];
    return NULL;
}

static struct throttle_place *throttle_give_place(struct throttle *t, const struct uuid *user_id)
{
    struct throttle_place *first = &t->v[0];

    for (size_t i = 0; i < THROTTLE_PLACES && first->tries > 0; i++)
        if (t->v[i].tries == 0 || t->v[i].last_us < first->last_us)
            first = &t->v[i];
    *first = (struct throttle_place){.user_id = *user_id};
    return first;
}

static int64_t throttle_wait(const struct throttle_place *p, int64_t now_us)
{
    int64_t wait_us = THROTTLE_WAIT_US;

    if (p->tries < THROTTLE_FREE)
        return 0;
    for (int64_t i = THROTTLE_FREE; i < p->tries && wait_us < THROTTLE_WAIT_MAX_US; i++)
        wait_us *= 2;
    return MAX(0, p->last_us + MIN(wait_us, THROTTLE_WAIT_MAX_US) - now_us);
}

int64_t throttle_take(struct throttle *t, const struct uuid *user_id)
{
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    struct throttle_place *p = throttle_find(t, user_id);
    if (p == NULL)
        p = throttle_give_place(t, user_id);
    if (p->last_us > now_us) /* the clock was set back: nobody waits for that */
        p->last_us = now_us;
    if (now_us - p->last_us >= THROTTLE_KEPT_US)
        p->tries = 0;
    int64_t wait_us = throttle_wait(p, now_us);
    if (wait_us == 0) {
        p->tries++;
        p->last_us = now_us;
    }
    lock_release(&t->lock);
    return wait_us;
}

void throttle_forget(struct throttle *t, const struct uuid *user_id)
{
    lock_take(&t->lock);
    struct throttle_place *p = throttle_find(t, user_id);
    if (p != NULL)
        p->tries = 0;
    lock_release(&t->lock);
}

void throttle_give_back(struct throttle *t, const struct uuid *user_id)
{
    lock_take(&t->lock);
    struct throttle_place *p = throttle_find(t, user_id);
    if (p != NULL)
        p->tries--;
    lock_release(&t->lock);
}
