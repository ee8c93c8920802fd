#include "model/billing/sync.h"

#include "base/clock.h"
#include "model/billing/billing.h"
#include "model/user/user.h"

#define FAR_US (5 * SYNC_LEASE_US) /* a lease that ends later was taken before a clock was set back */

enum { SYNC_CLAIM, SYNC_READ, SYNC_LOCK, SYNC_LOOK, SYNC_HOLD, SYNC_OWN, SYNC_END, SYNC_ATTEND, SYNC_ATTEND_OVER };
static const struct sql sync_sqls[];

#define SYNC_ALL (2 * SYNC_FOREIGN_PRICE - 1) /* bits */

/* By Stripe's words, which are those of the table. */
static const int sync_statuses[STRIPE_STATUS__MAX] = {
    [STRIPE_UNKNOWN] = SUBSCRIPTION_UNKNOWN,   [STRIPE_INCOMPLETE_EXPIRED] = SUBSCRIPTION_INCOMPLETE_EXPIRED,
    [STRIPE_CANCELED] = SUBSCRIPTION_CANCELED, [STRIPE_INCOMPLETE] = SUBSCRIPTION_INCOMPLETE,
    [STRIPE_UNPAID] = SUBSCRIPTION_UNPAID,     [STRIPE_PAUSED] = SUBSCRIPTION_PAUSED,
    [STRIPE_PAST_DUE] = SUBSCRIPTION_PAST_DUE, [STRIPE_TRIALING] = SUBSCRIPTION_TRIALING,
    [STRIPE_ACTIVE] = SUBSCRIPTION_ACTIVE,
};

const char *const sync_attention_words[] = {"Stripe does not know the customer",
                                            "the customer is of Stripe's other mode",
                                            "more than one subscription",
                                            "a status that is not known",
                                            "Stripe does not take the address",
                                            "a subscription for a price that no plan has",
                                            NULL};

bool sync_is_other_mode(const struct sync *sync, const struct conf *conf)
{
    return sync->has_mode && sync->livemode != conf->stripe_livemode;
}

int64_t sync_attention_of(const struct stripe_state *state)
{
    return (state->others_alive_n > 0 ? SYNC_SEVERAL : 0) | (state->unknown_n > 0 ? SYNC_UNKNOWN_STATUS : 0) |
           (state->foreign_n > 0 ? SYNC_FOREIGN_PRICE : 0);
}

enum err sync_attend(struct db *db, const struct uuid *user_id, int64_t bits)
{
    return db_exec(db, &sync_sqls[SYNC_ATTEND], DB_ARGS(db_i64(bits), db_uuid(user_id)), NULL);
}

enum err sync_attend_over(struct db *db, const struct uuid *user_id, int64_t bits)
{
    return db_exec(db, &sync_sqls[SYNC_ATTEND_OVER], DB_ARGS(db_i64(bits), db_uuid(user_id)), NULL);
}

struct subscription sync_subscription(const struct conf *conf, struct str customer, const struct stripe_state *state)
{
    struct subscription s = {.customer_id = customer, .status = SUBSCRIPTION_NONE};

    if (state->subscription.p == NULL)
        return s;
    const struct plan *plan = plans_by_price(plans_of(conf), conf->stripe_livemode, state->price);
    s.subscription_id = state->subscription;
    s.plan = plan == NULL ? (struct str){0} : str_from(plan->name);
    s.status = sync_statuses[state->status];
    s.period_end_us = state->period_end_us;
    s.cancel_at_us = state->ends_us;
    s.trial_end_us = state->trial_end_us;
    /* The period that is not paid has begun already: what was paid has ended there (docs/stripe.md#subscriptions). */
    if (state->status == STRIPE_PAST_DUE)
        s.past_due_since_us = state->period_start_us;
    return s;
}

enum err sync_claim(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t now_us,
                    struct sync *ret_sync)
{
    struct sync sync = {.token = UUID_NONE};
    struct uuid token = uuid_new();

    enum err e = db_exec(db, &sync_sqls[SYNC_CLAIM],
                         DB_ARGS(db_uuid(&token), db_i64(clock_now_us() + SYNC_LEASE_US), db_uuid(user_id),
                                 db_i64(now_us), db_i64(clock_now_us() + FAR_US)),
                         NULL);
    if (e == OK)
        e = db_row(db, &sync_sqls[SYNC_READ], DB_ARGS(db_uuid(user_id)), arena, &sync);
    if (e != OK)
        return e;
    sync.user_id = *user_id;
    *ret_sync = uuid_eq(&sync.token, &token) ? sync : (struct sync){.until_us = sync.until_us};
    return uuid_eq(&sync.token, &token) ? OK : ERR_AGAIN;
}

