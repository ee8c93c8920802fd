/*
 * Time of last use of API keys: noted in memory, written every second and at stop by a thread of its own. A write whose
 * outcome is unknown is dropped: the next use says it again.
 */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/key/key.h"
#include "fcgi/serve.h"

#define USES_MAX 1024 /* keys in use within one second on one process; more are noted with their next request */

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

    ASSERT(pthread_mutex_lock(&u->lock) == 0);
    for (i = 0; i < u->n && !uuid_eq(&u->uses[i].key_id, key_id); i++)
        ;
    if (i < USES_MAX)
        u->uses[i] = (struct key_use){.key_id = *key_id, .at_us = now_us};
    if (i == u->n && u->n < USES_MAX)
        u->n++;
    ASSERT(pthread_mutex_unlock(&u->lock) == 0);
}

/* Takes what was noted; the lock is held. */
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
        struct timespec until;
        ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0); /* the wall clock may be set back by hours */
        until.tv_sec += 1;
        ASSERT(pthread_mutex_lock(&u->lock) == 0);
        while (!u->stopping && pthread_cond_timedwait(&u->stop, &u->lock, &until) == 0)
            ;
        stopping = u->stopping;
        size_t n = key_use_take(u, uses);
        ASSERT(pthread_mutex_unlock(&u->lock) == 0);
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
    pthread_condattr_t attr;

    u->shared = shared;
    ASSERT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_mutex_init(&u->lock, NULL) == 0 && pthread_cond_init(&u->stop, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
    ASSERT(pthread_create(&u->thread, NULL, key_use_main, u) == 0);
    return u;
}

void key_use_stop(struct key_uses *u)
{
    ASSERT(pthread_mutex_lock(&u->lock) == 0);
    u->stopping = true;
    ASSERT(pthread_cond_signal(&u->stop) == 0);
    ASSERT(pthread_mutex_unlock(&u->lock) == 0);
    ASSERT(pthread_join(u->thread, NULL) == 0);
    (void)pthread_cond_destroy(&u->stop);
    (void)pthread_mutex_destroy(&u->lock);
    free(u);
}
