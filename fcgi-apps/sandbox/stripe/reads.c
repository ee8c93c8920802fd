/* /v1/subscriptions, /v1/events, /v1/charges: what can only be read. */
#include "sandbox/stripe/stripe.h"
#include "stripe/calls.h"

#define LIST_MAX_BYTES (2u << 20)

/* A subscription, or its charge: that of the path, if it has begun. */
static enum err stripe_reads_find(struct db *db, struct stripe_api *a, const char *prefix,
                                  struct stripe_sim_checkout *ret)
{
    struct uuid id;

    if (!stripe_sim_id_read(a->c->req.param[0], prefix, &id))
        return ERR_NOT_FOUND;
    enum err e = stripe_sim_checkout(db, a->c->arena, &id, ret);
    return e == OK && ret->status != STRIPE_SESSION_COMPLETE ? ERR_NOT_FOUND : e;
}

static enum err stripe_reads_subscription(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_checkout checkout;

    enum err e = stripe_reads_find(db, a, "sub_", &checkout);
    if (e == OK)
        stripe_put_subscription(&a->body, a->c->arena, &checkout);
    return e == ERR_NOT_FOUND ? stripe_refuse_missing(a, NULL) : e;
}

static enum err stripe_reads_charge(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_checkout checkout;

    enum err e = stripe_reads_find(db, a, "ch_", &checkout);
    if (e == OK)
        stripe_put_charge(&a->body, a->c->arena, &checkout, false);
    return e == ERR_NOT_FOUND ? stripe_refuse_missing(a, NULL) : e;
}

/* Without a status the list leaves out those that were canceled. */
static bool stripe_reads_wanted(struct str status, const struct stripe_sim_checkout *checkout)
{
    if (status.p == NULL)
        return checkout->life.status != STRIPE_CANCELED;
    return str_eqc(status, "all") || str_eqc(status, stripe_status_word(checkout->life.status));
}

static enum err stripe_reads_subscriptions(struct db *db, struct stripe_api *a)
{
    _cleanup_(buf_done) struct buf items = BUF_MAX(LIST_MAX_BYTES);
    struct str status = form_get(a->form, "status");
    struct uuid before = UUID_LAST;
    struct stripe_sim_customer customer;
    struct stripe_sim_checkout *v;
    size_t n, taken = 0;
    bool more = false;
    enum err e = OK;
    int64_t limit = stripe_limit(a, &e);

    if (limit == 0 || !stripe_customer_look(db, a, form_get(a->form, "customer"), "customer", &customer, &e))
        return e;
    if (form_count(a->form, "starting_after") > 0 &&
        !stripe_sim_id_read(form_get(a->form, "starting_after"), "sub_", &before))
        return stripe_refuse_missing(a, "starting_after");
    e = stripe_sim_checkouts(db, a->c->arena, &customer.id, &before, "complete", STRIPE_SIM_PAGE_MAX + 1, &v, &n);
    for (size_t i = 0; e == OK && i < n && !more; i++) {
        if (!stripe_reads_wanted(status, &v[i]))
            continue;
        more = taken == (size_t)limit;
        if (more)
            break;
        buf_puts(&items, taken++ > 0 ? "," : "");
        stripe_put_subscription(&items, a->c->arena, &v[i]);
    }
    if (e == OK)
        stripe_object_put_list(&a->body, "/v1/subscriptions", buf_str(&items), more);
    return e;
}

/* types[0]=a&types[1]=b, or type=a: "a,b". */
static struct str stripe_reads_types(struct stripe_api *a, size_t *ret_n)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(8192);

    *ret_n = 0;
    for (size_t i = 0; i < a->form->n; i++) {
        const struct form_pair *p = &a->form->v[i];
        if (!str_starts(p->name, STR("types[")) && !str_eqc(p->name, "type"))
            continue;
        buf_puts(&b, (*ret_n)++ > 0 ? "," : "");
        buf_putstr(&b, p->value);
    }
    return b.overflow ? (struct str){0} : arena_str(a->c->arena, buf_str(&b));
}

