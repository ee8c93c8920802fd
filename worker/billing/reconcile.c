/*
 * Once a day, and when a worker starts after more than that: Stripe is asked for the events of the last 30 days that our endpoint did
 * not take. They are stored as if they had come; those that are known already do nothing. A run that breaks off begins anew.
 */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/provider_event.h"
#include "stripe/calls.h"
#include "stripe/id.h"

#define RECONCILE_EVERY_US US_PER_DAY

struct reconcile {
    size_t first; /* of stripe_event_kinds: a list takes so many types, and there are more */
    char older_than[STRIPE_ID_MAX_BYTES + 1]; /* "": the first page of these types */
    int64_t found, unreadable;
    struct arena_mark mark; /* a page is given back when it was read */
};

static size_t reconcile_types(const struct reconcile *r, const char **ret_types)
{
    size_t n = 0;

    while (n < STRIPE_EVENT_TYPES_MAX && stripe_event_kinds[r->first + n].type != NULL) {
        ret_types[n] = stripe_event_kinds[r->first + n].type;
        n++;
    }
    return n;
}

static enum job_step reconcile_done(struct job_run *run, const struct reconcile *r)
{
    if (r->found > 0 || r->unreadable > 0)
        run->note = arena_printf(run->arena, "%lld events that had not come, %lld that cannot be read",
                                 (long long)r->found, (long long)r->unreadable)
                        .p;
    run->again_at_us = clock_now_us() + RECONCILE_EVERY_US;
    return JOB_AGAIN;
}

static enum job_step reconcile_ask(struct job_run *run, const struct reconcile *r)
{
    const char *types[STRIPE_EVENT_TYPES_MAX];
    struct stripe_events_query query = {.types = types, .types_n = reconcile_types(r, types)};

    if (job_run_is_stopping(run))
        return job_run_release(run);
    if (query.types_n == 0)
        return reconcile_done(run, r);
    if (r->older_than[0] != '\0')
        query.older_than = str_from(r->older_than);
    stripe_events_list(&run->worker->stripe, run->arena, &query, &run->call);
    return JOB_CALL;
}

static void reconcile_next_page(struct reconcile *r, const struct stripe_events *page)
{
    const char *types[STRIPE_EVENT_TYPES_MAX];
    bool more = page->has_more && page->oldest.n > 0 && page->oldest.n < sizeof r->older_than;

    if (!more)
        r->first += reconcile_types(r, types);
    memset(r->older_than, 0, sizeof r->older_than);
    if (more)
        memcpy(r->older_than, page->oldest.p, page->oldest.n);
}

static enum err reconcile_keep(struct job_run *run, struct reconcile *r, const struct stripe_events *page)
{
    struct event_seen seen;
    enum err e = OK;

    for (size_t i = 0; e == OK && i < page->n; i++) {
        e = provider_event_add(run->db, run->arena, run->worker->conf, &page->v[i], PROVIDER_EVENT_BY_RECONCILIATION,
                               run->job.request_id, &seen);
        r->found += e == OK && seen.is_new;
    }
    r->unreadable += (int64_t)page->unreadable_n;
    return e;
}

static enum job_step reconcile_on_page(struct job_run *run, struct reconcile *r)
{
    struct stripe_events page;
    struct stripe_error error;

    enum err e = stripe_read_events(run->result, run->arena, &page, &error);
    if (e != OK)
        return calls_later(run, &error);
    e = reconcile_keep(run, r, &page);
    if (e != OK)
        return job_run_failed(run, e);
    reconcile_next_page(r, &page);
    arena_back(run->arena, &r->mark);
    return reconcile_ask(run, r);
}

static enum job_step reconcile_step(struct job_run *run)
{
    struct reconcile *r = run->data;
    enum job_step step;

    if (run->result != NULL)
        return reconcile_on_page(run, r);
    r = run->data = arena_alloc(run->arena, sizeof *r);
    r->mark = arena_mark(run->arena);
    return calls_may_begin(run, &step) ? reconcile_ask(run, r) : step;
}

const struct job_kind reconcile_kind = {
    .name = "reconcile", .class = JOB_BILLING, .standing = true, .calls = true, .step = reconcile_step};