enum err sync_hold(struct db *db, const struct uuid *user_id, const struct uuid *token, int64_t until_us)
{
    enum err e =
        db_lock_now(db, &sync_sqls[SYNC_LOCK], &sync_sqls[SYNC_LOOK], DB_ARGS(db_uuid(user_id), db_uuid(token)));

    if (e != OK)
        return e;
    return db_change(
        db, &sync_sqls[SYNC_HOLD],
        DB_ARGS(db_i64(until_us + FAR_US), db_i64(until_us), db_i64(until_us), db_uuid(user_id), db_uuid(token)));
}

/* Under the user's lock; the row stays ours until the end of the transaction. */
static enum err sync_own(struct db *db, const struct sync *sync)
{
    int64_t one;

    enum err e = user_lock_any(db, &sync->user_id);
    if (e == OK)
        e = db_number(db, &sync_sqls[SYNC_OWN], DB_ARGS(db_uuid(&sync->user_id), db_uuid(&sync->token)), &one);
    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

enum err sync_release(struct db *db, const struct sync *sync)
{
    return db_exec(db, &sync_sqls[SYNC_END], DB_ARGS(db_uuid(&sync->user_id), db_uuid(&sync->token)), NULL);
}

enum err sync_store(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync,
                    const struct stripe_state *state)
{
    const struct subscription s = sync_subscription(conf, sync->customer, state);

    enum err e = sync_own(db, sync);
    if (e == OK)
        e = billing_set_subscription(db, arena, conf, &sync->user_id, &s);
    if (e == OK)
        e = sync_attend_over(db, &sync->user_id, ~(sync_attention_of(state) | SYNC_EMAIL_REFUSED) & SYNC_ALL);
    return e == OK ? sync_release(db, sync) : e;
}

enum err sync_void(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync)
{
    enum err e = sync_own(db, sync);

    if (e == OK)
        e = billing_void_subscription(db, arena, conf, &sync->user_id);
    return e == OK ? sync_release(db, sync) : e;
}

enum err sync_forget(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync)
{
    enum err e = sync_own(db, sync);

    return e == OK ? billing_unset_subscription(db, arena, conf, &sync->user_id) : e;
}

static const struct db_col sync_cols[] = {DB_COL(struct sync, customer, STR),
                                          DB_COL(struct sync, token, UUID),
                                          DB_COL(struct sync, until_us, I64),
                                          DB_COL(struct sync, has_mode, BOOL),
                                          DB_COL(struct sync, livemode, BOOL),
                                          DB_COL(struct sync, attention, I64),
                                          DB_END};

static const struct sql sync_sqls[] = {
    [SYNC_CLAIM] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET sync_token = ?, sync_until_us = ?"
                            " WHERE user_id = ? AND (sync_until_us IS NULL OR sync_until_us <= ?"
                            " OR sync_until_us > ?)",
                    .in = "uiuii"},
    [SYNC_READ] = {.text =
                       "SELECT customer_id, sync_token, sync_until_us, livemode IS NOT NULL, livemode, attention + 0"
                       " FROM subscriptions WHERE user_id = ?",
                   .in = "u",
                   .cols = sync_cols},
    [SYNC_LOCK] = {.text = "SELECT 1 FROM subscriptions WHERE user_id = ? AND sync_token = ? FOR UPDATE SKIP LOCKED",
                   .in = "uu",
                   .cols = db_number_cols},
    [SYNC_LOOK] = {.text = "SELECT 1 FROM subscriptions WHERE user_id = ? AND sync_token = ?",
                   .in = "uu",
                   .cols = db_number_cols},
    [SYNC_HOLD] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET sync_until_us = IF(sync_until_us > ?, ?,"
                           " GREATEST(sync_until_us, ?)) WHERE user_id = ? AND sync_token = ?",
                   .in = "iiiuu"},
    [SYNC_OWN] = {.text = "SELECT 1 FROM subscriptions WHERE user_id = ? AND sync_token = ? FOR UPDATE",
                  .in = "uu",
                  .cols = db_number_cols},
    [SYNC_END] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET sync_token = NULL, sync_until_us = NULL"
                          " WHERE user_id = ? AND sync_token = ?",
                  .in = "uu"},
    [SYNC_ATTEND] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET attention = attention | ?"
                             " WHERE user_id = ?",
                     .in = "iu"},
    [SYNC_ATTEND_OVER] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET attention = attention & ~?"
                                  " WHERE user_id = ?",
                          .in = "iu"},
};
