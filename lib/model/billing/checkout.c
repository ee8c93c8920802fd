#include "model/billing/checkout.h"

#include "base/clock.h"
#include "model/billing/jobs.h"
#include "model/billing/billing.h"
#include "model/user/activity.h"
#include "model/user/user.h"

enum {
    CHECKOUT_BUYER,
    CHECKOUT_CUSTOMER,
    CHECKOUT_OWN,
    CHECKOUT_FORGET,
    CHECKOUT_READ,
    CHECKOUT_BEGIN,
    CHECKOUT_DONE,
    CHECKOUT_CONSENT,
    CHECKOUT_ASK
};
static const struct sql checkout_sqls[];

int64_t checkout_expires_us(const struct checkout *c)
{
    return c->at_us + CHECKOUT_LIFE_US;
}

bool checkout_may_be_open(const struct checkout *c, int64_t now_us)
{
    return !uuid_is_none(&c->id) && now_us < checkout_expires_us(c) + CHECKOUT_SLACK_US;
}

enum checkout_verdict checkout_judge(const struct checkout *c, const struct stripe_session *session,
                                     const struct checkout_wish *wish, bool is_counted, int64_t now_us)
{
    bool is_wanted = str_eq(c->plan, wish->plan) && str_eq(c->terms_version, wish->terms_version);
    int64_t age_us = now_us - c->at_us;
    bool is_fresh = age_us > -CHECKOUT_SLACK_US && age_us < CHECKOUT_FRESH_US;

    switch (session->status) {
    case STRIPE_SESSION_OPEN:
        return is_wanted && is_fresh ? CHECKOUT_SHOW : CHECKOUT_EXPIRE;
    case STRIPE_SESSION_COMPLETE:
        return is_counted ? CHECKOUT_OVER : CHECKOUT_PAID;
    case STRIPE_SESSION_EXPIRED:
        break;
    }
    return CHECKOUT_OVER;
}

const struct plan *checkout_paid_plan(const struct checkout_buyer *buyer, const struct plans *plans, int64_t now_us)
{
    const struct plan_terms paid = {.subscribed = buyer->terms.subscribed,
                                    .subscribed_until_us = buyer->terms.subscribed_until_us};
    struct plan_now now = plan_now(plans, &paid, now_us);

    return now.source == PLAN_SOURCE_SUBSCRIPTION ? now.plan : NULL;
}

enum err checkout_buyer_of(struct db *db, struct arena *arena, const struct uuid *user_id,
                           struct checkout_buyer *ret_buyer)
{
    return db_row(db, &checkout_sqls[CHECKOUT_BUYER], DB_ARGS(db_uuid(user_id)), arena, ret_buyer);
}

struct checkout_change {
    struct arena *arena;
    const struct conf *conf;
    const struct checkout_customer *customer;
    const struct sync *sync;
    struct subscription before;
};

/* Under the user's lock, as a change of the address is: nobody can have the address of before. */
static enum err checkout_set_customer(struct db *db, const struct checkout_change *c)
{
    const struct checkout_customer *customer = c->customer;
    const struct subscription s = {.customer_id = customer->id, .status = SUBSCRIPTION_NONE};
    struct checkout_buyer now = {.state = USER_ACTIVE};

    enum err e = checkout_buyer_of(db, c->arena, &customer->user_id, &now);
    if (e == OK)
        e = billing_set_subscription(db, c->arena, c->conf, &customer->user_id, &s);
    if (e == OK)
        e = db_exec(db, &checkout_sqls[CHECKOUT_FORGET], DB_ARGS(db_uuid(&customer->user_id)), NULL);
    if (e == OK)
        e = billing_customer_looked(db, &customer->user_id, customer->only_us);
    if (e != OK || str_eq(now.email, customer->email))
        return e;
    return billing_ask_email(db, &customer->user_id, customer->request_id);
}

struct checkout_asking {
    struct arena *arena;
    const struct uuid *user_id;
    int64_t only_us;
};

/* Whoever asks beside or after another one moves the time by a little, so that the other does not end it for both. */
static enum err checkout_ask_tx(struct db *db, void *arg)
{
    struct checkout_asking *a = arg;
    int64_t before_us = 0, now_us = clock_now_us();

    enum err e = user_lock(db, a->arena, a->user_id);
    if (e == OK)
        e = billing_customer_asked(db, a->user_id, &before_us);
    a->only_us = before_us == 0 ? now_us : 0;
    return e == OK ? db_exec(db, &checkout_sqls[CHECKOUT_ASK],
                             DB_ARGS(db_i64(before_us == 0 ? now_us : before_us - 1), db_uuid(a->user_id)), NULL)
                   : e;
}

