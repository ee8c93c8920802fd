#include "jobs/worker_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/counts.h"
#include "jobs/kind.h"
#include "model/upload/upload.h"

enum { STATE_DUE, STATE_LATER, STATE_DEAD };

static const char *const worker_metrics_state_names[] = {
    [STATE_DUE] = "due", [STATE_LATER] = "later", [STATE_DEAD] = "dead", NULL};
static const char *const worker_metrics_end_names[] = {
    [MAIL_IS_SENT - 1] = "sent", [MAIL_IS_FAILED - 1] = "failed", [MAIL_IS_DROPPED - 1] = "dropped", NULL};
static const char *const worker_metrics_outcome_names[];

static void worker_metrics_name_kinds(struct worker_metrics *m, const struct job_kind *const *kinds)
{
    size_t n = 0;

    for (const struct job_kind *const *k = kinds; *k != NULL; k++)
        if ((*k)->class == m->class->class) {
            ASSERT(n < WORKER_METRICS_KINDS_MAX);
            m->kind_names[n++] = (*k)->name;
        }
}

static size_t worker_metrics_index_of(const char *const *names, const char *name)
{
    size_t i = 0;

    while (names[i] != NULL && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static size_t worker_metrics_count(const char *const *names)
{
    size_t n = 0;

    while (names[n] != NULL)
        n++;
    return n;
}

/* What others count, before it is shown. */
static void worker_metrics_refresh(void *arg)
{
    struct worker_metrics *m = arg;

    db_counts_show(&m->counts, m->set);
}

struct worker_metrics *worker_metrics_start(const struct conf *conf, const struct worker_class *class,
                                            const char *program, const struct job_kind *const *kinds)
{
    struct worker_metrics *m = xcalloc(1, sizeof *m);

    m->class = class;
    m->class_names[0] = job_class_names[class->class];
    worker_metrics_name_kinds(m, kinds);
    m->set = metrics_new(
        &(struct metrics_options){.who = METRICS_WORKER,
                                  .values = {[LABEL_ERROR] = db_count_errors,
                                             [LABEL_KIND] = m->kind_names,
                                             [LABEL_OUTCOME] = worker_metrics_outcome_names,
                                             [LABEL_CLASS] = m->class_names,
                                             [LABEL_STATE] = worker_metrics_state_names,
                                             [LABEL_STORE] = class->uses_store ? store_kind_names : NULL,
                                             [LABEL_END] = class->uses_smtp ? worker_metrics_end_names : NULL}});
    m->expose = expose_of_program(m->set, conf->metrics_dir, program, worker_metrics_refresh, m);
    return m;
}

void worker_metrics_stop(struct worker_metrics *m)
{
    expose_stop(m->expose);
    metrics_free(m->set);
    free(m);
}

void worker_metrics_runs(struct worker_metrics *m, int n)
{
    metric_add(m->set, METRIC_RUNS_OPEN, 0, n);
}

void worker_metrics_job(struct worker_metrics *m, const struct job_kind *kind, const char *outcome)
{
    size_t k = worker_metrics_index_of(m->kind_names, kind->name);

    metric_add(m->set, METRIC_JOBS_RUN,
               k * worker_metrics_count(worker_metrics_outcome_names) +
                   worker_metrics_index_of(worker_metrics_outcome_names, outcome),
               1);
}

void worker_metrics_mail(struct worker_metrics *m, enum mail_state end)
{
    metric_add(m->set, METRIC_MAILS, (size_t)(end - 1), 1);
}

static void worker_metrics_look_at_jobs(struct worker_metrics *m, struct db *db, struct arena *arena, int64_t now_us)
{
    struct job_counts c;

    if (job_count(db, m->class->class, arena, now_us, &c) != OK)
        return;
    metric_set(m->set, METRIC_JOBS, STATE_DUE, c.due);
    metric_set(m->set, METRIC_JOBS, STATE_LATER, c.later);
    metric_set(m->set, METRIC_JOBS, STATE_DEAD, c.dead);
    metric_set(m->set, METRIC_JOBS_OLDEST, 0, c.oldest_at_us == 0 ? 0 : now_us - c.oldest_at_us);
}

/* Each image that is late raises an alarm, once a day; the metric says how many there are. */
static void worker_metrics_look_at_images(struct worker_metrics *m, struct db *db, struct arena *arena, int64_t now_us)
{
    int64_t n = 0, of_store, due_before_us = now_us - PURGE_LATE_US, told_before_us = now_us - PURGE_LATE_AGAIN_US;
    struct upload_due *late;
    size_t late_n;

    for (int store = 0; store_kind_names[store] != NULL; store++) {
        if (upload_count_late(db, store, due_before_us, &of_store) != OK)
            return;
        metric_set(m->set, METRIC_LATE_PURGES, (size_t)store, of_store);
        n += of_store;
    }
    if (n == 0 || upload_late_untold(db, arena, due_before_us, told_before_us, PURGE_LATE_BATCH, &late, &late_n) != OK)
        return;
    for (size_t i = 0; i < late_n; i++)
        if (upload_tell_late(db, &late[i].id, now_us, told_before_us) == OK)
            alarm_raise(m->set, ALARM_PURGE_LATE, LOG_CSTR("upload", uuid_text(&late[i].id).s),
                        LOG_INT("late_sec", (now_us - late[i].due_at_us) / US_PER_SEC), LOG_END);
}

void worker_metrics_tables(struct worker_metrics *m, struct db *db, struct arena *arena)
{
    int64_t now_us = clock_now_us();

    if (clock_mono_us() < m->next_us)
        return;
    m->next_us = clock_mono_us() + WORKER_METRICS_EVERY_US;
    if (m->class->uses_store)
        worker_metrics_look_at_images(m, db, arena, now_us);
    worker_metrics_look_at_jobs(m, db, arena, now_us);
}

/* How a run can end, in the words of runner.c. */
static const char *const worker_metrics_outcome_names[] = {
    "done", "again", "dead", "dropped", "lease_lost", "not_recorded", "result_kept", "result_lost", NULL,
};
