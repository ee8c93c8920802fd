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
    struct str customer; /* Stripe's id; in the arena */
    int64_t until_us;    /* with ERR_AGAIN: when the other's lease ends */
};

/*
 * now_us: leases that are over then may be taken; of a worker job_run_lapsed_us. ERR_NOT_FOUND: the user has no customer. ERR_AGAIN:
 * somebody else asks; ret_sync->until_us alone is filled. After ERR_OUTCOME_UNKNOWN the lease may be taken by nobody, until it ends.
 */
MUST_CHECK enum err sync_claim(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t now_us,
                               struct sync *ret_sync);

/* In a transaction, as job_lease.hold (lib/jobs/kind.h) wants it: ERR_CONFLICT: it is somebody else's; ERR_AGAIN: the row is locked just now. */
MUST_CHECK enum err sync_hold(struct db *db, const struct uuid *user_id, const struct uuid *token, int64_t until_us);

/* Parts of a transaction, and its first: they lock the user. Each also ends the lease. ERR_CONFLICT: it is not ours any more. */
MUST_CHECK enum err sync_store(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync,
                               const struct stripe_state *state);
/* Stripe has deleted the customer, or we had it deleted: as if the user never had one. */
MUST_CHECK enum err sync_forget(struct db *db, struct arena *arena, const struct conf *conf, const struct sync *sync);

/* Nothing came of it. OK also if the lease was somebody else's by then. */
MUST_CHECK enum err sync_release(struct db *db, const struct sync *sync);

/* What is stored of a state: of nothing but that and the plans, so that it does not matter who asked when. */
struct subscription sync_subscription(const struct conf *conf, struct str customer, const struct stripe_state *state);
