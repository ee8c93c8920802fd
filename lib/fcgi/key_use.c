/*
 * When API keys were last used: noted in memory, and written every second and at the stop by a thread of its own. A
 * write that fails is dropped: the next use notes it again.
 */
#include <stdlib.h>

#include "base/lock.h"
#include "base/log.h"
#include "model/key/key.h"
#include "fcgi/serve.h"

#define USES_MAX 1024 /* keys that one process notes in a second; any others are noted at their next request */

struct key_uses {
    struct shared *shared;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    struct key_use uses[USES_MAX];
    size_t n;
};

void key_use_note(struct key_uses *u, const struct uuid *key_id)
{
    int64_t now_us = clock_now_us();
    size_t i;

    lock_take(&u->lock);
    for (i = 0; i < u->n && !uuid_eq(&u->uses[i].key_id, key_id); i++)
        ;
    if (i < USES_MAX)
        u->uses[i] = (struct key_use){.key_id = *key_id, .at_us = now_us};
    if (i == u->n && u->n < USES_MAX)
        u->n++;
    lock_release(&u->lock);
}

/* Moves what was noted to uses. The lock must be held. */
static size_t key_use_take(struct key_uses *u, struct key_use *uses)
{
    size_t n = u->n;

    memcpy(uses, u->uses, n * sizeof *uses);
    u->n = 0;
    return n;
}

static void *key_use_main(void *arg)
{
    struct key_uses *u = arg;
    _cleanup_(db_freep) struct db *db = db_new(&u->shared->db_options);
    struct key_use *uses = xcalloc(USES_MAX, sizeof *uses);
    bool stopping = false;

    while (!stopping) {
        int64_t until_us = clock_mono_us() + US_PER_SEC;
        lock_take(&u->lock);
        while (!u->stopping && cond_wait_until(&u->stop, &u->lock, until_us))
            ;
        stopping = u->stopping;
        size_t n = key_use_take(u, uses);
        lock_release(&u->lock);
        enum err e = n == 0 ? OK : key_mark_used(db, uses, n);
        if (e != OK)
            log_event(LOG_WARNING, "usage_not_written", LOG_CSTR("code", err_slug(e)),
                      LOG_CSTR("db_error", db_error(db)), LOG_INT("keys", (int64_t)n), LOG_END);
    }
    free(uses);
    return NULL;
}

struct key_uses *key_use_start(struct shared *shared)
{
    struct key_uses *u = xcalloc(1, sizeof *u);

    u->shared = shared;
    lock_init(&u->lock);
    cond_init(&u->stop);
    ASSERT(pthread_create(&u->thread, NULL, key_use_main, u) == 0);
    return u;
}

void key_use_stop(struct key_uses *u)
{
    lock_take(&u->lock);
    u->stopping = true;
    cond_signal(&u->stop);
    lock_release(&u->lock);
    ASSERT(pthread_join(u->thread, NULL) == 0);
    cond_done(&u->stop);
    lock_done(&u->lock);
    free(u);
}
