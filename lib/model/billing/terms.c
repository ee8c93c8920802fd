#include "model/billing/terms.h"

#include "base/clock.h"
#include "stripe/subscription.h"

const char *const subscription_status_names[] = {
    "none",    "incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused",
    "unknown", NULL};
const char *const plan_source_names[] = {"free", "subscription", "grant", NULL};

/* What a status lets its user have: Stripe's words, and what they mean, are said there. */
static enum stripe_access terms_access(int status)
{
    return status == SUBSCRIPTION_NONE
               ? STRIPE_ACCESS_NO
               : stripe_status_access(stripe_status_of(str_from(subscription_status_names[status])));
}

int64_t plan_grace_us(const struct conf *conf)
{
    return conf->billing_grace_days * US_PER_DAY;
}

static int64_t terms_paid_until(const struct subscription *s)
{
    if (s->period_end_us == 0 || s->past_due_since_us == 0)
        return MAX(s->period_end_us, s->past_due_since_us);
    return MIN(s->period_end_us, s->past_due_since_us);
}

struct plan_terms plan_terms_of(const struct subscription *subscription, const struct plan_grant *grant,
                                int64_t grace_us)
{
    struct plan_terms terms = {.granted = grant->plan, .granted_until_us = grant->plan.p != NULL ? grant->until_us : 0};

    switch (terms_access(subscription->status)) {
    case STRIPE_ACCESS_NO:
        break;
    case STRIPE_ACCESS_YES:
        terms.subscribed = subscription->plan;
        break;
    case STRIPE_ACCESS_GRACE:
        if (terms_paid_until(subscription) == 0) /* nobody knows how long it has been so */
            break;
        terms.subscribed = subscription->plan;
        terms.subscribed_until_us = terms_paid_until(subscription) + grace_us;
        break;
    }
    return terms;
}

static const struct plan *terms_still(const struct plans *plans, struct str name, int64_t until_us, int64_t now_us)
{
    if (name.p == NULL || (until_us != 0 && now_us >= until_us))
        return NULL;
    return plans_find(plans, name);
}

struct plan_now plan_now(const struct plans *plans, const struct plan_terms *terms, int64_t now_us)
{
    const struct plan *subscribed = terms_still(plans, terms->subscribed, terms->subscribed_until_us, now_us);
    const struct plan *granted = terms_still(plans, terms->granted, terms->granted_until_us, now_us);
    struct plan_now now = {.plan = plans_free(plans)};

    if (granted != NULL && granted != now.plan)
        now = (struct plan_now){granted, PLAN_SOURCE_GRANT, terms->granted_until_us};
    if (subscribed != NULL && subscribed != now.plan && plan_better(subscribed, now.plan) == subscribed)
        now = (struct plan_now){subscribed, PLAN_SOURCE_SUBSCRIPTION, terms->subscribed_until_us};
    return now;
}
