/* The file of the plans. Invariants: what is taken is whole (one free plan, the first; no name and no price twice; numbers in their
 * ranges); what is not comes with a sentence. */
#include "fuzz.h"

#include "base/plans.h"

static void check_plan(const struct plans *plans, const struct plan *p)
{
    ASSERT(p->name[0] >= 'a' && p->name[0] <= 'z' && strlen(p->name) <= PLAN_NAME_MAX_BYTES);
    ASSERT(plans_find(plans, str_from(p->name)) == p && p->is_free == (p == plans_free(plans)));
    ASSERT(p->price_live[0] == '\0' || (plans_by_price(plans, true, str_from(p->price_live)) == p && !p->is_free));
    ASSERT(p->price_test[0] == '\0' || (plans_by_price(plans, false, str_from(p->price_test)) == p && !p->is_free));
    ASSERT(p->rate_factor >= 1 && p->rate_factor <= 10 && p->line > 0);
    for (enum plan_limit i = 0; i < PLAN_LIMIT__MAX; i++)
        ASSERT(p->limits[i] >= PLAN_NO_LIMIT && p->limits[i] <= INT64_C(1) << 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct plans plans;
    enum err e = plans_parse(str_of(data, size), &plans, &why);

    ASSERT((e == OK) == (why.n == 0) && !why.overflow);
    if (e != OK)
        return 0;
    ASSERT(plans.n >= 1 && plans.n <= PLANS_MAX && plans.free == 0);
    for (size_t i = 0; i < plans.n; i++)
        check_plan(&plans, &plans.v[i]);
    return 0;
}