enum err checkout_ask_customer(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t *ret_only_us)
{
    struct checkout_asking a = {.arena = arena, .user_id = user_id};

    enum err e = db_tx(db, checkout_ask_tx, &a);
    if (e == OK)
        *ret_only_us = a.only_us;
    return e;
}

static enum err checkout_keep_tx(struct db *db, void *arg)
{
    struct checkout_change *c = arg;
    const struct uuid *user_id = &c->customer->user_id;

    c->before = (struct subscription){.status = SUBSCRIPTION_NONE};
    enum err e = user_lock(db, c->arena, user_id);
    if (e != OK)
        return e;
    e = db_row(db, &checkout_sqls[CHECKOUT_CUSTOMER], DB_ARGS(db_uuid(user_id)), c->arena, &c->before);
    return e == ERR_NOT_FOUND ? checkout_set_customer(db, c) : e;
}

enum err checkout_keep_customer(struct db *db, struct arena *arena, const struct conf *conf,
                                const struct checkout_customer *customer, struct str *ret_kept)
{
    struct checkout_change c = {.arena = arena, .conf = conf, .customer = customer};

    enum err e = db_tx(db, checkout_keep_tx, &c);
    if (e == OK)
        *ret_kept = c.before.customer_id.p != NULL ? c.before.customer_id : customer->id;
    return e;
}

static enum err checkout_replace_tx(struct db *db, void *arg)
{
    const struct checkout_change *c = arg;
    const struct uuid *user_id = &c->customer->user_id;
    int64_t one;

    enum err e = user_lock(db, c->arena, user_id);
    if (e != OK)
        return e;
    e = db_number(db, &checkout_sqls[CHECKOUT_OWN], DB_ARGS(db_uuid(user_id), db_uuid(&c->sync->token)), &one);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    return checkout_set_customer(db, c);
}

enum err checkout_replace_customer(struct db *db, struct arena *arena, const struct conf *conf, struct sync *sync,
                                   const struct checkout_customer *customer)
{
    struct checkout_change c = {.arena = arena, .conf = conf, .customer = customer, .sync = sync};

    enum err e = db_tx(db, checkout_replace_tx, &c);
    if (e == OK) {
        sync->customer = customer->id;
        sync->has_mode = true;
        sync->livemode = conf->stripe_livemode;
        sync->attention = 0;
    }
    return e;
}

enum err checkout_read(struct db *db, struct arena *arena, const struct sync *sync, struct checkout *ret_checkout)
{
    struct checkout c = {.id = UUID_NONE};

    enum err e =
        db_row(db, &checkout_sqls[CHECKOUT_READ], DB_ARGS(db_uuid(&sync->user_id), db_uuid(&sync->token)), arena, &c);
    if (e == OK)
        *ret_checkout = c;
    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

struct checkout_beginning {
    struct arena *arena;
    const struct sync *sync;
    const struct checkout_wish *wish;
    struct checkout checkout;
};

/* "small, under the terms 2026-11" */
static struct str checkout_words(struct arena *arena, const struct checkout_wish *wish)
{
    return wish->terms_version.n == 0
               ? wish->plan
               : arena_printf(arena, "%.*s, under the terms %.*s", STR_FMT(wish->plan), STR_FMT(wish->terms_version));
}

static enum err checkout_begin_tx(struct db *db, void *arg)
{
    const struct checkout_beginning *b = arg;
    const struct checkout *c = &b->checkout;

    enum err e = user_lock(db, b->arena, &b->sync->user_id);
    if (e == OK)
        e = db_change(db, &checkout_sqls[CHECKOUT_BEGIN],
                      DB_ARGS(db_uuid(&c->id), db_str(c->plan), db_i64(c->at_us), db_str(c->terms_version),
                              db_i64(c->at_us), db_cstr(checkout_consent_how_names[b->wish->asks_again]),
                              db_uuid(&b->sync->user_id), db_uuid(&b->sync->token)));
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = b->sync->user_id,
                                                             .what = ACTIVITY_CHECKOUT_BEGUN,
                                                             .about = checkout_words(b->arena, b->wish)})
                   : e;
}

enum err checkout_begin(struct db *db, struct arena *arena, const struct sync *sync, const struct checkout_wish *wish,
                        struct checkout *ret_checkout)
{
    struct checkout_beginning b = {
        .arena = arena,
        .sync = sync,
        .wish = wish,
        .checkout = {
            .id = uuid_new(), .plan = wish->plan, .terms_version = wish->terms_version, .at_us = clock_now_us()}};

