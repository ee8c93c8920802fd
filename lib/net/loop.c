#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "net/transfer.h"

#define POLL_MS 1000         /* libcurl's own timers wake it sooner; a new call does too */
#define IDLE_CONNECTIONS 32L /* kept for reuse by calls that are not fresh */

struct entry {
    struct transfer *transfer;
    struct arena *arena;
    void *tag;
    struct entry *next;
};

struct queue {
    struct entry *first, **last;
};

struct net_loop {
    int max, open;
    bool ending;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock; /* of all but multi, which is the thread's; curl_multi_wakeup may be called by any */
    pthread_cond_t ended_some;
    struct queue asked, ended;
    struct entry *running; /* the thread's own */
};

static void net_loop_put(struct queue *q, struct entry *n)
{
    n->next = NULL;
    *q->last = n;
    q->last = &n->next;
}

static struct entry *net_loop_take(struct queue *q)
{
    struct entry *n = q->first;

    if (n == NULL)
        return NULL;
    q->first = n->next;
    if (q->first == NULL)
        q->last = &q->first;
    return n;
}

static void net_loop_hand_out(struct net_loop *loop, struct entry *n)
{
    pthread_mutex_lock(&loop->lock);
    net_loop_put(&loop->ended, n);
    pthread_cond_signal(&loop->ended_some);
    pthread_mutex_unlock(&loop->lock);
}

static void net_loop_start(struct net_loop *loop, struct entry *n)
{
    /* A call that has waited here for too long is not sent: the promise is "within seconds of its commit or not". */
    if (transfer_is_late(n->transfer)) {
        transfer_end_unsent(n->transfer, "too late to be sent");
        net_loop_hand_out(loop, n);
        return;
    }
    if (curl_multi_add_handle(loop->multi, transfer_easy(n->transfer)) != CURLM_OK) {
        transfer_end_unsent(n->transfer, "not taken by libcurl");
        net_loop_hand_out(loop, n);
        return;
    }
    n->next = loop->running;
    loop->running = n;
}

static struct entry *net_loop_take_running(struct net_loop *loop, CURL *easy)
{
    for (struct entry **p = &loop->running; *p != NULL; p = &(*p)->next)
        if (transfer_easy((*p)->transfer) == easy) {
            struct entry *n = *p;
            *p = n->next;
            return n;
        }
    return NULL;
}

static void net_loop_collect(struct net_loop *loop)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(loop->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone after the removal */
        struct entry *n = net_loop_take_running(loop, m->easy_handle);
        ASSERT(n != NULL);
        curl_multi_remove_handle(loop->multi, transfer_easy(n->transfer));
        transfer_end(n->transfer, code);
        net_loop_hand_out(loop, n);
    }
}

static void *net_loop_run(void *arg)
{
    struct net_loop *loop = arg;
    int handles;

    for (;;) {
        pthread_mutex_lock(&loop->lock);
        bool ending = loop->ending;
        struct entry *asked = loop->asked.first;
        loop->asked = (struct queue){.last = &loop->asked.first};
        pthread_mutex_unlock(&loop->lock);
        while (asked != NULL) {
            struct entry *n = asked;
            asked = n->next;
            net_loop_start(loop, n);
        }
        if (ending && loop->running == NULL)
            return NULL;
        (void)curl_multi_perform(loop->multi, &handles);
        net_loop_collect(loop);
        (void)curl_multi_poll(loop->multi, NULL, 0, POLL_MS, NULL);
    }
}

struct net_loop *net_loop_new(int max)
{
    struct net_loop *loop = xcalloc(1, sizeof(*loop));
    pthread_condattr_t attr;

    loop->max = max;
    loop->asked.last = &loop->asked.first;
    loop->ended.last = &loop->ended.first;
    loop->multi = curl_multi_init();
    ASSERT(loop->multi != NULL);
    ASSERT(curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS) == CURLM_OK);
    ASSERT(pthread_mutex_init(&loop->lock, NULL) == 0);
    ASSERT(pthread_condattr_init(&attr) == 0);
    ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&loop->ended_some, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
    ASSERT(pthread_create(&loop->thread, NULL, net_loop_run, loop) == 0);
    return loop;
}

static void net_loop_free_entry(struct entry *n)
{
    transfer_free(n->transfer);
    free(n);
}

void net_loop_free(struct net_loop *loop)
{
    struct entry *n;

    if (loop == NULL)
        return;
    pthread_mutex_lock(&loop->lock);
    loop->ending = true;
    pthread_mutex_unlock(&loop->lock);
    (void)curl_multi_wakeup(loop->multi);
    ASSERT(pthread_join(loop->thread, NULL) == 0);
    while ((n = net_loop_take(&loop->ended)) != NULL)
        net_loop_free_entry(n);
    (void)curl_multi_cleanup(loop->multi);
    (void)pthread_cond_destroy(&loop->ended_some);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
}

bool net_loop_submit(struct net_loop *loop, const struct net_call *call, struct arena *arena, void *tag)
{
    pthread_mutex_lock(&loop->lock);
    bool room = loop->open < loop->max && !loop->ending;
    if (room)
        loop->open++;
    pthread_mutex_unlock(&loop->lock);
    if (!room)
        return false;

    struct entry *n = xcalloc(1, sizeof(*n));
    *n = (struct entry){.transfer = transfer_new(call), .arena = arena, .tag = tag};
    pthread_mutex_lock(&loop->lock);
    net_loop_put(&loop->asked, n);
    pthread_mutex_unlock(&loop->lock);
    (void)curl_multi_wakeup(loop->multi);
    return true;
}

int net_loop_open(struct net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    int open = loop->open;
    pthread_mutex_unlock(&loop->lock);
    return open;
}

bool net_loop_next(struct net_loop *loop, int wait_ms, void **ret_tag, struct net_result *ret_result)
{
    int64_t until_us = clock_mono_us() + wait_ms * US_PER_MS;
    struct timespec until = {.tv_sec = until_us / US_PER_SEC, .tv_nsec = until_us % US_PER_SEC * 1000};

    pthread_mutex_lock(&loop->lock);
    while (loop->ended.first == NULL && wait_ms > 0)
        if (pthread_cond_timedwait(&loop->ended_some, &loop->lock, &until) != 0)
            break;
    struct entry *n = net_loop_take(&loop->ended);
    if (n != NULL)
        loop->open--;
    pthread_mutex_unlock(&loop->lock);
    if (n == NULL)
        return false;
    transfer_result(n->transfer, n->arena, ret_result);
    *ret_tag = n->tag;
    net_loop_free_entry(n);
    return true;
}
