/* GET /api/v1/billing: the user's plan, until when, and what of it is used. It needs no Stripe. */
#include "billing_app.h"

#include "base/clock.h"
#include "fcgi/input.h"
#include "model/billing/billing.h"
#include "model/billing/checkout.h"
#include "model/billing/counter.h"

struct billing_limit_shape {
    struct str name;
    int64_t max, used, resets_at_us;
    bool has_max;
};

struct billing_plan_shape {
    struct str name;
    bool is_free, is_current, is_sold;
    int64_t limits[PLAN_LIMIT__MAX], rate_factor;
    bool has[PLAN_LIMIT__MAX];
};

struct billing_shape {
    struct str plan, status;
    int source;
    int64_t until_us, period_end_us, cancel_at_us, trial_end_us, rate_factor;
    bool will_cancel;
    struct str terms_version, terms_accepted_how;
    int64_t terms_accepted_at_us;
    struct json_array limits, plans;
};

static const struct json_field billing_fields[];

static struct json_array billing_limits(struct arena *arena, const struct billing *b)
{
    struct billing_limit_shape *v = arena_array(arena, PLAN_LIMIT__MAX, sizeof *v);
    const struct plan *plan = b->now.plan;

    for (enum plan_limit i = 0; i < PLAN_LIMIT__MAX; i++)
        v[i] = (struct billing_limit_shape){
            .name = str_from(plan_limit_names[i]),
            .has_max = plan->limits[i] != PLAN_NO_LIMIT,
            .max = plan->limits[i],
            .used = b->used[i],
            .resets_at_us = i == PLAN_POSTS_PER_MONTH ? plan_month_end_us(clock_now_us()) : 0,
        };
    return (struct json_array){.v = v, .n = PLAN_LIMIT__MAX};
}

static struct json_array billing_plans(const struct ctx *c, const struct plan *current)
{
    const struct plans *plans = plans_of(c->conf);
    struct billing_plan_shape *v = arena_array(c->arena, plans->n, sizeof *v);

    for (size_t i = 0; i < plans->n; i++) {
        const struct plan *p = &plans->v[i];
        v[i] = (struct billing_plan_shape){.name = str_from(p->name),
                                           .is_free = p->is_free,
                                           .is_current = p == current,
                                           .is_sold = app_sells(c) && plan_price(p, c->conf->stripe_livemode).n > 0,
                                           .rate_factor = p->rate_factor};
        for (enum plan_limit k = 0; k < PLAN_LIMIT__MAX; k++) {
            v[i].limits[k] = p->limits[k];
            v[i].has[k] = p->limits[k] != PLAN_NO_LIMIT;
        }
    }
    return (struct json_array){.v = v, .n = plans->n};
}

enum err billing_answer(struct ctx *c)
{
    struct checkout_consent consent;
    struct billing b;

    enum err e = billing_read(c->db, c->arena, c->conf, &c->caller.user_id, &b);
    if (e == OK)
        e = checkout_consent_of(c->db, c->arena, &c->caller.user_id, &consent);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
    const struct subscription *s = &b.subscription;
    struct billing_shape shape = {
        .plan = str_from(b.now.plan->name),
        .source = b.now.source,
        .until_us = b.now.until_us,
        .status = str_from(s->status == SUBSCRIPTION_NONE ? NULL : subscription_status_names[s->status]),
        .period_end_us = s->period_end_us,
        .will_cancel = s->cancel_at_us != 0,
        .cancel_at_us = s->cancel_at_us,
        .trial_end_us = s->trial_end_us,
        .rate_factor = b.now.plan->rate_factor,
        .terms_version = consent.terms_version,
        .terms_accepted_at_us = consent.at_us,
        .terms_accepted_how = str_from(consent.at_us == 0 ? NULL : checkout_consent_how_names[consent.how]),
        .limits = billing_limits(c->arena, &b),
        .plans = billing_plans(c, b.now.plan),
    };
    return reply_data(&c->rep, 200, billing_fields, &shape);
}

static enum err billing_get(struct ctx *c)
{
    enum err e = input_query_only(c, NULL);

    return e == OK ? billing_answer(c) : e;
}

#define PLAN .policy = "billing.plan"
#define SUBSCRIPTION .policy = "billing.subscription"
#define CONSENT .policy = "account.consent"

