/*
 * What a worker counts, and the socket that shows it (lib/metrics). Kinds raise their alarms with
 *
 *    alarm_raise(run->worker->metrics->set, ALARM_POST_WITHOUT_JOB, LOG_CSTR("post", ...), LOG_END);
 */
#pragma once

#include <stdatomic.h>

#include "base/conf.h"
#include "db/db.h"
#include "metrics/expose.h"
#include "model/job/job.h"
#include "model/mail/sending.h"

#define WORKER_METRICS_KINDS_MAX 32
#define WORKER_METRICS_EVERY_US (10 * US_PER_SEC) /* at most this often it reads the tables */
#define PURGE_LATE_US US_PER_DAY                  /* after the time at which an image is due to go */
#define PURGE_LATE_AGAIN_US US_PER_DAY            /* until the alarm tells of the same image again */
#define PURGE_LATE_BATCH 100                      /* of which it tells each time that the tables are read */

struct job_kind;
struct worker_class;

struct worker_metrics {
    struct metrics *set;
    struct db_counts counts; /* for db_options */

    struct expose *expose;
    const struct worker_class *class;
    const char *class_names[2], *kind_names[WORKER_METRICS_KINDS_MAX + 1];
    int64_t next_us;           /* of worker_metrics_tables, and of the thread that calls that */
    atomic_llong held_told_us; /* when posts_held was told last, by clock_mono_us; 0: not yet */
};

/* Shows itself on conf.metrics_dir/PROGRAM.sock; when that cannot be made, the log says so and the worker goes on. */
struct worker_metrics *worker_metrics_start(const struct conf *conf, const struct worker_class *class,
                                            const char *program, const struct job_kind *const *kinds);
void worker_metrics_stop(struct worker_metrics *m);

/* From any thread. */
void worker_metrics_runs(struct worker_metrics *m, int n); /* n more (or fewer) runs are open */
void worker_metrics_job(struct worker_metrics *m, const struct job_kind *kind, const char *outcome);

void worker_metrics_mail(struct worker_metrics *m, enum mail_state end); /* not queued */

/*
 * Counts the jobs and the late images, and raises the alarm of each such image, every WORKER_METRICS_EVERY_US at most; by
 * one thread at a time. A figure that the database does not give stays as it was.
 */
void worker_metrics_tables(struct worker_metrics *m, struct db *db, struct arena *arena);
