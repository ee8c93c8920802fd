#include "net/aside.h"

#include <stdlib.h>

#include "base/lock.h"

#define POLL_MS 1000 /* libcurl's own timers wake it sooner */

struct aside {
    int max, n, idle;
    void (*ended)(void *arg, struct transfer *t);
    void *arg;
    pthread_t *threads;
    pthread_mutex_t lock; /* of what follows, n and idle */
    pthread_cond_t some;
    struct transfer_queue queue;
    int queued;
    bool ending;
    const char *stopped; /* NULL: it may begin */
};

static void aside_run(CURLM *multi, struct transfer *t)
{
    CURLcode code = CURLE_FAILED_INIT;
    int running = 1, left;

    if (!transfer_may_start(t))
        return;
    if (curl_multi_add_handle(multi, t->easy) != CURLM_OK) {
        transfer_end_unsent(t, "not taken by libcurl");
        return;
    }
    while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0)
        (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    CURLMsg *m = curl_multi_info_read(multi, &left);
    if (m != NULL)
        code = m->data.result; /* m is gone after the removal */
    curl_multi_remove_handle(multi, t->easy);
    transfer_end(t, code);
}

static struct transfer *aside_take(struct aside *a)
{
    lock_take(&a->lock);
    a->idle++;
    while (a->queue.first == NULL && !a->ending)
        cond_wait(&a->some, &a->lock);
    a->idle--;
    struct transfer *t = transfer_take(&a->queue);
    if (t != NULL)
        a->queued--;
    lock_release(&a->lock);
    return t;
}

static void *aside_main(void *arg)
{
    struct aside *a = arg;
    struct transfer *t;
    CURLM *multi = curl_multi_init();

    ASSERT(multi != NULL);
    ASSERT(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L) == CURLM_OK); /* one call at a time */
    while ((t = aside_take(a)) != NULL) {
        aside_run(multi, t);
        a->ended(a->arg, t);
    }
    (void)curl_multi_cleanup(multi);
    return NULL;
}

struct aside *aside_new(int max, void (*ended)(void *arg, struct transfer *t), void *arg)
{
    struct aside *a = xcalloc(1, sizeof *a);

    *a = (struct aside){.max = max, .ended = ended, .arg = arg};
    a->threads = xcalloc((size_t)max, sizeof *a->threads);
    transfer_queue_init(&a->queue);
    lock_init(&a->lock);
    cond_init(&a->some);
    return a;
}

void aside_free(struct aside *a)
{
    lock_take(&a->lock);
    a->ending = true;
    for (int i = 0; i < a->n; i++)
        cond_signal(&a->some);
    lock_release(&a->lock);
    for (int i = 0; i < a->n; i++)
        ASSERT(pthread_join(a->threads[i], NULL) == 0);
    cond_done(&a->some);
    lock_done(&a->lock);
    free(a->threads);
    free(a);
}

static void aside_refuse(struct aside *a, struct transfer *t)
{
    transfer_end_unsent(t, a->stopped);
    a->ended(a->arg, t);
}

void aside_stop(struct aside *a, const char *why)
{
    struct transfer *next;

    lock_take(&a->lock);
    a->stopped = why;
    a->queued = 0;
    struct transfer *t = transfer_take_all(&a->queue);
    lock_release(&a->lock);
    for (; t != NULL; t = next) {
        next = t->next;
        aside_refuse(a, t);
    }
}

void aside_put(struct aside *a, struct transfer *t)
{
    ASSERT(a->max > 0);
    lock_take(&a->lock);
    if (a->stopped != NULL) {
        lock_release(&a->lock);
        aside_refuse(a, t);
        return;
    }
    transfer_put(&a->queue, t);
    a->queued++;
    /* A thread that is woken counts as idle until it has taken its transfer; hence the comparison. */
    if (a->queued > a->idle && a->n < a->max) {
        ASSERT(pthread_create(&a->threads[a->n], NULL, aside_main, a) == 0);
        a->n++;
    }
    cond_signal(&a->some);
    lock_release(&a->lock);
}
