/* From rows to objects and events. */
#include "base/clock.h"
#include "sandbox/stripe/stripe.h"

struct str stripe_page_url(struct arena *arena, const struct conf *conf, const char *page, struct str id)
{
    return arena_printf(arena, "%.*s/stripe/%s/%.*s", STR_FMT(conf->sandbox_url), page, STR_FMT(id));
}

void stripe_put_customer(struct buf *b, struct arena *arena, const struct stripe_sim_customer *customer)
{
    struct stripe_object_customer o = {.id = stripe_sim_id(arena, "cus_", &customer->id),
                                       .email = customer->email,
                                       .user_id = customer->user_id,
                                       .created_us = customer->created_at_us};

    if (customer->deleted_at_us != 0)
        stripe_object_put_deleted_customer(b, o.id);
    else
        stripe_object_put_customer(b, &o);
}

void stripe_put_session(struct buf *b, struct arena *arena, const struct conf *conf,
                        const struct stripe_sim_checkout *checkout)
{
    bool complete = checkout->status == STRIPE_SESSION_COMPLETE;
    struct stripe_object_session o = {.id = stripe_sim_id(arena, "cs_test_", &checkout->id),
                                      .customer = stripe_sim_id(arena, "cus_", &checkout->customer_id),
                                      .user_id = checkout->user_id,
                                      .status = checkout->status,
                                      .created_us = checkout->created_at_us,
                                      .expires_at_us = checkout->expires_at_us};

    if (complete)
        o.subscription = stripe_sim_id(arena, "sub_", &checkout->id);
    o.is_unpaid = complete && (checkout->life.status == STRIPE_INCOMPLETE);
    if (checkout->status == STRIPE_SESSION_OPEN)
        o.url = stripe_page_url(arena, conf, "pay", o.id);
    stripe_object_put_session(b, &o);
}

void stripe_put_subscription(struct buf *b, struct arena *arena, const struct stripe_sim_checkout *checkout)
{
    struct stripe_object_subscription o = {.id = stripe_sim_id(arena, "sub_", &checkout->id),
                                           .item_id = stripe_sim_id(arena, "si_", &checkout->id),
                                           .customer = stripe_sim_id(arena, "cus_", &checkout->customer_id),
                                           .price = checkout->price,
                                           .user_id = checkout->user_id,
                                           .life = &checkout->life};

    stripe_object_put_subscription(b, &o);
}

void stripe_put_charge(struct buf *b, struct arena *arena, const struct stripe_sim_checkout *checkout, bool refunded)
{
    struct stripe_object_charge o = {.id = stripe_sim_id(arena, "ch_", &checkout->id),
                                     .customer = stripe_sim_id(arena, "cus_", &checkout->customer_id),
                                     .amount_cents = STRIPE_AMOUNT_CENTS,
                                     .created_us = checkout->life.created_us,
                                     .is_refunded = refunded};

    stripe_object_put_charge(b, &o);
}

/* The bill of its period. Its page is that of the subscription. */
static void stripe_tell_invoice(struct buf *b, struct arena *arena, const struct conf *conf,
                                const struct stripe_sim_checkout *checkout, const char *type)
{
    struct str id = stripe_sim_id(arena, "in_", &checkout->id);
    struct stripe_object_invoice o = {
        .id = arena_printf(arena, "%.*s_%lld", STR_FMT(id), (long long)(checkout->life.period_start_us / US_PER_SEC)),
        .customer = stripe_sim_id(arena, "cus_", &checkout->customer_id),
        .subscription = stripe_sim_id(arena, "sub_", &checkout->id),
        .status = strcmp(type, "invoice.paid") == 0 ? STR("paid") : STR("open"),
        .link = stripe_page_url(arena, conf, "invoice", id),
        .user_id = checkout->user_id,
        .created_us = checkout->life.period_start_us,
        .amount_cents = STRIPE_AMOUNT_CENTS,
        .tries = checkout->life.tries};

    stripe_object_put_invoice(b, &o);
}

