#include "counts.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "metrics/expose.h"

enum outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_FAILED, OUTCOME_TIMED_OUT, OUTCOME_CRASHED, OUTCOME__MAX };

static const char *const image_counts_outcome_names[OUTCOME__MAX + 1];

struct counts {
    struct metrics *metrics;
    atomic_llong *since_us; /* of each slot, shared: when it took its image; 0: it has none */
};

struct counts *counts_new(void)
{
    struct counts *c = xcalloc(1, sizeof *c);

    c->since_us = xshared(COUNTS_SLOTS_MAX, sizeof *c->since_us);
    c->metrics = metrics_new(&(struct metrics_options){
        .who = METRICS_IMAGE,
        .shared = true,
        .values = {[LABEL_OUTCOME] = image_counts_outcome_names, [LABEL_CAUSE] = counts_causes}});
    return c;
}

void counts_free(struct counts *c)
{
    xshared_free(c->since_us, COUNTS_SLOTS_MAX, sizeof *c->since_us);
    metrics_free(c->metrics);
    free(c);
}

static atomic_llong *image_counts_since(struct counts *c, size_t slot)
{
    ASSERT(slot < COUNTS_SLOTS_MAX);
    return &c->since_us[slot];
}

void counts_take(struct counts *c, size_t slot)
{
    atomic_store(image_counts_since(c, slot), clock_mono_us());
}

/* Counts once for each image, by the process or by its parent, whichever comes first. */
static void image_counts_end_image(struct counts *c, size_t slot, enum outcome outcome)
{
    int64_t since_us = atomic_exchange(image_counts_since(c, slot), 0);

    if (since_us == 0)
        return;
    metric_add(c->metrics, METRIC_IMAGES, outcome, 1);
    metric_observe(c->metrics, METRIC_IMAGE_TIME, 0, clock_mono_us() - since_us);
}

void counts_image(struct counts *c, size_t slot, enum err e)
{
    image_counts_end_image(c, slot, e == OK ? OUTCOME_DONE : err_status(e) < 500 ? OUTCOME_REFUSED : OUTCOME_FAILED);
}

void counts_leave(struct counts *c, size_t slot)
{
    atomic_store(image_counts_since(c, slot), 0);
}

void counts_started(struct counts *c)
{
    metric_add(c->metrics, METRIC_PROCESSES, 0, 1);
}

void counts_ended(struct counts *c, size_t slot, enum counts_cause cause)
{
    metric_add(c->metrics, METRIC_PROCESSES, 0, -1);
    metric_add(c->metrics, METRIC_PROCESSES_ENDED, cause, 1);
    image_counts_end_image(c, slot, cause == CAUSE_TIMED_OUT ? OUTCOME_TIMED_OUT : OUTCOME_CRASHED);
}

void counts_waiting(struct counts *c, int64_t n)
{
    metric_set(c->metrics, METRIC_IMAGES_WAITING, 0, n);
}

void counts_told_busy(struct counts *c)
{
    metric_add(c->metrics, METRIC_IMAGES_BUSY, 0, 1);
}

static void image_counts_refresh(void *arg)
{
    struct counts *c = arg;
    int64_t busy = 0;

    for (size_t i = 0; i < COUNTS_SLOTS_MAX; i++)
        busy += atomic_load(image_counts_since(c, i)) != 0;
    metric_set(c->metrics, METRIC_PROCESSES_BUSY, 0, busy);
}

int counts_show(struct counts *c, struct str dir)
{
    struct expose *x = expose_of_program(c->metrics, dir, "image", image_counts_refresh, c);
    sigset_t stop;
    int sig;

    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    ASSERT(sigwait(&stop, &sig) == 0);
    expose_stop(x);
    return EXIT_SUCCESS;
}

static const char *const image_counts_outcome_names[OUTCOME__MAX + 1] = {
    [OUTCOME_DONE] = "done",           [OUTCOME_REFUSED] = "refused", [OUTCOME_FAILED] = "failed",
    [OUTCOME_TIMED_OUT] = "timed_out", [OUTCOME_CRASHED] = "crashed", [OUTCOME__MAX] = NULL,
};

const char *const counts_causes[] = {
    [CAUSE_RECYCLED] = "recycled",
    [CAUSE_TIMED_OUT] = "timed_out",
    [CAUSE_CRASHED] = "crashed",
    [CAUSE__MAX] = NULL,
};
