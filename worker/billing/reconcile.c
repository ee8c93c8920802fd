/*
 * Once a day, and when a worker starts after more than that: Stripe is asked for the events of the last 30 days that our endpoint did
 * not take. They are stored as if they had come; those that are known already do nothing. The list may be long: a run reads a part of
 * it, well within its lease, and the next one goes on where it ended, as it does after one that broke off.
 */
#include "billing/calls.h"
#include "billing/kinds.h"
#include "model/billing/jobs.h"
#include "model/billing/provider_event.h"
#include "model/billing/provider_read.h"
#include "stripe/calls.h"
#include "stripe/id.h"

#define RECONCILE_EVERY_US US_PER_DAY
#define RECONCILE_RUN_US \
    (30 * US_PER_SEC)          /* of one run, which then comes again at once: one more call fits into its lease */
#define RECONCILE_PAGES_MAX 20 /* of a run: 200 events, and then others have their turn */

struct reconcile {
    int64_t until_us; /* clock_mono_us */
    size_t pages;
    size_t first; /* of stripe_event_kinds: a list takes so many types, and there are more */
    char older_than[STRIPE_ID_MAX_BYTES + 1]; /* "": the first page of these types */
    int64_t found, missed, unreadable;        /* missed: found, and Stripe has tried several times to bring them */
    struct arena_mark mark;                   /* a page is given back when it was read */
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

static enum job_step reconcile_ends(struct job_run *run, const struct reconcile *r, int64_t again_in_us)
{
    if (r->found > 0 || r->unreadable > 0)
        run->note = arena_printf(run->arena, "%lld events that had not come, %lld that cannot be read",
                                 (long long)r->found, (long long)r->unreadable)
                        .p;
    run->again_at_us = clock_now_us() + again_in_us;
    return calls_anew(run);
}

/* As soon as the run ends, and however it does: the next one finds these known. */
static void reconcile_tell(const struct job_run *run, const struct reconcile *r)
{
    if (r->missed > 0 || r->unreadable > 0)
        alarm_raise(run->worker->metrics->set, ALARM_EVENTS_MISSED, LOG_INT("events", r->missed),
                    LOG_INT("unreadable", r->unreadable), LOG_END);
}

/* Where this run goes on from. A type that is not ours any more, because another release has noted it, is no place. */
static enum err reconcile_find(struct job_run *run, struct reconcile *r)
{
    struct provider_read place;
    size_t first = 0;

    enum err e = provider_read_get(run->db, run->arena, PROVIDER_READ_EVENTS, clock_now_us(), &place);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    while (stripe_event_kinds[first].type != NULL && !str_eqc(place.types_from, stripe_event_kinds[first].type))
        first++;
    if (stripe_event_kinds[first].type == NULL)
        return OK;
    r->first = first;
    if (place.older_than.n > 0 && place.older_than.n < sizeof r->older_than)
        memcpy(r->older_than, place.older_than.p, place.older_than.n);
    return OK;
}

static enum err reconcile_note(struct job_run *run, const struct reconcile *r)
{
    const char *type = stripe_event_kinds[r->first].type;
    const struct provider_read place = {.types_from = str_from(type),
                                        .older_than = str_from(r->older_than[0] == '\0' ? NULL : r->older_than)};

    return type == NULL ? provider_read_end(run->db, PROVIDER_READ_EVENTS)
                        : provider_read_put(run->db, PROVIDER_READ_EVENTS, &place);
}

static enum job_step reconcile_ask(struct job_run *run, const struct reconcile *r)
{
    const char *types[STRIPE_EVENT_TYPES_MAX];
    struct stripe_events_query query = {.types = types, .types_n = reconcile_types(r, types)};

    if (job_run_is_stopping(run))
        return job_run_release(run);
    if (query.types_n == 0)
        return reconcile_ends(run, r, RECONCILE_EVERY_US);
    if (r->pages == RECONCILE_PAGES_MAX || clock_mono_us() >= r->until_us)
        return reconcile_ends(run, r, 0);
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
    int64_t missed_us = clock_now_us() - BILLING_MISSED_US;
    struct event_seen seen;
    enum err e = OK;

    for (size_t i = 0; e == OK && i < page->n; i++) {
        e = provider_event_add(run->db, run->arena, run->worker->conf, &page->v[i], PROVIDER_EVENT_BY_RECONCILIATION,
                               run->job.request_id, &seen);
        r->found += e == OK && seen.is_new;
        r->missed += e == OK && seen.is_new && page->v[i].kind != NULL && page->v[i].created_us < missed_us;
    }
    r->unreadable += (int64_t)page->unreadable_n;
    return e;
}

static enum job_step reconcile_on_page(struct job_run *run, struct reconcile *r)
{
    struct stripe_events page;
    struct stripe_error error;

    enum err e = stripe_read_events(run->result, run->arena, &page, &error);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&error) && r->older_than[0] != '\0') {
        e = provider_read_end(run->db, PROVIDER_READ_EVENTS); /* the event is too old by now */
        return e == OK ? calls_later(run, &error) : job_run_failed(run, e);
    }
    if (e != OK)
        return calls_later(run, &error);
    e = reconcile_keep(run, r, &page);
    if (e != OK)
        return job_run_failed(run, e);
    r->pages++;
    reconcile_next_page(r, &page);
    e = reconcile_note(run, r);
    if (e != OK)
        return job_run_failed(run, e);
    arena_back(run->arena, &r->mark);
    return reconcile_ask(run, r);
}

static enum job_step reconcile_begin(struct job_run *run)
{
    struct reconcile *r = run->data = arena_alloc(run->arena, sizeof *r);
    enum job_step step;

    if (!calls_may_begin(run, &step))
        return step;
    enum err e = reconcile_find(run, r);
    if (e != OK)
        return job_run_failed(run, e);
    r->until_us = clock_mono_us() + RECONCILE_RUN_US;
    r->mark = arena_mark(run->arena);
    return reconcile_ask(run, r);
}

static enum job_step reconcile_step(struct job_run *run)
{
    enum job_step step = run->result == NULL ? reconcile_begin(run) : reconcile_on_page(run, run->data);

    if (step != JOB_CALL)
        reconcile_tell(run, run->data);
    return step;
}

const struct job_kind reconcile_kind = {
    .name = BILLING_JOB_RECONCILE, .class = JOB_BILLING, .standing = true, .calls = true, .step = reconcile_step};
