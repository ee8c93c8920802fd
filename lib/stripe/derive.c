#include "stripe/derive.h"

/* The place of its best price in our list; prices.n: it has none of ours. */
static size_t stripe_derive_place(const struct stripe_rules *rules, const struct stripe_subscription *s)
{
    for (size_t place = 0; place < rules->prices.n; place++)
        for (size_t i = 0; i < s->prices.n; i++)
            if (str_eq(rules->prices.v[place], s->prices.v[i]))
                return place;
    return rules->prices.n;
}

static bool stripe_derive_is_theirs(const struct stripe_rules *rules, const struct stripe_subscription *s)
{
    return s->livemode == rules->livemode && str_eq(s->customer, rules->customer);
}

static bool stripe_derive_is_ours(const struct stripe_rules *rules, const struct stripe_subscription *s)
{
    return stripe_derive_is_theirs(rules, s) && stripe_derive_place(rules, s) < rules->prices.n;
}

static int stripe_derive_order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int stripe_derive_order_text(struct str a, struct str b)
{
    int order = a.n == 0 || b.n == 0 ? 0 : memcmp(a.p, b.p, MIN(a.n, b.n));

    return order != 0 ? order : stripe_derive_order((int64_t)a.n, (int64_t)b.n);
}

/* Above 0: a counts before b. */
static int stripe_derive_compare(const struct stripe_rules *rules, const struct stripe_subscription *a,
                                 const struct stripe_subscription *b)
{
    const int orders[] = {
        stripe_derive_order(stripe_status_access(a->status), stripe_status_access(b->status)),
        stripe_derive_order(stripe_status_is_over(b->status), stripe_status_is_over(a->status)),
        stripe_derive_order((int64_t)stripe_derive_place(rules, b), (int64_t)stripe_derive_place(rules, a)),
        stripe_derive_order(a->period_end_us, b->period_end_us),
        stripe_derive_order(a->created_us, b->created_us),
        stripe_derive_order_text(a->id, b->id),
        /* the same one, read twice */
        stripe_derive_order(a->status, b->status),
        stripe_derive_order_text(a->status_text, b->status_text),
        stripe_derive_order(stripe_subscription_ends_us(a), stripe_subscription_ends_us(b)),
        stripe_derive_order(stripe_subscription_will_end(a), stripe_subscription_will_end(b)),
        stripe_derive_order(a->period_start_us, b->period_start_us),
        stripe_derive_order(a->next_bill_us, b->next_bill_us),
        stripe_derive_order(a->trial_end_us, b->trial_end_us),
        stripe_derive_order(a->collection_paused, b->collection_paused),
    };

    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        if (orders[i] != 0)
            return orders[i];
    return 0;
}

/* Is there another reading of v[i], which is theirs, that stands for it? */
static bool stripe_derive_is_repeat(const struct stripe_rules *rules, const struct stripe_subscription *v, size_t n,
                                    size_t i)
{
    for (size_t j = 0; j < n; j++) {
        if (j == i || !str_eq(v[j].id, v[i].id) || !stripe_derive_is_theirs(rules, &v[j]))
            continue;
        int order = stripe_derive_compare(rules, &v[j], &v[i]);
        if (order > 0 || (order == 0 && j < i))
            return true;
    }
    return false;
}

static void stripe_derive_count(const struct stripe_rules *rules, const struct stripe_subscription *v, size_t n,
                                struct stripe_state *state)
{
    for (size_t i = 0; i < n; i++) {
        bool ours = stripe_derive_is_ours(rules, &v[i]);
        if (!stripe_derive_is_theirs(rules, &v[i]) || stripe_derive_is_repeat(rules, v, n, i))
            continue;
        state->foreign_n += !ours && !stripe_status_is_over(v[i].status);
        state->unknown_n += ours && v[i].status == STRIPE_UNKNOWN;
        state->others_alive_n += ours && !stripe_status_is_over(v[i].status) && !str_eq(v[i].id, state->subscription);
    }
}

void stripe_derive(const struct stripe_rules *rules, const struct stripe_subscription *v, size_t n,
                   struct stripe_state *ret)
{
    const struct stripe_subscription *best = NULL;

    *ret = (struct stripe_state){.access = STRIPE_ACCESS_NO};
    for (size_t i = 0; i < n; i++)
        if (stripe_derive_is_ours(rules, &v[i]) && (best == NULL || stripe_derive_compare(rules, &v[i], best) > 0))
            best = &v[i];
    if (best != NULL)
        *ret = (struct stripe_state){
            .subscription = best->id,
            .price = rules->prices.v[stripe_derive_place(rules, best)],
            .status = best->status,
            .status_text = best->status_text,
            .access = stripe_status_access(best->status),
            .period_start_us = best->period_start_us,
            .period_end_us = best->period_end_us,
            .next_bill_us = best->next_bill_us,
            .will_end = stripe_subscription_will_end(best),
            .ends_us = stripe_subscription_ends_us(best),
            .trial_end_us = best->trial_end_us,
            .collection_paused = best->collection_paused,
        };
    stripe_derive_count(rules, v, n, ret);
}
