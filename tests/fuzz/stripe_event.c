/*
 * Stripe's events and answers. The first byte chooses the status of HTTP, the rest is the body. Invariants: what is
 * taken is an id of its kind, fits its column and has no control character; a link is https; nothing is read of what is
 * no success; and what counts of a customer's subscriptions is one of them.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "stripe/derive.h"
#include "stripe/event.h"
#include "stripe/id.h"
#include "stripe/read.h"

static const int statuses[] = {200, 201, 302, 400, 401, 402, 404, 409, 429, 500, 503};

static void check_word(struct str s, size_t max_bytes)
{
    ASSERT(s.p == NULL || s.n <= max_bytes);
    ASSERT(str_is_visible(s));
}

static void check_id(struct str s, const char *prefix)
{
    ASSERT(s.p == NULL || stripe_id_is(s, prefix));
}

static void check_link(struct str s)
{
    check_word(s, 4096);
    ASSERT(s.p == NULL || str_starts(s, STR("https://")));
}

static void check_time(int64_t at_us)
{
    ASSERT(at_us >= 0 && at_us <= INT64_C(253402300799) * US_PER_SEC);
}

static void check_one_event(const struct stripe_event *e)
{
    ASSERT(stripe_id_is(e->id, STRIPE_ID_EVENT) && e->type.n > 0);
    check_word(e->type, 100);
    check_time(e->created_us);
    ASSERT(e->kind != NULL || (e->customer.p == NULL && e->link.p == NULL && uuid_is_none(&e->user_id)));
    check_id(e->customer, STRIPE_ID_CUSTOMER);
    check_id(e->subscription, STRIPE_ID_SUBSCRIPTION);
    check_id(e->charge, STRIPE_ID_CHARGE);
    check_link(e->link);
    check_word(e->status, 64);
    check_word(e->object_id, STRIPE_ID_MAX_BYTES);
}

static void check_event(struct arena *arena, struct str body)
{
    struct stripe_event e;
    const char *why = NULL;

    if (stripe_read_event(arena, body, &e, &why) != OK) {
        ASSERT(why != NULL);
        return;
    }
    ASSERT(why == NULL);
    check_one_event(&e);
}

static void check_one_subscription(const struct stripe_subscription *s)
{
    ASSERT(stripe_id_is(s->id, STRIPE_ID_SUBSCRIPTION) && stripe_id_is(s->customer, STRIPE_ID_CUSTOMER));
    check_word(s->status_text, 64);
    ASSERT(s->status == STRIPE_UNKNOWN || str_eqc(s->status_text, stripe_status_word(s->status)));
    check_time(s->created_us);
    check_time(s->period_end_us);
    check_time(s->next_bill_us);
    check_time(s->trial_end_us);
    check_time(s->ended_at_us);
    check_time(stripe_subscription_ends_us(s));
    ASSERT(s->next_bill_us <= s->period_end_us);
}

static void check_state(const struct stripe_subscription *v, size_t n)
{
    struct str price = STR("price_1");
    const struct stripe_rules rules = {.livemode = true, .customer = STR("cus_1"), .prices = {.v = &price, .n = 1}};
    struct stripe_state s;
    size_t found = 0;

    stripe_derive(&rules, v, n, &s);
    ASSERT(s.others_alive_n + s.foreign_n <= n);
    for (size_t i = 0; i < n; i++)
        found += str_eq(v[i].id, s.subscription) && v[i].livemode && v[i].status == s.status;
    ASSERT((s.subscription.p == NULL && s.access == STRIPE_ACCESS_NO) || found > 0);
}

static void check_subscriptions(const struct net_result *r, struct arena *arena)
{
    struct stripe_error error;
    struct stripe_subscription one;
    struct stripe_subscriptions page;

    if (stripe_read_subscription(r, arena, &one, &error) == OK) {
        ASSERT(r->status / 100 == 2);
        check_one_subscription(&one);
        check_state(&one, 1);
    }
    if (stripe_read_subscriptions(r, arena, &page, &error) == OK) {
        ASSERT(page.n <= 100 && (page.n > 0 || !page.has_more));
        for (size_t i = 0; i < page.n; i++)
            check_one_subscription(&page.v[i]);
        check_state(page.v, page.n);
    }
}

static void check_error(const struct net_result *r, struct arena *arena)
{
    struct stripe_error error;
    enum err e = stripe_read_answer(r, arena, &error);

    ASSERT((e == OK) == (r->status / 100 == 2));
    ASSERT(e != ERR_STRIPE_REFUSED || r->status / 100 == 4);
    check_word(error.type, 100);
    check_word(error.code, 100);
    check_word(error.param, 100);
}

static void check_others(const struct net_result *r, struct arena *arena)
{
    struct stripe_error error;
    struct stripe_customer customer;
    struct stripe_session session;
    struct stripe_sessions sessions;
    struct stripe_events events;
    struct str text;

    if (stripe_read_customer(r, arena, &customer, &error) == OK)
        check_id(customer.id, STRIPE_ID_CUSTOMER);
    if (stripe_read_session(r, arena, &session, &error) == OK) {
        check_id(session.id, STRIPE_ID_SESSION);
        check_link(session.url);
        ASSERT((session.url.p != NULL) == (session.status == STRIPE_SESSION_OPEN));
    }
    if (stripe_read_sessions(r, arena, &sessions, &error) == OK)
        for (size_t i = 0; i < sessions.n; i++)
            check_link(sessions.v[i].url);
    if (stripe_read_portal(r, arena, &text, &error) == OK)
        check_link(text);
    if (stripe_read_charge(r, arena, &text, &error) == OK)
        check_id(text, STRIPE_ID_CUSTOMER);
    if (stripe_read_events(r, arena, &events, &error) == OK) {
        ASSERT(events.n + events.unreadable_n <= 100 && (events.newest.p != NULL || !events.has_more));
        for (size_t i = 0; i < events.n; i++)
            check_one_event(&events.v[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena = {0};

    if (size == 0)
        return 0;
    arena_init(&arena, FUZZ_ARENA_BYTES);
    struct net_result r = {
        .err = OK, .status = statuses[data[0] % ARRAY_LEN(statuses)], .body = str_of(data + 1, size - 1)};
    check_event(&arena, r.body);
    check_error(&r, &arena);
    check_subscriptions(&r, &arena);
    check_others(&r, &arena);
    return 0;
}