static const struct json_field billing_limit_fields[] = {
    {.name = "name", JSON_STR(struct billing_limit_shape, name), .help = "posts_per_month, accounts, storage_bytes"},
    {.name = "limit",
     JSON_I64(struct billing_limit_shape, max),
     JSON_GIVEN(struct billing_limit_shape, has_max),
     .help = "At most; null: the plan sets none"},
    {.name = "used", JSON_I64(struct billing_limit_shape, used), .help = "How many there are", PLAN},
    {.name = "resets_at", JSON_TIME(struct billing_limit_shape, resets_at_us), .help = "When the count begins anew"},
    JSON_END};

#define LIMIT_OF_PLAN(limit, name_) \
    { \
        .name = (name_), JSON_I64(struct billing_plan_shape, limits[limit]), \
        JSON_GIVEN(struct billing_plan_shape, has[limit]), .help = "At most; null: the plan sets none" \
    }

static const struct json_field billing_plan_fields[] = {
    {.name = "name", JSON_STR(struct billing_plan_shape, name), .help = "Its name"},
    {.name = "is_free", JSON_BOOL(struct billing_plan_shape, is_free), .help = "What users have who pay nothing"},
    {.name = "is_current", JSON_BOOL(struct billing_plan_shape, is_current), .help = "The user's", PLAN},
    {.name = "is_sold", JSON_BOOL(struct billing_plan_shape, is_sold), .help = "It can be bought here"},
    LIMIT_OF_PLAN(PLAN_POSTS_PER_MONTH, "posts_per_month"),
    LIMIT_OF_PLAN(PLAN_ACCOUNTS, "accounts"),
    LIMIT_OF_PLAN(PLAN_STORAGE_BYTES, "storage_bytes"),
    {.name = "rate_factor",
     JSON_I64(struct billing_plan_shape, rate_factor),
     .help = "How many times as often one may ask"},
    JSON_END};

static const struct json_field billing_fields[] = {
    {.name = "plan", JSON_STR(struct billing_shape, plan), .help = "The name of the plan", PLAN},
    {.name = "source",
     JSON_ENUM(struct billing_shape, source, plan_source_names),
     .help = "Why: free, subscription, or grant, which an administrator has given",
     PLAN},
    {.name = "until",
     JSON_TIME(struct billing_shape, until_us),
     .help = "When it ends by itself; null: it does not",
     PLAN},
    {.name = "status",
     JSON_STR(struct billing_shape, status),
     .help = "Of the subscription, in Stripe's words",
     SUBSCRIPTION},
    {.name = "period_end",
     JSON_TIME(struct billing_shape, period_end_us),
     .help = "Until when its period lasts",
     SUBSCRIPTION},
    {.name = "will_cancel", JSON_BOOL(struct billing_shape, will_cancel), .help = "It was canceled", SUBSCRIPTION},
    {.name = "cancel_at", JSON_TIME(struct billing_shape, cancel_at_us), .help = "When it ends for that", SUBSCRIPTION},
    {.name = "trial_end",
     JSON_TIME(struct billing_shape, trial_end_us),
     .help = "Until when its trial lasts",
     SUBSCRIPTION},
    {.name = "rate_factor",
     JSON_I64(struct billing_shape, rate_factor),
     .help = "How many times as often the user may ask"},
    {.name = "terms_version",
     JSON_STR(struct billing_shape, terms_version),
     .help = "Which terms were accepted with the checkout that was begun last; null: they have no version here",
     CONSENT},
    {.name = "terms_accepted_at",
     JSON_TIME(struct billing_shape, terms_accepted_at_us),
     .help = "When; null: none was begun",
     CONSENT},
    {.name = "terms_accepted_how",
     JSON_STR(struct billing_shape, terms_accepted_how),
     .help =
         "request: by accepted_terms; request_and_stripe: Stripe's page asks for it, too, before it takes a payment",
     CONSENT},
    {.name = "limits",
     JSON_ARRAY(struct billing_shape, limits, struct billing_limit_shape, billing_limit_fields),
     .help = "What the plan allows, and what is used"},
    {.name = "plans",
     JSON_ARRAY(struct billing_shape, plans, struct billing_plan_shape, billing_plan_fields),
     .help = "All that there are"},
    JSON_END};

const struct route billing_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/billing",
     .handler = billing_get,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "My plan, and what of it is used"},
    ROUTE_END,
};
