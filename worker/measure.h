/*
 * What a worker counts, and the socket that shows it (lib/metrics). Kinds raise their alarms with
 *
 *    alarm_raise(run->worker->measure->metrics, ALARM_POST_WITHOUT_JOB, LOG_CSTR("post", ...), LOG_END);
 */
#pragma once

#include <stdatomic.h>

#include "base/conf.h"
#include "db/db.h"
#include "metrics/expose.h"
#include "model/job.h"

#define MEASURE_KINDS_MAX 32
#define MEASURE_EVERY_US (10 * US_PER_SEC) /* how often the tables are looked at */
#define PURGE_LATE_US US_PER_DAY           /* beyond the time at which an image is due to go */

struct job_kind;

struct measure {
    struct metrics *metrics;
    struct db_counts counts; /* for db_options */

    struct expose *expose;
    enum job_class class;
    const char *class_names[2], *kind_names[MEASURE_KINDS_MAX + 1];
    int64_t next_us; /* of measure_tables; it and what follows belong to the thread that calls that */
    bool purge_late;
};

/* Shows itself on conf.metrics_dir/PROGRAM.sock; when that cannot be made, the log says so and the worker goes on. */
struct measure *measure_start(const struct conf *conf, enum job_class class, const char *program);
void measure_stop(struct measure *m);

/* From any thread. kind: NULL when this worker does not know it. */
void measure_runs(struct measure *m, int n); /* n more (or fewer) runs are open */
void measure_job(struct measure *m, const struct job_kind *kind, const char *outcome);

/*
 * Looks at the jobs and the images, every MEASURE_EVERY_US at most; one thread at a time. What the database does not
 * answer stays as it was.
 */
void measure_tables(struct measure *m, struct db *db, struct arena *arena);
