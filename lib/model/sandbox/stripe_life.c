#include "model/sandbox/stripe_life.h"

#define TRIAL_TOLD_BEFORE_US (3 * US_PER_DAY)
#define STEP_EVENTS_MAX 4 /* that one step can add */

/* After so many tries, the wait for the next. */
static const int64_t stripe_life_waits_us[STRIPE_LIFE_TRIES] = {0, 3 * US_PER_DAY, 5 * US_PER_DAY, 7 * US_PER_DAY};

static void stripe_life_tell(const struct stripe_life *life, struct stripe_life_events *events, const char *type)
{
    ASSERT(events->n < STRIPE_LIFE_EVENTS_MAX);
    events->v[events->n] = type;
    events->at_us[events->n++] = life->now_us;
}

static void stripe_life_end(struct stripe_life *life, struct stripe_life_events *events)
{
    life->status = STRIPE_CANCELED;
    life->ended_at_us = life->now_us;
    life->next_try_us = 0;
    stripe_life_tell(life, events, "customer.subscription.deleted");
}

/* The bill is paid, by whatever. */
static void stripe_life_paid(struct stripe_life *life, struct stripe_life_events *events)
{
    life->status = STRIPE_ACTIVE;
    life->tries = 0;
    life->next_try_us = 0;
    stripe_life_tell(life, events, "invoice.paid");
    stripe_life_tell(life, events, "customer.subscription.updated");
}

/* A try to pay the open bill by the card, and what it comes to. */
static void stripe_life_try(struct stripe_life *life, const struct stripe_life_plan *plan,
                            struct stripe_life_events *events)
{
    bool first_bill = life->status == STRIPE_INCOMPLETE;

    life->tries++;
    if (life->card == STRIPE_CARD_PAYS) {
        stripe_life_paid(life, events);
        return;
    }
    stripe_life_tell(life, events,
                     life->card == STRIPE_CARD_DECLINES ? "invoice.payment_failed" : "invoice.payment_action_required");
    if (first_bill) /* it has 23 hours, and no further tries */
        return;
    life->next_try_us = life->tries < STRIPE_LIFE_TRIES ? life->now_us + stripe_life_waits_us[life->tries] : 0;
    if (life->next_try_us == 0 && !plan->ends_unpaid) {
        stripe_life_end(life, events);
        return;
    }
    life->status = life->next_try_us == 0 ? STRIPE_UNPAID : STRIPE_PAST_DUE;
    stripe_life_tell(life, events, "customer.subscription.updated");
}

/* The next period begins where the last one ends, paid or not. */
static void stripe_life_renew(struct stripe_life *life, const struct stripe_life_plan *plan,
                              struct stripe_life_events *events)
{
    life->period_start_us = life->period_end_us;
    life->period_end_us += plan->period_us;
    if (life->status == STRIPE_UNPAID || life->collection_paused) { /* its bill stays a draft */
        if (life->status == STRIPE_TRIALING)
            life->status = STRIPE_ACTIVE;
        stripe_life_tell(life, events, "customer.subscription.updated");
        return;
    }
    life->tries = 0;
    stripe_life_try(life, plan, events);
}

void stripe_life_begin(struct stripe_life *life, const struct stripe_life_plan *plan, enum stripe_card card,
                       int64_t now_us, struct stripe_life_events *events)
{
    ASSERT(plan->period_us > 0 && plan->trial_us >= 0);
    *life = (struct stripe_life){
        .status = plan->trial_us > 0 ? STRIPE_TRIALING : STRIPE_INCOMPLETE,
        .card = card,
        .now_us = now_us,
        .created_us = now_us,
        .period_start_us = now_us,
        .period_end_us = now_us + (plan->trial_us > 0 ? plan->trial_us : plan->period_us),
        .trial_end_us = plan->trial_us > 0 ? now_us + plan->trial_us : 0,
    };
    stripe_life_tell(life, events, "customer.subscription.created");
    if (life->status == STRIPE_INCOMPLETE)
        stripe_life_try(life, plan, events);
}

/* What comes next by itself */

enum stripe_life_step { NOTHING, INCOMPLETE_ENDS, TRIAL_TOLD, CANCEL, TRY, RENEW };

static bool stripe_life_bills(const struct stripe_life *life)
{
    return life->status == STRIPE_TRIALING || life->status == STRIPE_ACTIVE || life->status == STRIPE_PAST_DUE ||
           life->status == STRIPE_UNPAID;
}

static int64_t stripe_life_cancel_us(const struct stripe_life *life)
{
    if (life->cancel_at_us != 0)
        return life->cancel_at_us;
    return life->cancel_at_period_end ? life->period_end_us : 0;
}

