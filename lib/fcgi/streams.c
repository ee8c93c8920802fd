#include "fcgi/streams.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

struct streams {
    pthread_mutex_t lock;
    pthread_cond_t left;
    bool ended;
    size_t max, n;
    int fds[]; /* n of them */
};

struct streams *streams_new(size_t max)
{
    struct streams *s = xcalloc(1, sizeof *s + max * sizeof *s->fds);
    pthread_condattr_t attr;

    s->max = max;
    ASSERT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->left, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
    return s;
}

void streams_free(struct streams *s)
{
    if (s == NULL)
        return;
    (void)pthread_cond_destroy(&s->left);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

bool streams_enter(struct streams *s, int fd)
{
    ASSERT(pthread_mutex_lock(&s->lock) == 0);
    bool ended = s->ended;
    if (!ended) {
        ASSERT(s->n < s->max);
        s->fds[s->n++] = fd;
    }
    ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    return !ended;
}

void streams_leave(struct streams *s, int fd)
{
    size_t i = 0;

    ASSERT(pthread_mutex_lock(&s->lock) == 0);
    while (i < s->n && s->fds[i] != fd)
        i++;
    ASSERT(i < s->n);
    s->fds[i] = s->fds[--s->n];
    ASSERT(pthread_cond_signal(&s->left) == 0 && pthread_mutex_unlock(&s->lock) == 0);
}

int streams_count(struct streams *s)
{
    ASSERT(pthread_mutex_lock(&s->lock) == 0);
    int n = (int)s->n;
    ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    return n;
}

bool streams_are_ended(struct streams *s)
{
    ASSERT(pthread_mutex_lock(&s->lock) == 0);
    bool ended = s->ended;
    ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    return ended;
}

void streams_end(struct streams *s, int grace_ms)
{
    int64_t until_us = clock_mono_us() + grace_ms * US_PER_MS;
    struct timespec until = {.tv_sec = until_us / US_PER_SEC, .tv_nsec = until_us % US_PER_SEC * 1000};
    int r = 0;

    ASSERT(pthread_mutex_lock(&s->lock) == 0);
    while (s->n > 0 && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&s->left, &s->lock, &until);
    s->ended = true;
    for (size_t i = 0; i < s->n; i++)
        (void)shutdown(s->fds[i], SHUT_RDWR); /* a thread that is writing there is told at once */
    ASSERT(pthread_mutex_unlock(&s->lock) == 0);
}
