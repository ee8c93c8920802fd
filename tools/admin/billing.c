/* marketingcli-admin billing plans|show|grant|revoke-grant: what there is to buy, and what a user has of it. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "user.h"
#include "model/billing/billing.h"
#include "model/billing/checkout.h"
#include "model/billing/sync.h"

static void billing_put_limits(const struct plan *p)
{
    for (enum plan_limit i = 0; i < PLAN_LIMIT__MAX; i++)
        if (p->limits[i] != PLAN_NO_LIMIT)
            printf("  %s %" PRId64, plan_limit_names[i], p->limits[i]);
    printf("  rate_factor %" PRId64, p->rate_factor);
}

static void billing_put_plan(const struct plan *p)
{
    printf("%s%s", p->name, p->is_free ? "  free" : "");
    billing_put_limits(p);
    if (p->price_live[0] != '\0')
        printf("  price_live %s", p->price_live);
    if (p->price_test[0] != '\0')
        printf("  price_test %s", p->price_test);
    putchar('\n');
}

int verb_billing_plans(const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    _cleanup_(conf_done) struct conf conf = {0};

    (void)given;
    if (conf_load(&conf, conf_path(), &why) != OK || plans_load(&conf, &why) != OK)
        return complain("%.*s", STR_FMT(buf_str(&why)));
    for (size_t i = 0; i < plans_of(&conf)->n; i++)
        billing_put_plan(&plans_of(&conf)->v[i]);
    if (conf.plans == NULL)
        fprintf(stderr, "billing.plans is empty: this is what all users have\n");
    return EXIT_DONE;
}

static bool billing_at_desk(struct desk *desk, const struct given *given, struct user *ret_user)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    if (!user_at_desk(desk, given, ret_user))
        return false;
    if (plans_load(&desk->conf, &why) == OK)
        return true;
    complain("%.*s", STR_FMT(buf_str(&why)));
    desk_close(desk);
    return false;
}

static void billing_put_time(const char *words, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    if (at_us == 0)
        return;
    time_format(at_us, text);
    printf("%s%s", words, text);
}

/* A name of a row that the file does not have any more gives nothing, and whoever looks here must see why. */
static void billing_put_name(const struct desk *desk, struct str name)
{
    printf("%.*s%s", STR_FMT(name),
           plans_find(plans_of(&desk->conf), name) == NULL ? " (not in the file of the plans)" : "");
}

static void billing_put_subscription(const struct desk *desk, const struct billing *b)
{
    const struct subscription *s = &b->subscription;

    if (s->customer_id.p == NULL)
        return;
    printf("customer      %.*s%s\n", STR_FMT(s->customer_id),
           !b->has_mode  ? ""
           : b->livemode ? "  of the live mode"
                         : "  of the test mode");
    for (int bit = 0; sync_attention_words[bit] != NULL; bit++)
        if ((b->attention & INT64_C(1) << bit) != 0)
            printf("look          %s\n", sync_attention_words[bit]);
    if (s->status == SUBSCRIPTION_NONE)
        return;
    printf("subscription  %.*s  %s  ", STR_FMT(s->subscription_id), subscription_status_names[s->status]);
    if (s->plan.p != NULL)
        billing_put_name(desk, s->plan);
    else
        printf("for a price that is no plan's");
    billing_put_time("  period ends ", s->period_end_us);
    billing_put_time("  trial ends ", s->trial_end_us);
    billing_put_time("  past due since ", s->past_due_since_us);
    billing_put_time("  canceled for ", s->cancel_at_us);
    putchar('\n');
}

static void billing_put_consent(const struct checkout_consent *consent)
{
    if (consent->at_us == 0)
        return;
    printf("terms         ");
    if (consent->terms_version.n > 0)
        printf("%.*s  ", STR_FMT(consent->terms_version));
    printf("by %s", checkout_consent_how_names[consent->how]);
    billing_put_time("  at ", consent->at_us);
    putchar('\n');
}

static void billing_put(const struct desk *desk, const struct billing *b)
{
    printf("plan          %s  by %s", b->now.plan->name, plan_source_names[b->now.source]);
    billing_put_time("  until ", b->now.until_us);
    putchar('\n');
    for (enum plan_limit i = 0; i < PLAN_LIMIT__MAX; i++) {
        printf("uses          %" PRId64, b->used[i]);
        if (b->now.plan->limits[i] != PLAN_NO_LIMIT)
            printf(" of %" PRId64, b->now.plan->limits[i]);
        printf(" %s\n", plan_limit_names[i]);
    }
    if (b->grant.plan.p != NULL) {
        printf("given         ");
        billing_put_name(desk, b->grant.plan);
        billing_put_time("  at ", b->granted_at_us);
        billing_put_time("  until ", b->grant.until_us);
        putchar('\n');
    }
    billing_put_subscription(desk, b);
}

int verb_billing_show(const struct given *given)
{
    struct checkout_consent consent;
    struct billing billing;
    struct desk desk;
    struct user user;

    if (!billing_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = billing_show(desk.db, &desk.arena, &desk.conf, &user.id, &billing);
    if (e == OK)
        e = checkout_consent_of(desk.db, &desk.arena, &user.id, &consent);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK) {
        billing_put(&desk, &billing);
        billing_put_consent(&consent);
    }
    desk_close(&desk);
    return code;
}

/* A day means to its end. False after a complaint. */
static bool billing_read_until(struct arena *arena, const char *text, int64_t *ret_until_us)
{
    int64_t day_us;

    *ret_until_us = 0;
    if (text == NULL)
        return true;
    if (time_parse(arena_printf(arena, "%sT00:00:00Z", text), &day_us))
        *ret_until_us = day_us + US_PER_DAY;
    else if (!time_parse(str_from(text), ret_until_us)) {
        complain("--until must be a day as 2026-12-31, or a time as 2026-12-31T18:00:00Z");
        return false;
    }
    if (*ret_until_us > clock_now_us())
        return true;
    complain("--until has passed");
    return false;
}

static int billing_grant_at(struct desk *desk, const struct given *given, const struct user *user)
{
    const struct plan *plan = plans_find(plans_of(&desk->conf), str_from(given->second));
    int64_t until_us;

    if (plan == NULL)
        return complain("there is no plan %s; marketingcli-admin billing plans lists them", given->second);
    if (!billing_read_until(&desk->arena, given->until, &until_us))
        return EXIT_USAGE;
    enum err e = billing_grant(desk->db, &desk->arena, &desk->conf, &user->id, plan, until_us);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        desk_end_credentials(desk);
    if (e != OK)
        return desk_complain(desk, e);
    printf("%s was given the plan %s", given->argument, plan->name);
    billing_put_time(" until ", until_us);
    putchar('\n');
    return EXIT_DONE;
}

int verb_billing_grant(const struct given *given)
{
    struct desk desk;
    struct user user;

    if (!billing_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    int code = billing_grant_at(&desk, given, &user);
    desk_close(&desk);
    return code;
}

int verb_billing_revoke_grant(const struct given *given)
{
    struct desk desk;
    struct user user;
    bool had = false;

    if (!billing_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = billing_revoke_grant(desk.db, &desk.arena, &desk.conf, &user.id, &had);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        desk_end_credentials(&desk);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        printf("%s %s\n", given->argument, had ? "has no given plan any more" : "had been given no plan");
    desk_close(&desk);
    return code;
}