/* The earliest; of those at one time the first of the list. */
static enum stripe_life_step stripe_life_next(const struct stripe_life *life, int64_t *ret_at_us)
{
    bool bills = stripe_life_bills(life);
    bool tells = life->status == STRIPE_TRIALING && !life->trial_end_told;
    const struct {
        bool comes;
        enum stripe_life_step step;
        int64_t at_us;
    } steps[] = {
        {life->status == STRIPE_INCOMPLETE, INCOMPLETE_ENDS, life->created_us + STRIPE_LIFE_INCOMPLETE_US},
        {tells, TRIAL_TOLD, MAX(life->created_us, life->trial_end_us - TRIAL_TOLD_BEFORE_US)},
        {bills && stripe_life_cancel_us(life) != 0, CANCEL, stripe_life_cancel_us(life)},
        {life->status == STRIPE_PAST_DUE && life->next_try_us != 0, TRY, life->next_try_us},
        {bills, RENEW, life->period_end_us},
    };
    enum stripe_life_step next = NOTHING;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (steps[i].comes && (next == NOTHING || steps[i].at_us < *ret_at_us)) {
            next = steps[i].step;
            *ret_at_us = steps[i].at_us;
        }
    return next;
}

int64_t stripe_life_next_us(const struct stripe_life *life)
{
    int64_t at_us = 0;

    return stripe_life_next(life, &at_us) == NOTHING ? 0 : at_us;
}

static void stripe_life_take(struct stripe_life *life, const struct stripe_life_plan *plan, enum stripe_life_step step,
                             struct stripe_life_events *events)
{
    switch (step) {
    case NOTHING:
        return;
    case INCOMPLETE_ENDS:
        life->status = STRIPE_INCOMPLETE_EXPIRED;
        life->ended_at_us = life->now_us;
        stripe_life_tell(life, events, "customer.subscription.updated");
        return;
    case TRIAL_TOLD:
        life->trial_end_told = true;
        stripe_life_tell(life, events, "customer.subscription.trial_will_end");
        return;
    case CANCEL:
        stripe_life_end(life, events);
        return;
    case TRY:
        stripe_life_try(life, plan, events);
        return;
    case RENEW:
        stripe_life_renew(life, plan, events);
        return;
    }
}

bool stripe_life_advance(struct stripe_life *life, const struct stripe_life_plan *plan, int64_t to_us,
                         struct stripe_life_events *events)
{
    int64_t at_us = 0;

    for (;;) {
        enum stripe_life_step step = stripe_life_next(life, &at_us);
        if (step == NOTHING || at_us > to_us)
            break;
        if (events->n + STEP_EVENTS_MAX > STRIPE_LIFE_EVENTS_MAX)
            return true;
        life->now_us = MAX(life->now_us, at_us);
        stripe_life_take(life, plan, step, events);
    }
    life->now_us = MAX(life->now_us, to_us);
    return false;
}

/* What people do */

bool stripe_life_pay(struct stripe_life *life, struct stripe_life_events *events)
{
    if (life->tries == 0 || stripe_status_is_over(life->status))
        return false;
    stripe_life_paid(life, events);
    return true;
}

bool stripe_life_cancel(struct stripe_life *life, const struct stripe_life_plan *plan, bool at_once,
                        struct stripe_life_events *events)
{
    if (stripe_status_is_over(life->status) || (!at_once && !stripe_life_bills(life)))
        return false;
    if (at_once) {
        stripe_life_end(life, events);
        return true;
    }
    if (stripe_life_cancel_us(life) != 0)
        return false;
    life->cancel_at_period_end = !plan->cancels_by_time;
    life->cancel_at_us = plan->cancels_by_time ? life->period_end_us : 0;
    stripe_life_tell(life, events, "customer.subscription.updated");
    return true;
}

bool stripe_life_keep(struct stripe_life *life, struct stripe_life_events *events)
{
    if (stripe_status_is_over(life->status) || stripe_life_cancel_us(life) == 0)
        return false;
    life->cancel_at_period_end = false;
    life->cancel_at_us = 0;
    stripe_life_tell(life, events, "customer.subscription.updated");
    return true;
}

bool stripe_life_pause(struct stripe_life *life, struct stripe_life_events *events)
{
    if (life->status != STRIPE_TRIALING && life->status != STRIPE_ACTIVE)
        return false;
    life->status = STRIPE_PAUSED;
    stripe_life_tell(life, events, "customer.subscription.paused");
    stripe_life_tell(life, events, "customer.subscription.updated");
    return true;
}

/* A new period begins, with its bill. */
bool stripe_life_resume(struct stripe_life *life, const struct stripe_life_plan *plan,
                        struct stripe_life_events *events)
{
    if (life->status != STRIPE_PAUSED)
        return false;
    life->status = STRIPE_ACTIVE;
    life->trial_end_us = 0;
    life->period_end_us = life->now_us;
    stripe_life_tell(life, events, "customer.subscription.resumed");
    stripe_life_renew(life, plan, events);
    return true;
}

bool stripe_life_pause_collection(struct stripe_life *life, bool paused, struct stripe_life_events *events)
{
    if (stripe_status_is_over(life->status) || life->collection_paused == paused)
        return false;
    life->collection_paused = paused;
    stripe_life_tell(life, events, "customer.subscription.updated");
    return true;
}
