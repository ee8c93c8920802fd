#include "metrics/metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

enum type { COUNTER, GAUGE, HISTOGRAM };
enum unit { ONE, US };

/* Who shows a row. */
enum { APP = METRICS_APP, WORKER = METRICS_WORKER, IMAGE = METRICS_IMAGE, EVERY = APP | WORKER | IMAGE };

struct metrics_row {
    enum type type;
    enum unit unit;
    unsigned who;
    enum metric_label labels[2];
    const char *name, *help;
};

static const struct metrics_row metrics_rows[METRIC__MAX];
static const char *const metrics_label_names[LABEL__MAX];

/* Upper ends of a histogram's buckets. From one indexed read to a person's patience. */
static const struct {
    int64_t us;
    const char *text;
} metrics_buckets[] = {
    {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"}, {25000, "0.025"},
    {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},
    {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

#define CELLS_OF_HISTOGRAM \
    (ARRAY_LEN(metrics_buckets) + 2) /* what is in each bucket alone, what is beyond them, the sum */
#define BEYOND ARRAY_LEN(metrics_buckets)
#define SUM (ARRAY_LEN(metrics_buckets) + 1)

struct metrics {
    const char *const *values[LABEL__MAX];
    size_t values_n[LABEL__MAX];
    size_t series_n[METRIC__MAX]; /* 0: not shown */
    atomic_llong *cells[METRIC__MAX];
    atomic_llong *all;
    size_t all_n;
    bool shared;
};

static size_t metrics_cells_of(enum metric which)
{
    return metrics_rows[which].type == HISTOGRAM ? CELLS_OF_HISTOGRAM : 1;
}

static size_t metrics_count(const char *const *values)
{
    size_t n = 0;

    while (values != NULL && values[n] != NULL)
        n++;
    return n;
}

static size_t metrics_series_of(const struct metrics *m, const struct metrics_row *r, unsigned who)
{
    size_t n = 1;

    if ((r->who & who) == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(r->labels); i++)
        if (r->labels[i] != LABEL_NONE)
            n *= m->values_n[r->labels[i]];
    return n;
}

struct metrics *metrics_new(const struct metrics_options *options)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    size_t cells = 0, series = 0;

    for (size_t i = 0; i < LABEL__MAX; i++)
        m->values[i] = i == LABEL_ALARM ? alarm_names : options->values[i];
    for (size_t i = 0; i < LABEL__MAX; i++)
        m->values_n[i] = metrics_count(m->values[i]);
    for (enum metric i = 0; i < METRIC__MAX; i++) {
        m->series_n[i] = metrics_series_of(m, &metrics_rows[i], options->who);
        series += m->series_n[i];
        cells += m->series_n[i] * metrics_cells_of(i);
    }
    ASSERT(series <= METRIC_SERIES_MAX);
    m->all_n = cells;
    m->shared = options->shared;
    m->all = m->shared ? xshared(cells, sizeof *m->all) : xcalloc(cells, sizeof *m->all);
    cells = 0;
    for (enum metric i = 0; i < METRIC__MAX; i++) {
        m->cells[i] = m->all + cells;
        cells += m->series_n[i] * metrics_cells_of(i);
    }
    metric_set(m, METRIC_STARTED, 0, clock_now_us());
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    if (m->shared)
        xshared_free(m->all, m->all_n, sizeof *m->all);
    else
        free(m->all);
    free(m);
}

/* NULL: this program does not show it. */
static atomic_llong *metrics_cell(struct metrics *m, enum metric which, size_t series)
{
    ASSERT((unsigned)which < METRIC__MAX);
    if (m->series_n[which] == 0)
        return NULL;
    ASSERT(series < m->series_n[which]);
    return m->cells[which] + series * metrics_cells_of(which);
}

static void metrics_add(atomic_llong *c, int64_t n)
{
    (void)atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

void metric_add(struct metrics *m, enum metric which, size_t series, int64_t n)
{
    atomic_llong *c = metrics_cell(m, which, series);

    ASSERT(metrics_rows[which].type != HISTOGRAM);
    if (c != NULL)
        metrics_add(c, n);
}

void metric_set(struct metrics *m, enum metric which, size_t series, int64_t value)
{
    atomic_llong *c = metrics_cell(m, which, series);

    ASSERT(metrics_rows[which].type != HISTOGRAM);
    if (c != NULL)
        atomic_store_explicit(c, value, memory_order_relaxed);
}

void metric_observe(struct metrics *m, enum metric which, size_t series, int64_t value)
{
    atomic_llong *c = metrics_cell(m, which, series);
    size_t i = 0;

    ASSERT(metrics_rows[which].type == HISTOGRAM);
    if (c == NULL)
        return;
    while (i < BEYOND && value > metrics_buckets[i].us)
        i++;
    metrics_add(&c[i], 1);
    metrics_add(&c[SUM], value);
}

/* The text */

static void metrics_put_value(struct buf *b, int64_t value, enum unit unit)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

    if (unit == ONE)
        buf_printf(b, "%lld\n", (long long)value);
    else
        buf_printf(b, "%s%llu.%06llu\n", value < 0 ? "-" : "", (unsigned long long)(size / US_PER_SEC),
                   (unsigned long long)(size % US_PER_SEC));
}

/* name{label="value",...}  with le (a bucket's end) as the last label, if there is one. */
static void metrics_put_series(struct buf *b, const struct metrics *m, const struct metrics_row *r, size_t series,
                               const char *suffix, const char *le)
{
    size_t second_n = r->labels[1] == LABEL_NONE ? 1 : m->values_n[r->labels[1]];
    const size_t index[] = {series / second_n, series % second_n};
    char before = '{';

    buf_printf(b, "%s%s", r->name, suffix);
    for (size_t i = 0; i < ARRAY_LEN(r->labels); i++) {
        enum metric_label l = r->labels[i];
        if (l == LABEL_NONE)
            continue;
        buf_printf(b, "%c%s=\"%s\"", before, metrics_label_names[l], m->values[l][index[i]]);
        before = ',';
    }
    if (le != NULL) {
        buf_printf(b, "%cle=\"%s\"", before, le);
        before = ',';
    }
    buf_puts(b, before == '{' ? " " : "} ");
}

/* Buckets hold what is below their end, all together; the count is theirs, so that one text never contradicts itself.
 */
static void metrics_put_histogram(struct buf *b, const struct metrics *m, const struct metrics_row *r, size_t series,
                                  const atomic_llong *c)
{
    int64_t sum = atomic_load_explicit(&c[SUM], memory_order_relaxed), n = 0;

    for (size_t i = 0; i <= BEYOND; i++) {
        n += atomic_load_explicit(&c[i], memory_order_relaxed);
        metrics_put_series(b, m, r, series, "_bucket", i == BEYOND ? "+Inf" : metrics_buckets[i].text);
        metrics_put_value(b, n, ONE);
    }
    metrics_put_series(b, m, r, series, "_sum", NULL);
    metrics_put_value(b, sum, r->unit);
    metrics_put_series(b, m, r, series, "_count", NULL);
    metrics_put_value(b, n, ONE);
}

void metrics_text(const struct metrics *m, struct buf *b)
{
    static const char *const type_names[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

    for (enum metric i = 0; i < METRIC__MAX; i++) {
        const struct metrics_row *r = &metrics_rows[i];
        if (m->series_n[i] == 0)
            continue;
        buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", r->name, r->help, r->name, type_names[r->type]);
        for (size_t s = 0; s < m->series_n[i]; s++) {
            const atomic_llong *c = m->cells[i] + s * metrics_cells_of(i);
            if (r->type == HISTOGRAM) {
                metrics_put_histogram(b, m, r, s, c);
                continue;
            }
            metrics_put_series(b, m, r, s, "", NULL);
            metrics_put_value(b, atomic_load_explicit(c, memory_order_relaxed), r->unit);
        }
    }
}

const char *const alarm_names[] = {
#define ALARM(name, text, meaning) [ALARM_##name] = (text),
#include "metrics/alarm.def"
#undef ALARM
    NULL,
};

static const char *const metrics_label_names[LABEL__MAX] = {
    [LABEL_NONE] = NULL,         [LABEL_ALARM] = "alarm", [LABEL_ROUTE] = "route",     [LABEL_STATUS] = "status",
    [LABEL_ERROR] = "error",     [LABEL_KIND] = "kind",   [LABEL_OUTCOME] = "outcome", [LABEL_CLASS] = "class",
    [LABEL_STATE] = "state",     [LABEL_STORE] = "store", [LABEL_CAUSE] = "cause",     [LABEL_END] = "end",
    [LABEL_WEBHOOK] = "outcome",
};

static const struct metrics_row metrics_rows[METRIC__MAX] = {
#define METRIC(name_, type_, text, who_, label, label2, unit_, help_) \
    [METRIC_##name_] = {.type = (type_), \
                        .unit = (unit_), \
                        .who = (who_), \
                        .labels = {LABEL_##label, LABEL_##label2}, \
                        .name = (text), \
                        .help = (help_)},
#include "metrics/metrics.def"
#undef METRIC
};
