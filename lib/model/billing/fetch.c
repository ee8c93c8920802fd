#include "model/billing/fetch.h"

struct strs fetch_prices(struct arena *arena, const struct conf *conf)
{
    const struct plans *plans = plans_of(conf);
    struct str *v = arena_array(arena, plans->n + 1, sizeof *v);
    size_t n = 0;

    for (size_t i = plans->n; i-- > 0;) {
        struct str price = plan_price(&plans->v[i], conf->stripe_livemode);
        if (price.n > 0)
            v[n++] = price;
    }
    return (struct strs){.v = v, .n = n};
}

static enum fetch_step fetch_ask_page(struct fetch *f, struct str after)
{
    f->asks_customer = false;
    stripe_subscriptions_list(f->stripe, f->arena, f->customer, after, &f->call);
    return FETCH_CALL;
}

static enum fetch_step fetch_ask_customer(struct fetch *f)
{
    f->asks_customer = true;
    stripe_customer_get(f->stripe, f->arena, f->customer, &f->call);
    return FETCH_CALL;
}

void fetch_begin(struct fetch *f, const struct stripe *stripe, struct arena *arena, struct str customer,
                 enum fetch_from from)
{
    *f = (struct fetch){.stripe = stripe,
                        .arena = arena,
                        .customer = customer,
                        .rules = {.livemode = stripe->conf->stripe_livemode,
                                  .customer = customer,
                                  .prices = fetch_prices(arena, stripe->conf)}};
    (void)(from == FETCH_CUSTOMER ? fetch_ask_customer(f) : fetch_ask_page(f, (struct str){0}));
}

/* Of an answer that Stripe gave, and that is no use: it must not look as if all were well. */
static enum fetch_step fetch_failed(struct fetch *f)
{
    if (f->next == STRIPE_DONE)
        f->next = STRIPE_LOOK;
    return FETCH_FAILED;
}

static enum fetch_step fetch_take_customer(struct fetch *f, const struct net_result *result)
{
    enum err e = stripe_read_customer(result, f->arena, &f->owner, &f->error);

    if (e != OK || !str_eq(f->owner.id, f->customer))
        return fetch_failed(f);
    if (f->owner.deleted)
        return FETCH_GONE;
    if (f->owner.livemode != f->rules.livemode) {
        f->next = STRIPE_REFUSED;
        return FETCH_FAILED;
    }
    return f->said_missing ? fetch_failed(f) : fetch_ask_page(f, (struct str){0});
}

static void fetch_keep(struct fetch *f, const struct stripe_subscriptions *page)
{
    struct stripe_subscription *v = arena_array(f->arena, f->n + page->n, sizeof *v);

    if (f->n > 0)
        memcpy(v, f->v, f->n * sizeof *v);
    if (page->n > 0)
        memcpy(v + f->n, page->v, page->n * sizeof *v);
    f->v = v;
    f->n += page->n;
    f->pages++;
}

static enum fetch_step fetch_take_page(struct fetch *f, const struct net_result *result)
{
    struct stripe_subscriptions page;

    enum err e = stripe_read_subscriptions(result, f->arena, &page, &f->error);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&f->error) && f->owner.id.p == NULL) {
        f->said_missing = true;
        return fetch_ask_customer(f);
    }
    if (e != OK)
        return fetch_failed(f);
    fetch_keep(f, &page);
    bool has_room = f->arena->used_bytes < f->arena->max_bytes / 2; /* a page may take some MB */
    if (page.has_more && page.n > 0 && f->pages < FETCH_PAGES_MAX && has_room)
        return fetch_ask_page(f, page.v[page.n - 1].id);
    stripe_derive(&f->rules, f->v, f->n, &f->state);
    return FETCH_DONE;
}

enum fetch_step fetch_take(struct fetch *f, const struct net_result *result)
{
    f->next = stripe_next(&f->call, result);
    return f->asks_customer ? fetch_take_customer(f, result) : fetch_take_page(f, result);
}

static bool fetch_has_our_price(const struct fetch *f, const struct stripe_subscription *s)
{
    for (size_t i = 0; i < f->rules.prices.n; i++)
        for (size_t k = 0; k < s->prices.n; k++)
            if (str_eq(f->rules.prices.v[i], s->prices.v[k]))
                return true;
    return false;
}

static const struct stripe_subscription *fetch_look(const struct fetch *f, struct str subscription)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].id, subscription) && str_eq(f->v[i].customer, f->customer) &&
            f->v[i].livemode == f->rules.livemode)
            return &f->v[i];
    return NULL;
}

const struct stripe_subscription *fetch_find(const struct fetch *f, struct str subscription)
{
    const struct stripe_subscription *s = fetch_look(f, subscription);

    return s != NULL && fetch_has_our_price(f, s) ? s : NULL;
}

bool fetch_is_foreign(const struct fetch *f, struct str subscription)
{
    const struct stripe_subscription *s = fetch_look(f, subscription);

    return s != NULL && !fetch_has_our_price(f, s);
}
