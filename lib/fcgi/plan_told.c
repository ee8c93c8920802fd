#include "fcgi/plan_told.h"

#include "base/clock.h"
#include "model/billing/billing.h"
#include "model/billing/counter.h"

static const char *const plan_told_words[] = {[PLAN_POSTS_PER_MONTH] = "posts in a month",
                                              [PLAN_ACCOUNTS] = "TikTok accounts",
                                              [PLAN_STORAGE_BYTES] = "bytes of images"};

/* When there is more without another plan, or how. */
static struct str plan_told_how(struct arena *arena, enum plan_limit limit)
{
    char text[TIME_TEXT_SIZE];

    switch (limit) {
    case PLAN_POSTS_PER_MONTH:
        time_format(plan_month_end_us(clock_now_us()), text);
        return arena_printf(arena, "The next month begins at %.19sZ.", text);
    case PLAN_ACCOUNTS:
        return STR("Disconnect one first.");
    default:
        return STR("Delete images that no post still needs.");
    }
}

static struct str plan_told_more(struct arena *arena, const struct plan *more)
{
    return more == NULL ? STR("No plan of this server allows more.")
                        : arena_printf(arena, "The plan %s allows more: see GET /api/v1/billing.", more->name);
}

static void plan_told_add(struct ctx *c, const struct billing *b, enum plan_limit limit)
{
    const struct plan *plan = b->now.plan;
    int64_t max = plan->limits[limit], used = b->used[limit];
    const struct plan *more = plans_that_allow(plans_of(c->conf), plan, limit, MAX(used, max) + 1);

    problem_add_text(&c->problems, ERR_PLAN_LIMIT, str_from(plan_limit_names[limit]),
                     arena_printf(c->arena, "Your plan, %s, allows %lld %s, and %lld are used. %.*s %.*s", plan->name,
                                  (long long)max, plan_told_words[limit], (long long)used,
                                  STR_FMT(plan_told_how(c->arena, limit)), STR_FMT(plan_told_more(c->arena, more))));
    problem_set_limit(&c->problems, &(struct problem_limit){.max = max,
                                                            .used = used,
                                                            .plan = str_from(plan->name),
                                                            .allowed_by = str_from(more != NULL ? more->name : NULL)});
}

enum err plan_told(struct ctx *c, enum err e)
{
    enum plan_limit limit;
    struct billing b;

    if (!billing_limit_of(e, &limit))
        return e;
    c->problems.n = 0;
    e = billing_read(c->db, c->arena, c->conf, &c->caller.user_id, &b);
    if (e == OK && b.now.plan->limits[limit] != PLAN_NO_LIMIT) /* else it is another plan by now */
        plan_told_add(c, &b, limit);
    else
        problem_add(&c->problems, ERR_PLAN_LIMIT, c->arena, "%s", plan_limit_names[limit]);
    return ERR_PLAN_LIMIT;
}
