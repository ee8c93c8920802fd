/*
 * What users have paid for, and what an admin has given them. Each change writes its row and, in the same transaction, what it
 * comes to (model/billing/terms.h) into the user's row and the copies of it that keys and sessions have. So it holds with the
 * next request everywhere, once the caller has ended the credential epoch: programs keep a key for a second.
 *
 *    e = billing_grant(db, arena, conf, &user_id, plan, until_us);
 *    if (e == OK || e == ERR_OUTCOME_UNKNOWN) ... end the epoch
 */
#pragma once

#include "model/billing/terms.h"

/* Gives a user a plan of the file, in place of one that was given before; it is in their activity. until_us 0: without an end.
 * ERR_NOT_FOUND: there is no such user. */
MUST_CHECK enum err billing_grant(struct db *db, struct arena *arena, const struct conf *conf,
                                  const struct uuid *user_id, const struct plan *plan, int64_t until_us);

/* Takes it back; *ret_had: there was one, whether or not it had ended. ERR_NOT_FOUND. */
MUST_CHECK enum err billing_revoke_grant(struct db *db, struct arena *arena, const struct conf *conf,
                                         const struct uuid *user_id, bool *ret_had);

/*
 * What Stripe says of a user's subscription, as a part of a transaction. It replaces what was known, whatever that was: whoever
 * calls it has asked Stripe, in the mode that stripe.livemode says, and lets nobody else ask meanwhile. ERR_NOT_FOUND: there is no such user; ERR_DB_DUPLICATE: the
 * customer or the subscription is another user's.
 */
MUST_CHECK enum err billing_set_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                             const struct uuid *user_id, const struct subscription *subscription);

/* What was known of the subscription holds no longer; the customer stays. As a part of a transaction. ERR_NOT_FOUND. */
MUST_CHECK enum err billing_void_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                              const struct uuid *user_id);

/*
 * Of whom Stripe has nothing any more: neither a customer nor what came of one. As a part of a transaction. ERR_NOT_FOUND: there is
 * no such user.
 */
MUST_CHECK enum err billing_unset_subscription(struct db *db, struct arena *arena, const struct conf *conf,
                                               const struct uuid *user_id);

/* All that there is of a user's plan. */
struct billing {
    struct subscription subscription;
    struct plan_grant grant;
    int64_t granted_at_us;
    struct plan_now now;
    int64_t used[PLAN_LIMIT__MAX];
    bool livemode, has_mode; /* these two of billing_show alone: of which mode the customer is, if that is known, and */
    int64_t attention;       /* what an admin was told of it, and lasts: bits of SYNC_ (model/billing/sync.h) */
};

/* One statement, from the rows themselves; without Stripe's ids. ERR_NOT_FOUND. */
MUST_CHECK enum err billing_read(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct uuid *user_id, struct billing *ret_billing);

/* The same with them, for an admin, who is seen in the activity. */
MUST_CHECK enum err billing_show(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct uuid *user_id, struct billing *ret_billing);

/* The limit that an error is about: ERR_PLAN_POSTS, ERR_PLAN_ACCOUNTS, ERR_PLAN_STORAGE. False: it is about none. */
bool billing_limit_of(enum err e, enum plan_limit *ret_limit);

/*
 * Locks a user, as user_lock does, and says which plan they have. ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND.
 */
MUST_CHECK enum err billing_lock_user(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *user_id, const struct plan **ret_plan);
