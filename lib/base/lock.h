/*
 * A mutex, and threads that wait for each other under it. Each of these can fail only by a bug of ours, so a failure
 * ends the process. Waiting is by the monotonic clock: the wall clock may be set back by hours.
 *
 *    lock_take(&q->lock);
 *    while (q->n == 0 && cond_wait_until(&q->some, &q->lock, until_us))
 *        ;
 *    item = q->n > 0 ? ... : NULL;
 *    lock_release(&q->lock);
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"

static inline void lock_init(pthread_mutex_t *lock)
{
    ASSERT(pthread_mutex_init(lock, NULL) == 0);
}

static inline void lock_done(pthread_mutex_t *lock)
{
    ASSERT(pthread_mutex_destroy(lock) == 0);
}

static inline void lock_take(pthread_mutex_t *lock)
{
    ASSERT(pthread_mutex_lock(lock) == 0);
}

static inline void lock_release(pthread_mutex_t *lock)
{
    ASSERT(pthread_mutex_unlock(lock) == 0);
}

static inline void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    ASSERT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(cond, &attr) == 0 && pthread_condattr_destroy(&attr) == 0);
}

static inline void cond_done(pthread_cond_t *cond)
{
    ASSERT(pthread_cond_destroy(cond) == 0);
}

static inline void cond_signal(pthread_cond_t *cond) /* one of those who wait */
{
    ASSERT(pthread_cond_signal(cond) == 0);
}

static inline void cond_signal_all(pthread_cond_t *cond)
{
    ASSERT(pthread_cond_broadcast(cond) == 0);
}

static inline void cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock) /* as below, but for as long as it takes */
{
    ASSERT(pthread_cond_wait(cond, lock) == 0);
}

/*
 * Gives the lock back, waits, and takes it again. False when until_us (of clock_mono_us) is over. A waiter may wake
 * without a signal, so what it waits for must be asked for again.
 */
static inline bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / US_PER_SEC, .tv_nsec = until_us % US_PER_SEC * 1000};
    int r = pthread_cond_timedwait(cond, lock, &until);

    ASSERT(r == 0 || r == ETIMEDOUT);
    return r == 0;
}