/* A dispute, or a warning of one: it names the charge and no customer. */
static void stripe_tell_of_charge(struct buf *b, struct arena *arena, const struct stripe_sim_checkout *checkout,
                                  const char *object, const char *prefix, const char *status)
{
    struct stripe_object_of_charge o = {.object = object,
                                        .id = stripe_sim_id(arena, prefix, &checkout->id),
                                        .charge = stripe_sim_id(arena, "ch_", &checkout->id),
                                        .status = str_from(status),
                                        .created_us = checkout->life.now_us};

    stripe_object_put_of_charge(b, &o);
}

/* data.object of an event, as stripe_event_kinds has it. */
static void stripe_tell_object(struct buf *b, const struct stripe_teller *t, const struct stripe_sim_checkout *checkout,
                               const char *type)
{
    struct str name = str_from(type);

    if (str_starts(name, STR("customer.subscription.")))
        stripe_put_subscription(b, t->arena, checkout);
    else if (str_starts(name, STR("invoice.")))
        stripe_tell_invoice(b, t->arena, t->conf, checkout, type);
    else if (str_starts(name, STR("checkout.session.")))
        stripe_put_session(b, t->arena, t->conf, checkout);
    else if (str_starts(name, STR("charge.dispute.")))
        stripe_tell_of_charge(b, t->arena, checkout, "dispute", "du_",
                              str_ends(name, STR("closed")) ? "lost" : "needs_response");
    else if (str_starts(name, STR("charge.")))
        stripe_put_charge(b, t->arena, checkout, true);
    else if (str_starts(name, STR("radar.")))
        stripe_tell_of_charge(b, t->arena, checkout, "radar.early_fraud_warning", "issfr_", NULL);
    else { /* customer.deleted: as it was */
        struct stripe_sim_customer was = *t->customer;
        was.deleted_at_us = 0;
        stripe_put_customer(b, t->arena, &was);
    }
}

enum err stripe_tell(const struct stripe_teller *t, const struct stripe_sim_checkout *checkout, const char *type,
                     int64_t at_us)
{
    _cleanup_(buf_done) struct buf object = BUF_MAX(STRIPE_OBJECT_MAX_BYTES),
                                   body = BUF_MAX(2 * STRIPE_OBJECT_MAX_BYTES);
    struct stripe_sim_event event = {.id = uuid_new(), .customer_id = t->customer->id, .type = str_from(type)};
    struct stripe_object_event o = {
        .id = stripe_sim_id(t->arena, "evt_", &event.id), .type = type, .created_us = at_us};

    stripe_tell_object(&object, t, checkout, type);
    stripe_object_put_event(&body, &o, buf_str(&object));
    ASSERT(!object.overflow && !body.overflow);
    event.body = buf_str(&body);
    return stripe_sim_event_add(t->db, &event, t->customer->is_held);
}

enum err stripe_tell_all(const struct stripe_teller *t, const struct stripe_sim_checkout *checkout,
                         struct stripe_life_events *events)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < events->n; i++)
        e = stripe_tell(t, checkout, events->v[i], events->at_us[i]);
    events->n = 0;
    return e;
}

enum err stripe_advance(const struct stripe_teller *t, struct stripe_sim_checkout *checkout)
{
    struct stripe_life_events events = {.n = 0};
    const struct stripe_life_plan plan = stripe_sim_plan(checkout);
    int64_t now = stripe_sim_now_us(t->customer);
    bool more = checkout->status == STRIPE_SESSION_COMPLETE;
    enum err e = OK;

    if (checkout->status == STRIPE_SESSION_OPEN && checkout->expires_at_us <= clock_now_us()) {
        checkout->status = STRIPE_SESSION_EXPIRED;
        e = stripe_tell(t, checkout, "checkout.session.expired", now);
    }
    while (e == OK && more) {
        more = stripe_life_advance(&checkout->life, &plan, now, &events);
        e = stripe_tell_all(t, checkout, &events);
    }
    return e == OK ? stripe_sim_checkout_save(t->db, checkout, t->customer) : e;
}

enum err stripe_advance_all(const struct stripe_teller *t)
{
    struct stripe_sim_checkout *v;
    size_t n;

    enum err e = stripe_sim_checkouts(t->db, t->arena, &t->customer->id, &UUID_LAST, NULL, STRIPE_SIM_PAGE_MAX, &v, &n);
    for (size_t i = n; e == OK && i > 0; i--) /* the oldest first */
        e = stripe_advance(t, &v[i - 1]);
    return e;
}
