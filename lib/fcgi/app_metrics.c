/*
 * What a FastCGI program counts, and the socket that shows it (lib/metrics). A request costs three atomic additions and
 * one look at the gate of the database.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/counts.h"
#include "metrics/expose.h"
#include "fcgi/serve.h"
#include "fcgi/streams.h"

/*
 * Two more beside the routes: none fits; nginx asks before it reads a body (the request itself is counted by its
 * route).
 */
enum { ROUTE_OF_NONE, ROUTE_OF_ASKING, ROUTES_BEFORE };

enum { CLASS_2XX, CLASS_3XX, CLASS_4XX, CLASS_5XX, CLASS__MAX };

static const char *const app_metrics_class_names[CLASS__MAX + 1];

struct app_metrics {
    struct shared *shared;
    struct metrics *metrics;
    struct expose *expose;
    const char **route_names; /* NULL-ended */
    struct arena arena;
    atomic_bool away;
    _Atomic(const char *) unfit;
    bool rates_are_own, rates_are_told_wrong;
};

static void app_metrics_name_routes(struct app_metrics *m)
{
    const struct route *const *tables = m->shared->app->routes;
    size_t n = ROUTES_BEFORE;

    for (const struct route *const *t = tables; *t != NULL; t++)
        for (const struct route *r = *t; r->method != NULL; r++)
            n++;
    m->route_names = arena_array(&m->arena, n + 1, sizeof *m->route_names);
    m->route_names[ROUTE_OF_NONE] = "none";
    m->route_names[ROUTE_OF_ASKING] = "authorize";
    n = ROUTES_BEFORE;
    for (const struct route *const *t = tables; *t != NULL; t++)
        for (const struct route *r = *t; r->method != NULL; r++)
            m->route_names[n++] = arena_printf(&m->arena, "%s %s", r->method, r->pattern).p;
}

/* A route's number is its place in the program's tables, which are few and short. */
static size_t app_metrics_route_index(const struct app_metrics *m, const struct route *route)
{
    size_t n = ROUTES_BEFORE;

    for (const struct route *const *t = m->shared->app->routes; *t != NULL; t++)
        for (const struct route *r = *t; r->method != NULL; r++, n++)
            if (r == route)
                return n;
    return ROUTE_OF_NONE;
}

/* Sets what is counted elsewhere, before it is shown. */
static void app_metrics_refresh(void *arg)
{
    struct app_metrics *m = arg;

    metric_set(m->metrics, METRIC_THREADS, 0, m->shared->conf->service_threads);
    metric_set(m->metrics, METRIC_THREADS_BUSY, 0, turns_busy(m->shared->turns));
    metric_set(m->metrics, METRIC_THREADS_HEAVY, 0, turns_running(m->shared->turns, COST_HEAVY));
    metric_set(m->metrics, METRIC_THREADS_OUTSIDE, 0, turns_running(m->shared->turns, COST_OUTSIDE));
    metric_set(m->metrics, METRIC_LINE, 0, turns_waiting(m->shared->turns));
    metric_set(m->metrics, METRIC_THREADS_STREAMING, 0, streams_count(m->shared->streams));
    db_counts_show(&m->shared->db_counts, m->metrics);
}

struct app_metrics *app_metrics_start(struct shared *shared)
{
    struct app_metrics *m = xcalloc(1, sizeof *m);

    m->shared = shared;
    arena_init(&m->arena, 1u << 20);
    app_metrics_name_routes(m);
    m->metrics = metrics_new(&(struct metrics_options){.who = METRICS_APP,
                                                       .values = {[LABEL_ROUTE] = m->route_names,
                                                                  [LABEL_STATUS] = app_metrics_class_names,
                                                                  [LABEL_ERROR] = db_count_errors,
                                                                  [LABEL_WEBHOOK] = shared->app->webhook_names}});
    m->expose = expose_of_program(m->metrics, shared->conf->metrics_dir, shared->app->name, app_metrics_refresh, m);
    return m;
}

void app_metrics_stop(struct app_metrics *m)
{
    expose_stop(m->expose);
    metrics_free(m->metrics);
    arena_done(&m->arena);
    free(m);
}

struct metrics *app_metrics_of(const struct ctx *c)
{
    return c->shared->metrics->metrics;
}

void app_metrics_connections(struct app_metrics *m, int n)
{
    metric_add(m->metrics, METRIC_CONNECTIONS, 0, n);
}

/* Says once that the database is away, once why nobody may work on it, and once that it is back, on whichever thread sees
 * it first. */
static void app_metrics_note_database(struct app_metrics *m)
{
    struct db_gate *gate = &m->shared->db_gate;
    bool away = atomic_load_explicit(&gate->failing, memory_order_relaxed);
    const char *unfit = atomic_load_explicit(&gate->unfit, memory_order_relaxed);

    if (atomic_load_explicit(&m->away, memory_order_relaxed) == away &&
        atomic_load_explicit(&m->unfit, memory_order_relaxed) == unfit)
        return;
    bool was_away = atomic_exchange(&m->away, away), told = atomic_exchange(&m->unfit, unfit) == unfit;
    if (away && (!was_away || (!told && unfit != NULL)))
        alarm_raise(m->metrics, ALARM_DATABASE_AWAY, LOG_CSTR("database", unfit), LOG_END);
    if (!away && was_away)
        log_event(LOG_WARNING, "database_back", LOG_END);
}

void app_metrics_request(struct app_metrics *m, const struct route *route, bool asked, int status, int64_t duration_us)
{
    size_t r = asked ? ROUTE_OF_ASKING : app_metrics_route_index(m, route), class = (size_t)(status / 100 - 2);

    ASSERT(class < CLASS__MAX);
    metric_add(m->metrics, METRIC_REQUESTS, r * CLASS__MAX + class, 1);
    metric_observe(m->metrics, METRIC_REQUEST_TIME, r, duration_us);
    app_metrics_note_database(m);
}

void app_metrics_rates(struct app_metrics *m, bool are_shared)
{
    if (are_shared != m->rates_are_own)
        return;
    m->rates_are_own = !are_shared;
    if (are_shared)
        log_event(LOG_WARNING, "rates_shared", LOG_END);
    else
        alarm_raise(m->metrics, ALARM_RATES_NOT_SHARED, LOG_STR("path", m->shared->conf->rates_file), LOG_END);
}

void app_metrics_rates_told(struct app_metrics *m, bool are_told)
{
    if (are_told != m->rates_are_told_wrong)
        return;
    m->rates_are_told_wrong = !are_told;
    if (are_told)
        log_event(LOG_WARNING, "rates_told_right", LOG_END);
    else
        alarm_raise(m->metrics, ALARM_RATES_TOLD_WRONG, LOG_END);
}

static const char *const app_metrics_class_names[] = {
    [CLASS_2XX] = "2xx", [CLASS_3XX] = "3xx", [CLASS_4XX] = "4xx", [CLASS_5XX] = "5xx", [CLASS__MAX] = NULL,
};
