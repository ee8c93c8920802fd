/*
 * Buying a plan, as far as it is ours: the user's customer at Stripe, and the checkout that was begun last. A user has one at most, so
 * two tabs cannot buy twice: whoever begins another one lets the one before expire at Stripe first, under the customer's lease.
 *
 *    e = checkout_buyer_of(db, arena, &user_id, &buyer);           // no customer: make one at Stripe, and
 *    e = checkout_keep_customer(db, arena, conf, &customer, &kept);
 *    e = sync_claim(db, arena, &user_id, now_us, &sync);           // model/billing/sync.h
 *    e = checkout_read(db, arena, &sync, &before);                 // look at its session: checkout_judge
 *    e = checkout_begin(db, &sync, &wish, &checkout);              // then make the session, with checkout.id in its idempotency key
 *    e = checkout_done(db, &sync, &checkout, session);             // ends the lease
 *
 * The row is written before Stripe is asked, and says all that the call depends on. So when nobody knows what became of that call, the
 * same call tells: Stripe answers a repeat with the session that it has made.
 */
#pragma once

#include "model/billing/sync.h"
#include "stripe/read.h"

/* How long a session can be paid: Stripe takes 30 minutes at least, counted from when the call arrives. */
#define CHECKOUT_LIFE_US (INT64_C(90) * 60 * 1000000)
#define CHECKOUT_FRESH_US \
    (INT64_C(50) * 60 * 1000000) /* one that is older is not shown again: there must be time to pay */
#define CHECKOUT_SLACK_US (INT64_C(10) * 60 * 1000000) /* by how much Stripe's clock and ours may differ */

/* What somebody wants to buy, and which terms they have accepted for it. */
struct checkout_wish {
    struct str plan;
    struct str terms_version; /* absent: the terms have none here */
    bool asks_again;          /* Stripe's page asks for the consent, too, before it takes a payment */
};

struct checkout {
    struct uuid id; /* none: there was none yet */
    struct str plan, terms_version;
    struct str session_id; /* absent: not known yet */
    int64_t at_us;
};

int64_t checkout_expires_us(const struct checkout *c);

/* May a session of it still be open at Stripe? */
bool checkout_may_be_open(const struct checkout *c, int64_t now_us);

enum checkout_verdict {
    CHECKOUT_SHOW,   /* it is the one to pay */
    CHECKOUT_EXPIRE, /* it is open, and must not be: too old, of another plan, or begun under other terms */
    CHECKOUT_PAID,   /* after the subscriptions were looked at: look again */
    CHECKOUT_OVER,   /* another one may begin */
};

/* What to do with a checkout whose session Stripe shows so, when that is wanted. is_counted: the subscription that came of it
 * was among those that were looked at. */
enum checkout_verdict checkout_judge(const struct checkout *c, const struct stripe_session *session,
                                     const struct checkout_wish *wish, bool is_counted, int64_t now_us);

struct checkout_buyer {
    struct str email, customer; /* customer absent: Stripe does not know them yet */
    int state;                  /* enum user_state */
    struct plan_terms terms;
};
MUST_CHECK enum err checkout_buyer_of(struct db *db, struct arena *arena, const struct uuid *user_id,
                                      struct checkout_buyer *ret_buyer);

/* The plan that they pay for, whatever an admin has given them: a grant ends, and is no reason not to buy. NULL: none. */
const struct plan *checkout_paid_plan(const struct checkout_buyer *buyer, const struct plans *plans, int64_t now_us);

/*
 * Call it before a customer is made at Stripe: whoever dies before it is stored leaves one behind of which nobody knows but by this, and an
 * erasure looks for it (worker/billing/customer_delete.c). It is over when that customer is stored, and was asked for once: *ret_only_us for
 * struct checkout_customer. Of several that were asked for, Stripe may have made several, because its keys are good for a day. A
 * transaction. ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND.
 */
MUST_CHECK enum err checkout_ask_customer(struct db *db, struct arena *arena, const struct uuid *user_id,
                                          int64_t *ret_only_us);

/* A customer that was made at Stripe, with the address by which that was done: if the user has another one by now, Stripe hears of it. */
struct checkout_customer {
    struct uuid user_id;
    struct str id, email;
    struct str request_id; /* ours, for the log */
    int64_t
        only_us; /* when it was asked for, if Stripe can have no other one of the user's; 0: it may, and goes on being looked for */
};

/*
 * The user has this customer from now on, unless there is one already, which *ret_kept then is: the caller deletes the new one at
 * Stripe. A transaction. ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND.
 */
MUST_CHECK enum err checkout_keep_customer(struct db *db, struct arena *arena, const struct conf *conf,
                                           const struct checkout_customer *customer, struct str *ret_kept);

/* Stripe has deleted sync->customer, and with it all subscriptions: the user has this one now. A transaction; the lease goes on, and
 * *sync is of the new customer. ERR_CONFLICT: it is somebody else's. The caller ends the credential epoch. */
MUST_CHECK enum err checkout_replace_customer(struct db *db, struct arena *arena, const struct conf *conf,
                                              struct sync *sync, const struct checkout_customer *customer);

/* All need the lease: ERR_CONFLICT if it is somebody else's. */
MUST_CHECK enum err checkout_read(struct db *db, struct arena *arena, const struct sync *sync,
                                  struct checkout *ret_checkout);
/* A transaction. The consent is noted in the row, until another checkout begins, and in the user's activity. */
MUST_CHECK enum err checkout_begin(struct db *db, struct arena *arena, const struct sync *sync,
                                   const struct checkout_wish *wish, struct checkout *ret_checkout);
MUST_CHECK enum err checkout_done(struct db *db, const struct sync *sync, const struct checkout *c,
                                  struct str session_id);

/* The consent of the checkout that was begun last. */
struct checkout_consent {
    struct str terms_version;
    int64_t at_us; /* 0: none was begun since this is noted */
    int how;       /* by checkout_consent_how_names: the request's accepted_terms; and Stripe's page asks once more */
};
extern const char *const checkout_consent_how_names[]; /* "request", "request_and_stripe", NULL */
MUST_CHECK enum err checkout_consent_of(struct db *db, struct arena *arena, const struct uuid *user_id,
                                        struct checkout_consent *ret_consent);
