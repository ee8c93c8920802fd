/*
 * What Stripe says of a customer, stored by one at a time. Whoever wants to ask holds the customer's lease, columns of the row
 * subscriptions, from before the first call until the answer is stored; and stores it only where the lease is still theirs. So what
 * is stored never comes from an older answer than what was there: somebody who stood still writes nothing.
 *
 *    e = sync_claim(db, arena, &user_id, now_us, &sync);    // ERR_AGAIN: somebody else is asking
 *    ... model/billing/fetch.h, for sync.customer
 *    e = sync_store(db, arena, conf, &sync, &fetch.state);    // in a transaction, which also ends the lease
 *    if (e == OK || e == ERR_OUTCOME_UNKNOWN) ... end the credential epoch
 *
 * or sync_release, when nothing came of it. The lease ends by itself after SYNC_LEASE_US; whoever needs longer extends it.
 */
#pragma once

#include "model/billing/terms.h"
#include "stripe/derive.h"

#define SYNC_LEASE_US \
    (INT64_C(120) * 1000000) /* a few calls of a user who waits, or one of a worker, which extends it */

struct sync {
    struct uuid user_id, token;
    struct str customer;     /* Stripe's id; in the arena */
    bool livemode, has_mode; /* of which mode it is, if that is known */
    int64_t attention;       /* what an admin was told of it, and lasts: SYNC_ bits */
    int64_t until_us;        /* with ERR_AGAIN: when the other's lease ends */
};

/*
 * Is the customer one of the mode that stripe.livemode does not say? Then our key cannot see it, and Stripe's "no such customer" says
 * nothing: neither that it was deleted, nor that nothing is paid any more. A row of which nobody has noted the mode is taken for one
 * of ours.
 */
bool sync_is_other_mode(const struct sync *sync, const struct conf *conf);

/* What an admin is told of a customer once, and not at each event or each try, as long as it lasts: subscriptions.attention. */
#define SYNC_UNKNOWN_CUSTOMER (INT64_C(1) << 0)
#define SYNC_OTHER_MODE (INT64_C(1) << 1)
#define SYNC_SEVERAL (INT64_C(1) << 2)
#define SYNC_UNKNOWN_STATUS (INT64_C(1) << 3)
#define SYNC_EMAIL_REFUSED (INT64_C(1) << 4)
#define SYNC_FOREIGN_PRICE (INT64_C(1) << 5)
extern const char *const sync_attention_words[]; /* by bit, as a person reads them; NULL ends them */

int64_t sync_attention_of(const struct stripe_state *state); /* of what was fetched */

/* They were told; or are over. Of a user without a customer nothing. */
MUST_CHECK enum err sync_attend(struct db *db, const struct uuid *user_id, int64_t bits);
MUST_CHECK enum err sync_attend_over(struct db *db, const struct uuid *user_id, int64_t bits);

/*
 * now_us: leases that are over then may be taken; of a worker job_run_lapsed_us. ERR_NOT_FOUND: the user has no customer. ERR_AGAIN:
 * somebody else asks; ret_sync->until_us alone is filled. After ERR_OUTCOME_UNKNOWN the lease may be taken by nobody, until it ends.
 */
MUST_CHECK enum err sync_claim(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t now_us,
                               struct sync *ret_sync);

/* In a transaction, as job_lease.hold (lib/jobs/kind.h) wants it: ERR_CONFLICT: it is somebody else's; ERR_AGAIN: the row is locked just now. */
MUST_CHECK enum err sync_hold(struct db *db, const struct uuid *user_id, const struct uuid *token, int64_t until_us);

/* Parts of a transaction, and its first: they lock the user. Each also ends the lease. ERR_CONFLICT: it is not ours any more. What an
 * admin was told of, and is over by what was fetched, is forgotten; what is new is the caller's to tell (sync_attend). */
MUST_CHECK enum err sync_store(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync,
                               const struct stripe_state *state);
/* A customer of the other mode pays nothing here, and its row stays, for whoever has to delete it at Stripe. */
MUST_CHECK enum err sync_void(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync);
/* Stripe has deleted the customer, or we had it deleted: as if the user never had one. */
MUST_CHECK enum err sync_forget(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync);

/* Nothing came of it. OK also if the lease was somebody else's by then. */
MUST_CHECK enum err sync_release(struct db *db, const struct sync *sync);

/* What is stored of a state: of nothing but that and the plans, so that it does not matter who asked when. */
struct subscription sync_subscription(const struct conf *conf, struct str customer, const struct stripe_state *state);
