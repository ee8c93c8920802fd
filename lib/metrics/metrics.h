/*
 * Metrics: what a program counts, described by one table (metrics.def) and shown in Prometheus' text format (0.0.4).
 *
 *    struct metrics *m = metrics_new(&(struct metrics_options){
 *        .who = METRICS_APP, .values = {[LABEL_ROUTE] = routes, [LABEL_STATUS] = classes}});
 *    metric_add(m, METRIC_REQUESTS, route * ARRAY_LEN(classes) + class, 1);
 *    metric_observe(m, METRIC_REQUEST_TIME, route, duration_us);
 *    metrics_text(m, &b);
 *
 * A new metric is a row of metrics.def and a line where the thing happens. Counting is one relaxed atomic addition to a
 * fixed array, without locks: any thread may do it at any time. Nothing here holds data of a user. Labels are fixed at
 * the start.
 */
#pragma once

#include "base/buf.h"
#include "base/log.h"

enum metric {
#define METRIC(name, type, text, who, label, label2, unit, help) METRIC_##name,
#include "metrics/metrics.def"
#undef METRIC
    METRIC__MAX
};

enum metric_label {
    LABEL_NONE,
    LABEL_ALARM, /* filled from alarm.def */
    LABEL_ROUTE,
    LABEL_STATUS,
    LABEL_ERROR,
    LABEL_KIND,
    LABEL_OUTCOME,
    LABEL_CLASS,
    LABEL_STATE,
    LABEL_STORE,
    LABEL_END,
    LABEL_CAUSE,
    LABEL_WEBHOOK,
    LABEL__MAX
};

enum { METRICS_APP = 1, METRICS_WORKER = 2, METRICS_IMAGE = 4 };

#define METRIC_SERIES_MAX 4096 /* of one program: routes x status classes, kinds x outcomes */

struct metrics;

struct metrics_options {
    unsigned who;
    bool shared; /* with processes that are forked later: all count in the same cells */
    /* NULL-ended, without quotes, backslashes and newlines; they must outlive the metrics. NULL: metrics with this
     * label are left out. */
    const char *const *values[LABEL__MAX];
};

struct metrics *metrics_new(const struct metrics_options *options);
void metrics_free(struct metrics *m);
DEFINE_FREEP(struct metrics, metrics_free)

/*
 * The series is the index of the label's value. With two labels it is first index x number of second values + second
 * index, without a label 0. A metric that this program leaves out is not counted, silently, so that code can be shared.
 */
void metric_add(struct metrics *m, enum metric which, size_t series, int64_t n); /* counters and gauges */
void metric_set(struct metrics *m, enum metric which, size_t series,
                int64_t value); /* gauges; counters kept elsewhere */
void metric_observe(struct metrics *m, enum metric which, size_t series, int64_t value); /* histograms */

void metrics_text(const struct metrics *m, struct buf *b);

/*
 * An alarm is a named log event and a metric, for what somebody should look at (alarm.def). For programs only: the
 * library does not log.
 *
 *    alarm_raise(m, ALARM_JOB_DEAD, LOG_STR("kind", kind), LOG_END);
 */
enum alarm_kind {
#define ALARM(name, text, meaning) ALARM_##name,
#include "metrics/alarm.def"
#undef ALARM
    ALARM__MAX
};

extern const char *const alarm_names[]; /* NULL-ended */

#define alarm_raise(m, which, ...) \
    do { \
        metric_add((m), METRIC_ALARMS, (which), 1); \
        log_event(LOG_ERROR, alarm_names[which], __VA_ARGS__); \
    } while (0)
