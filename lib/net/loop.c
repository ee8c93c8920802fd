#include "net/loop.h"

#include <stdlib.h>

#include "base/lock.h"
#include "net/aside.h"
#include "net/sessions.h"

#define POLL_MS 1000         /* libcurl's own timers wake it sooner; a new call does too */
#define IDLE_CONNECTIONS 32L /* kept for reuse by calls that are not fresh, beside those under way */
#define NET_LOOP_ENDS "the loop ends"

struct net_loop {
    struct net_loop_options options;
    CURLM *multi;
    struct sessions *sessions;
    pthread_t thread;
    struct aside *aside;
    atomic_llong stop_aside_by_us; /* 0: it does not stop */
    struct transfer *running;      /* here and aside. The thread's own, as are multi_n and waiting */
    long multi_n;                  /* of them here */
    struct transfer_queue waiting;

    pthread_mutex_t lock; /* of what follows; multi is the thread's, but curl_multi_wakeup may be called by any */
    pthread_cond_t ended_some;
    int open;
    bool ending;
    struct transfer_queue asked, back, ended; /* back: from aside */
};

static void net_loop_hand_out(struct net_loop *loop, struct transfer *t)
{
    lock_take(&loop->lock);
    transfer_put(&loop->ended, t);
    cond_signal(&loop->ended_some);
    lock_release(&loop->lock);
}

static void net_loop_refuse(struct net_loop *loop, struct transfer *t, const char *detail)
{
    transfer_end_unsent(t, detail);
    net_loop_hand_out(loop, t);
}

/* libcurl's limit is for all connections, and an idle one goes when there are more: those in use must not take its place. */
static void net_loop_count(struct net_loop *loop, long n)
{
    loop->multi_n += n;
    ASSERT(curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, loop->multi_n + IDLE_CONNECTIONS) == CURLM_OK);
}

static void net_loop_start(struct net_loop *loop, struct transfer *t)
{
    if (!transfer_may_start(t)) {
        net_loop_hand_out(loop, t);
        return;
    }
    if (!t->may_block && curl_multi_add_handle(loop->multi, t->easy) != CURLM_OK) {
        net_loop_refuse(loop, t, "not taken by libcurl");
        return;
    }
    t->next_running = loop->running;
    loop->running = t;
    if (t->may_block)
        aside_put(loop->aside, t);
    else
        net_loop_count(loop, 1);
}

static bool net_loop_may_run(const struct net_loop *loop, const struct transfer *t)
{
    int n = 0;

    for (const struct transfer *r = loop->running; r != NULL; r = r->next_running)
        n += strcmp(r->host, t->host) == 0;
    return loop->options.host_max == 0 || n < loop->options.host_max;
}

static bool net_loop_may_wait(const struct net_loop *loop, const struct transfer *t)
{
    int n = 0;

    for (const struct transfer *w = loop->waiting.first; w != NULL; w = w->next)
        n += strcmp(w->host, t->host) == 0;
    return n < loop->options.host_max;
}

/* Called after net_loop_call_waiting: who came first goes first. */
static void net_loop_admit(struct net_loop *loop, struct transfer *t)
{
    if (net_loop_may_run(loop, t))
        net_loop_start(loop, t);
    else if (net_loop_may_wait(loop, t))
        transfer_put(&loop->waiting, t);
    else
        net_loop_refuse(loop, t, "too many calls wait for that host already");
}

static void net_loop_call_waiting(struct net_loop *loop, bool ending)
{
    struct transfer *t = transfer_take_all(&loop->waiting), *next;

    for (; t != NULL; t = next) {
        next = t->next;
        if (ending)
            net_loop_refuse(loop, t, NET_LOOP_ENDS);
        else if (transfer_is_late(t))
            net_loop_refuse(loop, t, TRANSFER_LATE);
        else if (net_loop_may_run(loop, t))
            net_loop_start(loop, t);
        else
            transfer_put(&loop->waiting, t);
    }
}

static void net_loop_remove(struct net_loop *loop, struct transfer *t)
{
    struct transfer **p = &loop->running;

    while (*p != t)
        p = &(*p)->next_running;
    *p = t->next_running;
}

static void net_loop_collect(struct net_loop *loop)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(loop->multi, &left)) != NULL) {
        struct transfer *t;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone after the removal */
        ASSERT(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK);
        net_loop_remove(loop, t);
        curl_multi_remove_handle(loop->multi, t->easy);
        net_loop_count(loop, -1);
        transfer_end(t, code);
        net_loop_hand_out(loop, t);
    }
}

static void net_loop_back(void *arg, struct transfer *t)
{
    struct net_loop *loop = arg;

    lock_take(&loop->lock);
    transfer_put(&loop->back, t);
    lock_release(&loop->lock);
    (void)curl_multi_wakeup(loop->multi);
}

