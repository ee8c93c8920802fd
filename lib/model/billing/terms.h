/*
 * Which plan a user has: derived here, and nowhere else, from the row of the subscription, that of the grant, the plans file and
 * the time.
 *
 *    struct plan_terms terms = plan_terms_of(&subscription, &grant, plan_grace_us(conf));
 *    struct plan_now now = plan_now(plans_of(conf), &terms, clock_now_us());
 *    if (plan_allows(now.plan, PLAN_ACCOUNTS, n + 1)) ...
 *
 * In two steps, because the first needs rows and the second only time. The terms are what the rows come to: two plans, each with
 * its end. Users, keys and sessions have a copy of them, which is written in the transaction that changes a row
 * (model/billing/billing.h); so whoever authenticates a request or locks a user has them without a further statement, and what
 * ends at its time needs nobody to end it.
 */
#pragma once

#include "base/plans.h"
#include "db/db.h"

/* Stripe's words, and what it may say one day; none: the user has no subscription. */
enum subscription_status {
    SUBSCRIPTION_NONE,
    SUBSCRIPTION_INCOMPLETE,
    SUBSCRIPTION_INCOMPLETE_EXPIRED,
    SUBSCRIPTION_TRIALING,
    SUBSCRIPTION_ACTIVE,
    SUBSCRIPTION_PAST_DUE,
    SUBSCRIPTION_CANCELED,
    SUBSCRIPTION_UNPAID,
    SUBSCRIPTION_PAUSED,
    SUBSCRIPTION_UNKNOWN,
    SUBSCRIPTION_STATUS__MAX
};
extern const char *const subscription_status_names[]; /* NULL ends them */

/* What is kept of Stripe's. Times are 0 where there is none. */
struct subscription {
    struct str customer_id, subscription_id;
    struct str plan; /* a name of the plans file; absent: the price was no plan's */
    int status;
    int64_t period_end_us;
    int64_t cancel_at_us; /* when it ends, if it has been canceled; also at the end of its period */
    int64_t trial_end_us;
    int64_t past_due_since_us;
};

/* A plan that an admin has given. */
struct plan_grant {
    struct str plan;  /* absent: there is none */
    int64_t until_us; /* 0: without an end */
};

/* An end of 0: none. */
struct plan_terms {
    struct str subscribed, granted; /* names of plans; absent: none */
    int64_t subscribed_until_us, granted_until_us;
};

#define PLAN_TERMS_COLS(prefix) \
    prefix "subscribed_plan, " prefix "subscribed_until_us, " prefix "granted_plan, " prefix "granted_until_us"
#define PLAN_TERMS_DB_COLS(T, prefix) \
    DB_COL(T, prefix subscribed, STR), DB_COL(T, prefix subscribed_until_us, I64), DB_COL(T, prefix granted, STR), \
        DB_COL(T, prefix granted_until_us, I64)

int64_t plan_grace_us(const struct conf *conf);

/*
 * What the rows come to. Of a subscription that is past due, the plan goes on for the grace after what was paid has ended. When
 * that was, its period's end does not say once Stripe has begun the next period, which is the one that is not paid: then it is
 * since when it is past due.
 */
struct plan_terms plan_terms_of(const struct subscription *subscription, const struct plan_grant *grant,
                                int64_t grace_us);

enum plan_source { PLAN_SOURCE_FREE, PLAN_SOURCE_SUBSCRIPTION, PLAN_SOURCE_GRANT };
extern const char *const plan_source_names[]; /* "free" ... NULL */

/* The better of the two plans that have not ended, in the order of the plans file; else the free one. One that the file does not
 * have any more is none. */
struct plan_now {
    const struct plan *plan;
    enum plan_source source;
    int64_t until_us; /* 0: without an end */
};
struct plan_now plan_now(const struct plans *plans, const struct plan_terms *terms, int64_t now_us);