static bool stripe_reads_query(struct stripe_api *a, struct stripe_sim_events_query *ret, enum err *ret_err)
{
    struct str delivered = form_get(a->form, "delivery_success");
    size_t types_n;

    *ret = (struct stripe_sim_events_query){.types = stripe_reads_types(a, &types_n), .delivered = -1};
    ret->limit = stripe_limit(a, ret_err);
    if (ret->limit == 0)
        return false;
    if (types_n > STRIPE_EVENT_TYPES_MAX || ret->types.p == NULL || !str_is_visible(ret->types)) {
        *ret_err = stripe_refuse(a, 400, "parameter_invalid", "types", "These are not up to 20 types.");
        return false;
    }
    if (delivered.p != NULL)
        ret->delivered = str_eqc(delivered, "true");
    if (form_count(a->form, "starting_after") > 0 &&
        !stripe_sim_id_read(form_get(a->form, "starting_after"), "evt_", &ret->before)) {
        *ret_err = stripe_refuse_missing(a, "starting_after");
        return false;
    }
    if (form_count(a->form, "ending_before") > 0 &&
        !stripe_sim_id_read(form_get(a->form, "ending_before"), "evt_", &ret->after)) {
        *ret_err = stripe_refuse_missing(a, "ending_before");
        return false;
    }
    return true;
}

static enum err stripe_reads_events(struct db *db, struct stripe_api *a)
{
    _cleanup_(buf_done) struct buf items = BUF_MAX(LIST_MAX_BYTES);
    struct stripe_sim_events_query query;
    struct stripe_sim_event *v;
    size_t n, first = 0;
    enum err e;

    if (!stripe_reads_query(a, &query, &e))
        return e;
    size_t limit = (size_t)query.limit++; /* one more, to see whether there is one */
    e = stripe_sim_events(db, a->c->arena, &query, &v, &n);
    if (e != OK)
        return e;
    if (n > limit && !uuid_is_none(&query.after))
        first = n - limit; /* newest first, and the one too many is the newest */
    for (size_t i = 0; i < n && i < limit; i++) {
        buf_puts(&items, i > 0 ? "," : "");
        buf_putstr(&items, v[first + i].body);
    }
    stripe_object_put_list(&a->body, "/v1/events", buf_str(&items), n > limit);
    return OK;
}

static enum err stripe_reads_event(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_event event;
    struct uuid id;
    enum err e = ERR_NOT_FOUND;

    if (stripe_sim_id_read(a->c->req.param[0], "evt_", &id))
        e = stripe_sim_event(db, a->c->arena, &id, &event);
    if (e == OK)
        buf_putstr(&a->body, event.body);
    return e == ERR_NOT_FOUND ? stripe_refuse_missing(a, NULL) : e;
}

static enum err stripe_reads_route_subscriptions(struct ctx *c)
{
    static const struct stripe_operation op = {"subscriptions_list", stripe_reads_subscriptions};

    return stripe_run(c, &op);
}

static enum err stripe_reads_route_subscription(struct ctx *c)
{
    static const struct stripe_operation op = {"subscriptions_get", stripe_reads_subscription};

    return stripe_run(c, &op);
}

static enum err stripe_reads_route_events(struct ctx *c)
{
    static const struct stripe_operation op = {"events_list", stripe_reads_events};

    return stripe_run(c, &op);
}

static enum err stripe_reads_route_event(struct ctx *c)
{
    static const struct stripe_operation op = {"events_get", stripe_reads_event};

    return stripe_run(c, &op);
}

static enum err stripe_reads_route_charge(struct ctx *c)
{
    static const struct stripe_operation op = {"charges_get", stripe_reads_charge};

    return stripe_run(c, &op);
}

#define FOREIGN .auth = AUTH_FOREIGN, .rate = RATE_NONE

const struct route stripe_read_routes[] = {
    {.method = "GET",
     .pattern = "/v1/subscriptions",
     .handler = stripe_reads_route_subscriptions,
     FOREIGN,
     .summary = "Simulated Stripe: subscriptions of a customer"},
    {.method = "GET",
     .pattern = "/v1/subscriptions/{id}",
     .handler = stripe_reads_route_subscription,
     FOREIGN,
     .summary = "Simulated Stripe: a subscription"},
    {.method = "GET",
     .pattern = "/v1/events",
     .handler = stripe_reads_route_events,
     FOREIGN,
     .summary = "Simulated Stripe: events"},
    {.method = "GET",
     .pattern = "/v1/events/{id}",
     .handler = stripe_reads_route_event,
     FOREIGN,
     .summary = "Simulated Stripe: an event"},
    {.method = "GET",
     .pattern = "/v1/charges/{id}",
     .handler = stripe_reads_route_charge,
     FOREIGN,
     .summary = "Simulated Stripe: a charge"},
    ROUTE_END,
};