static void *net_loop_run(void *arg)
{
    struct net_loop *loop = arg;
    struct transfer *asked, *back, *next;
    int handles;

    for (;;) {
        lock_take(&loop->lock);
        bool ending = loop->ending;
        asked = transfer_take_all(&loop->asked);
        back = transfer_take_all(&loop->back);
        lock_release(&loop->lock);
        for (; back != NULL; back = next) {
            next = back->next;
            net_loop_remove(loop, back);
            net_loop_hand_out(loop, back);
        }
        net_loop_call_waiting(loop, ending);
        for (; asked != NULL; asked = next) {
            next = asked->next;
            if (ending)
                net_loop_refuse(loop, asked, NET_LOOP_ENDS);
            else
                net_loop_admit(loop, asked);
        }
        if (ending && loop->running == NULL && loop->waiting.first == NULL)
            return NULL;
        (void)curl_multi_perform(loop->multi, &handles);
        net_loop_collect(loop);
        net_loop_call_waiting(loop, ending);
        (void)curl_multi_poll(loop->multi, NULL, 0, POLL_MS, NULL);
    }
}

struct net_loop *net_loop_new(const struct net_loop_options *options)
{
    struct net_loop *loop = xcalloc(1, sizeof(*loop));

    loop->options = *options;
    transfer_queue_init(&loop->waiting);
    transfer_queue_init(&loop->asked);
    transfer_queue_init(&loop->back);
    transfer_queue_init(&loop->ended);
    loop->aside = aside_new(options->aside_max, net_loop_back, loop);
    loop->sessions = sessions_new();
    loop->multi = curl_multi_init();
    ASSERT(loop->multi != NULL);
    net_loop_count(loop, 0);
    lock_init(&loop->lock);
    cond_init(&loop->ended_some);
    ASSERT(pthread_create(&loop->thread, NULL, net_loop_run, loop) == 0);
    return loop;
}

void net_loop_free(struct net_loop *loop)
{
    struct transfer *t;

    if (loop == NULL)
        return;
    lock_take(&loop->lock);
    loop->ending = true;
    lock_release(&loop->lock);
    (void)curl_multi_wakeup(loop->multi);
    ASSERT(pthread_join(loop->thread, NULL) == 0);
    aside_free(loop->aside);
    while ((t = transfer_take(&loop->ended)) != NULL)
        transfer_free(t);
    (void)curl_multi_cleanup(loop->multi);
    sessions_free(loop->sessions);
    cond_done(&loop->ended_some);
    lock_done(&loop->lock);
    free(loop);
}

static bool net_loop_take_in(struct net_loop *loop, struct transfer *t, struct arena *arena, void *tag)
{
    ASSERT(!t->may_block || loop->options.aside_max > 0);
    t->arena = arena;
    t->tag = tag;
    t->stop_by_us = &loop->stop_aside_by_us;
    if (!t->may_block)
        sessions_use(loop->sessions, t->easy);
    lock_take(&loop->lock);
    bool room = loop->open < loop->options.max && !loop->ending;
    if (room) {
        loop->open++;
        transfer_put(&loop->asked, t);
    }
    lock_release(&loop->lock);
    if (room)
        (void)curl_multi_wakeup(loop->multi);
    else
        transfer_free(t);
    return room;
}

bool net_loop_submit(struct net_loop *loop, const struct net_call *call, struct arena *arena, void *tag)
{
    return net_loop_take_in(loop, transfer_new_call(call), arena, tag);
}

bool net_loop_submit_mail(struct net_loop *loop, const struct net_mail *mail, struct arena *arena, void *tag)
{
    return net_loop_take_in(loop, transfer_new_mail(mail), arena, tag);
}

void net_loop_stop_aside(struct net_loop *loop, int64_t by_us)
{
    atomic_store(&loop->stop_aside_by_us, by_us);
    aside_stop(loop->aside, NET_LOOP_ENDS);
}

int net_loop_open(struct net_loop *loop)
{
    lock_take(&loop->lock);
    int open = loop->open;
    lock_release(&loop->lock);
    return open;
}

bool net_loop_next(struct net_loop *loop, int wait_ms, void **ret_tag, struct net_result *ret_result)
{
    int64_t until_us = clock_mono_us() + wait_ms * US_PER_MS;

    lock_take(&loop->lock);
    while (loop->ended.first == NULL && wait_ms > 0 && cond_wait_until(&loop->ended_some, &loop->lock, until_us))
        ;
    struct transfer *t = transfer_take(&loop->ended);
    if (t != NULL)
        loop->open--;
    lock_release(&loop->lock);
    if (t == NULL)
        return false;
    transfer_result(t, ret_result);
    *ret_tag = t->tag;
    transfer_free(t);
    return true;
}
