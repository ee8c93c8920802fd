/*
 * The Stripe simulator: Stripe's own paths below /v1/, which our programs call when stripe.api_url is the simulator's
 * name (sandbox.url), and pages below /stripe/ that people are sent to. All is of the test mode, and no money moves.
 * Where stripe.api_url is another address, or there is no stripe-simulator-key, none of this is there: ERR_NOT_FOUND.
 *
 *    static enum err customers_create(struct ctx *c)
 *    {
 *        static const struct stripe_operation op = {"customers_create", stripe_customers_create, .writes = true};
 *        return stripe_run(c, &op);
 *    }
 *
 * What happens to a subscription is model/sandbox/stripe_life.h's, what is stored model/sandbox/stripe_sim.h's, and what
 * it looks like sandbox/stripe/object.h's. Prices: any id is taken.
 */
#pragma once

#include "model/sandbox/stripe_sim.h"
#include "sandbox/sandbox.h"
#include "sandbox/stripe/object.h"

/* What our programs have as stripe-api-key and stripe-webhook-secrets, in files of its own: a simulator is never handed the key of an
 * account at Stripe. */
#define SIMULATOR_KEY_CREDENTIAL "stripe-simulator-key"
#define SIMULATOR_SECRETS_CREDENTIAL "stripe-simulator-secrets"

#define STRIPE_URL_MAX_BYTES 1024
#define STRIPE_AMOUNT_CENTS 1000 /* of every bill: nothing here knows a price */

/* A call to the API, while it is carried out. Exactly one object is written to body. */
struct stripe_api {
    struct ctx *c;
    const struct form *form; /* the body of a POST, the query of a GET */
    struct buf body;
    int status; /* 200, unless it was refused */
};

struct stripe_operation {
    const char *name; /* for scripts: sandbox_stripe_calls */
    enum err (*fn)(struct db *db, struct stripe_api *a);
    bool writes; /* in a transaction, and with an Idempotency-Key once only */
};
MUST_CHECK enum err stripe_run(struct ctx *c, const struct stripe_operation *op);

bool stripe_simulates(const struct conf *conf, const struct sandbox_state *state);

/* The answer of an operation that changes nothing. Stripe's code and param; NULL: none. */
MUST_CHECK enum err stripe_refuse(struct stripe_api *a, int status, const char *code, const char *param,
                                  const char *message);
/* What an id names is not there: 404 if it stands in the path (param NULL), else 400. */
MUST_CHECK enum err stripe_refuse_missing(struct stripe_api *a, const char *param);

/* A customer that is there; the transaction then holds it. False: refused, or *ret_err says what went wrong. */
bool stripe_customer_hold(struct db *db, struct stripe_api *a, struct str id, const char *param,
                          struct stripe_sim_customer *ret, enum err *ret_err);
bool stripe_customer_look(struct db *db, struct stripe_api *a, struct str id, const char *param,
                          struct stripe_sim_customer *ret, enum err *ret_err);

/* "limit" of a list, 10 without it. 0: refused. */
int64_t stripe_limit(struct stripe_api *a, enum err *ret_err);

/* Addresses that people are sent to are below service.url, and nowhere else. */
bool stripe_url_is_ours(const struct conf *conf, struct str url);

/* Objects from rows (tell.c) */
void stripe_put_customer(struct buf *b, struct arena *arena, const struct stripe_sim_customer *customer);
void stripe_put_session(struct buf *b, struct arena *arena, const struct conf *conf,
                        const struct stripe_sim_checkout *checkout);
void stripe_put_subscription(struct buf *b, struct arena *arena, const struct stripe_sim_checkout *checkout);
void stripe_put_charge(struct buf *b, struct arena *arena, const struct stripe_sim_checkout *checkout, bool refunded);
struct str stripe_page_url(struct arena *arena, const struct conf *conf, const char *page, struct str id);

/*
 * Within the transaction of a change (tell.c): stores the event, which is then sent. checkout NULL: it is about the
 * customer.
 */
struct stripe_teller {
    struct db *db;
    struct arena *arena;
    const struct conf *conf;
    const struct stripe_sim_customer *customer;
};
MUST_CHECK enum err stripe_tell(const struct stripe_teller *t, const struct stripe_sim_checkout *checkout,
                                const char *type, int64_t at_us);
MUST_CHECK enum err stripe_tell_all(const struct stripe_teller *t, const struct stripe_sim_checkout *checkout,
                                    struct stripe_life_events *events); /* and forgets them */

/* Lets everything happen to it that is due by the customer's clock, and stores it. */
MUST_CHECK enum err stripe_advance(const struct stripe_teller *t, struct stripe_sim_checkout *checkout);

/* Of a customer: all that it has, at most STRIPE_SIM_PAGE_MAX. */
MUST_CHECK enum err stripe_advance_all(const struct stripe_teller *t);

/* Ends its sessions and subscriptions, and says so (customers.c). */
MUST_CHECK enum err stripe_customer_end(struct stripe_teller *t, struct stripe_sim_customer *customer);

/* The background thread (sender.c): sends events, and lets happen what is due. Milliseconds to wait before the next round. */
int sender_round(const struct conf *conf, struct db *db, struct arena *arena, struct sandbox_state *state);