    enum err e = db_tx(db, checkout_begin_tx, &b);
    if (e == OK)
        *ret_checkout = b.checkout;
    return e;
}

enum err checkout_done(struct db *db, const struct sync *sync, const struct checkout *c, struct str session_id)
{
    return db_change(db, &checkout_sqls[CHECKOUT_DONE],
                     DB_ARGS(db_str(session_id), db_uuid(&sync->user_id), db_uuid(&sync->token), db_uuid(&c->id)));
}

enum err checkout_consent_of(struct db *db, struct arena *arena, const struct uuid *user_id,
                             struct checkout_consent *ret_consent)
{
    struct checkout_consent consent = {.at_us = 0};

    enum err e = db_row(db, &checkout_sqls[CHECKOUT_CONSENT], DB_ARGS(db_uuid(user_id)), arena, &consent);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *ret_consent = consent;
    return OK;
}

const char *const checkout_consent_how_names[] = {"request", "request_and_stripe", NULL};

static const struct db_col checkout_consent_cols[] = {
    DB_COL(struct checkout_consent, terms_version, STR), DB_COL(struct checkout_consent, at_us, I64),
    DB_COL_ENUM(struct checkout_consent, how, checkout_consent_how_names), DB_END};
static const struct db_col checkout_buyer_cols[] = {
    DB_COL(struct checkout_buyer, email, STR), DB_COL_ENUM(struct checkout_buyer, state, user_state_names),
    DB_COL(struct checkout_buyer, customer, STR), PLAN_TERMS_DB_COLS(struct checkout_buyer, terms.), DB_END};
static const struct db_col checkout_customer_cols[] = {DB_COL(struct subscription, customer_id, STR), DB_END};
static const struct db_col checkout_cols[] = {
    DB_COL(struct checkout, id, UUID),           DB_COL(struct checkout, plan, STR),
    DB_COL(struct checkout, at_us, I64),         DB_COL(struct checkout, session_id, STR),
    DB_COL(struct checkout, terms_version, STR), DB_END};

#define OURS " WHERE user_id = ? AND sync_token = ?"

static const struct sql checkout_sqls[] = {
    [CHECKOUT_ASK] = {.text = "UPDATE users SET customer_asked_at_us = ? WHERE id = ?", .in = "iu"},
    [CHECKOUT_BUYER] = {.text = "SELECT u.email, u.state, s.customer_id, " PLAN_TERMS_COLS(
                            "u.") " FROM users u LEFT JOIN subscriptions s"
                                  " ON s.user_id = u.id WHERE u.id = ?",
                        .in = "u",
                        .cols = checkout_buyer_cols},
    [CHECKOUT_CUSTOMER] = {.text = "SELECT customer_id FROM subscriptions WHERE user_id = ? FOR UPDATE",
                           .in = "u",
                           .cols = checkout_customer_cols},
    [CHECKOUT_OWN] = {.text = "SELECT 1 FROM subscriptions" OURS " FOR UPDATE", .in = "uu", .cols = db_number_cols},
    [CHECKOUT_FORGET] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET attention = '', checkout_id = NULL,"
                                 " checkout_plan = NULL, checkout_at_us = NULL, checkout_session_id = NULL"
                                 " WHERE user_id = ?",
                         .in = "u"},
    [CHECKOUT_READ] = {.text = "SELECT checkout_id, checkout_plan, checkout_at_us, checkout_session_id, terms_version"
                               " FROM subscriptions" OURS,
                       .in = "uu",
                       .cols = checkout_cols},
    [CHECKOUT_BEGIN] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET checkout_id = ?, checkout_plan = ?,"
                                " checkout_at_us = ?, checkout_session_id = NULL, terms_version = ?,"
                                " terms_accepted_at_us = ?, terms_accepted_how = ?" OURS,
                        .in = "usisisuu"},
    [CHECKOUT_DONE] = {.text = "UPDATE subscriptions FORCE INDEX (PRIMARY) SET checkout_session_id = ?,"
                               " sync_token = NULL, sync_until_us = NULL" OURS " AND checkout_id = ?",
                       .in = "suuu"},
    [CHECKOUT_CONSENT] = {.text = "SELECT terms_version, terms_accepted_at_us, terms_accepted_how FROM subscriptions"
                                  " WHERE user_id = ?",
                          .in = "u",
                          .cols = checkout_consent_cols},
};
