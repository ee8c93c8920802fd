/*
 * The plans that users can have: data in a file of the admin's (billing.plans), read once at start. A section is a plan, and
 * their order is that of what they allow and cost:
 *
 *    [free]
 *    free = yes
 *    posts_per_month = 30
 *    accounts = 1
 *
 *    [pro]
 *    price_live = price_...
 *    posts_per_month = 1000
 *    rate_factor = 5
 *
 * Without a file there is one plan, free, and no limit but those of caps.* that all users have.
 *
 *    _cleanup_(conf_done) struct conf conf;
 *    if (plans_load(&conf, &why) != OK) { say(why); exit(78); }
 *    const struct plan *p = plans_find(plans_of(&conf), STR("pro"));
 *
 * A plan's limits are what it allows at most; those of caps.* hold beside them.
 */
#pragma once

#include "base/conf.h"

#define PLANS_MAX 20                    /* nobody would choose among more */
#define PLAN_NAME_MAX_BYTES 32          /* of a-z, 0-9, _ and -, beginning with a letter */
#define PLAN_PRICE_MAX_BYTES 180        /* Stripe's ids have some 30; with its key, one must fit in a line */
#define PLANS_FILE_MAX_BYTES (64 << 10) /* twenty plans with long comments have some 10 */
#define PLAN_NO_LIMIT INT64_C(-1)

enum plan_limit { PLAN_POSTS_PER_MONTH, PLAN_ACCOUNTS, PLAN_STORAGE_BYTES, PLAN_LIMIT__MAX };
extern const char *const plan_limit_names[]; /* "posts_per_month" ... NULL */

struct plan {
    char name[PLAN_NAME_MAX_BYTES + 1];
    bool is_free;
    char price_live[PLAN_PRICE_MAX_BYTES + 1], price_test[PLAN_PRICE_MAX_BYTES + 1]; /* "": it is not sold there */
    int64_t limits[PLAN_LIMIT__MAX]; /* how many at most; PLAN_NO_LIMIT */
    int64_t rate_factor;             /* how many times the numbers of the section rates */
    int line;                        /* of the file */
};

struct plans {
    struct plan v[PLANS_MAX];
    size_t n;
    size_t free; /* the place of the free one */
};

/* Reads the file of conf->billing_plans, and checks it. On failure ret_why holds a sentence with the line, where it is about one. */
MUST_CHECK enum err plans_load(struct conf *conf, struct buf *ret_why);

/* The text of such a file. ret_plans is only whole with OK. */
MUST_CHECK enum err plans_parse(struct str text, struct plans *ret_plans, struct buf *ret_why);

/* What plans_load has read; else those that there are without a file. */
const struct plans *plans_of(const struct conf *conf);

const struct plan *plans_find(const struct plans *plans, struct str name); /* NULL: there is none of that name */
const struct plan *plans_free(const struct plans *plans);
const struct plan *plans_by_price(const struct plans *plans, bool live, struct str price_id); /* NULL: no plan's */

/* Its price at Stripe; empty: it is not sold there. */
struct str plan_price(const struct plan *plan, bool live);

/* The later of two in the order of the file. */
const struct plan *plan_better(const struct plan *a, const struct plan *b);

/* The first plan after that one which allows so many; NULL: none does. */
const struct plan *plans_that_allow(const struct plans *plans, const struct plan *after, enum plan_limit limit,
                                    int64_t n);

/* May there be so many? */
static inline bool plan_allows(const struct plan *plan, enum plan_limit limit, int64_t n)
{
    return plan->limits[limit] == PLAN_NO_LIMIT || n <= plan->limits[limit];
}
