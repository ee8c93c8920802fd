#include "fcgi/streams.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/lock.h"

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

    s->max = max;
    lock_init(&s->lock);
    cond_init(&s->left);
    return s;
}

void streams_free(struct streams *s)
{
    if (s == NULL)
        return;
    cond_done(&s->left);
    lock_done(&s->lock);
    free(s);
}

bool streams_enter(struct streams *s, int fd)
{
    lock_take(&s->lock);
    bool ended = s->ended;
    if (!ended) {
        ASSERT(s->n < s->max);
        s->fds[s->n++] = fd;
    }
    lock_release(&s->lock);
    return !ended;
}

void streams_leave(struct streams *s, int fd)
{
    size_t i = 0;

    lock_take(&s->lock);
    while (i < s->n && s->fds[i] != fd)
        i++;
    ASSERT(i < s->n);
    s->fds[i] = s->fds[--s->n];
    cond_signal(&s->left);
    lock_release(&s->lock);
}

int streams_count(struct streams *s)
{
    lock_take(&s->lock);
    int n = (int)s->n;
    lock_release(&s->lock);
    return n;
}

bool streams_are_ended(struct streams *s)
{
    lock_take(&s->lock);
    bool ended = s->ended;
    lock_release(&s->lock);
    return ended;
}

void streams_end(struct streams *s, int64_t until_us)
{
    lock_take(&s->lock);
    while (s->n > 0 && cond_wait_until(&s->left, &s->lock, until_us))
        ;
    s->ended = true;
    for (size_t i = 0; i < s->n; i++)
        (void)shutdown(s->fds[i], SHUT_RDWR); /* a thread that is writing there is told at once */
    lock_release(&s->lock);
}
