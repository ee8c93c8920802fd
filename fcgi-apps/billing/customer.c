/*
 * The caller's customer at Stripe: made before anything is bought, so that every event of ours names a customer that we know.
 *
 * That it is made is written first (checkout_ask_customer), so that an erasure finds one of which nobody heard. That is over once the only
 * one that was ever asked for is kept; whoever had to ask twice may have two.
 *
 * Its key is the user's, so who dies between the call and its commit makes no second one: the next call gets the same customer. Only
 * where that key has no use any more, because Stripe keeps a failure by it or the address was changed since, is there another key.
 */
#include "base/point.h"
#include "billing/ask.h"
#include "fcgi/credentials.h"
#include "model/billing/checkout.h"

static bool customer_key_is_spent(const struct ask *a, enum err e)
{
    return (e == ERR_NET_UNKNOWN && a->was_replayed) ||
           (e == ERR_STRIPE_REFUSED && str_eqc(a->error.type, "idempotency_error"));
}

static enum err customer_create_by(struct ask *a, struct str email, const struct uuid *id, struct str *ret_customer)
{
    struct ctx *c = a->c;
    struct stripe_customer made;
    struct net_result result;
    struct net_call call;

    stripe_customer_create(&a->stripe, c->arena, email, &c->caller.user_id,
                           stripe_idempotency_key(c->arena, "customer", id), &call);
    enum err e = ask_call(a, &call, &result);
    if (e == OK)
        e = stripe_read_customer(&result, c->arena, &made, &a->error);
    if (e != OK)
        return e;
    if (made.deleted || made.livemode != c->conf->stripe_livemode)
        return ERR_STRIPE_REFUSED;
    *ret_customer = made.id;
    return OK;
}

/* Nobody knows of it. If that fails, Stripe has a customer too many, whose metadata says whose it is. */
static void customer_drop(struct ask *a, struct str customer)
{
    struct net_result result;
    struct net_call call;

    stripe_customer_delete(&a->stripe, a->c->arena, customer, &call);
    enum err e = ask_call(a, &call, &result);
    (void)e;
}

static struct checkout_customer customer_of(const struct ctx *c, struct str id, struct str email, int64_t only_us)
{
    return (struct checkout_customer){
        .user_id = c->caller.user_id, .id = id, .email = email, .request_id = c->req.id, .only_us = only_us};
}

enum err customer_make(struct ask *a, struct str email, struct str *ret_customer)
{
    struct ctx *c = a->c;
    struct str made, kept;
    struct uuid other = uuid_new();
    int64_t only_us = 0;

    enum err e = checkout_ask_customer(c->db, c->arena, &c->caller.user_id, &only_us);
    if (e != OK)
        return e;
    e = customer_create_by(a, email, &c->caller.user_id, &made);
    if (customer_key_is_spent(a, e)) {
        only_us = 0;
        e = customer_create_by(a, email, &other, &made);
    }
    if (e != OK)
        return ask_told(e);
    point("billing.customer_made");
    const struct checkout_customer customer = customer_of(c, made, email, only_us);
    e = checkout_keep_customer(c->db, c->arena, c->conf, &customer, &kept);
    if (e == ERR_ACCOUNT_DISABLED || e == ERR_NOT_FOUND || (e == OK && !str_eq(kept, made)))
        customer_drop(a, made);
    c->problems.left_something = e == OK;
    if (e == OK)
        *ret_customer = kept;
    return e;
}

enum err customer_replace(struct ask *a, struct str email, struct sync *sync)
{
    struct ctx *c = a->c;
    struct uuid other = uuid_new();
    struct str made;
    int64_t only_us = 0;

    enum err e = checkout_ask_customer(c->db, c->arena, &c->caller.user_id, &only_us);
    if (e != OK)
        return e;
    e = customer_create_by(a, email, &other, &made);
    if (e != OK)
        return ask_told(e);
    const struct checkout_customer customer = customer_of(c, made, email, only_us);
    e = checkout_replace_customer(c->db, c->arena, c->conf, sync, &customer);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(c);
    else
        customer_drop(a, made);
    return ask_told(e);
}
