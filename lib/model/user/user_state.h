/*
 * Disabling a user: nobody can sign in, sessions and keys are refused at once, and posts that TikTok does not have yet are
 * held. What TikTok has is followed to its end, images are deleted when their time is over, and all of the user's rows
 * stay, so that enabling puts everything back, but for a change of address that waits: that is over.
 *
 *    e = user_set_state(db, arena, &user_id, USER_DISABLED, &changed);
 *    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
 *        ... end the credential epoch (base/epoch.h): programs may still have the keys in their caches
 *
 * Keys and sessions have copies of the state, which change in the same transaction; the rows that are added meanwhile are
 * added under the user's lock (user_lock). The worker looks at the user's own row: once to learn why a post waits, and
 * once with a lock in the transaction that writes the attempt down. So no post leaves whose attempt was not committed
 * before the user was disabled.
 */
#pragma once

#include "model/user/user.h"

/*
 * As an admin, and the user's activity says so. Enabling makes the queues of the user's accounts move. Whatever the state
 * was, the copies are what it is now. ret_changed: false if it was so already, and then the activity is silent.
 * ERR_NOT_FOUND; ERR_ACCOUNT_ERASING: only a cancel ends that (privacy/erasure.h).
 */
MUST_CHECK enum err user_set_state(struct db *db, struct arena *arena, const struct uuid *id, enum user_state state,
                                   bool *ret_changed);

MUST_CHECK enum err user_is_active(struct db *db, struct arena *arena, const struct uuid *id, bool *ret_is);

/* Call it first in a transaction: none of these users, DB_MANY_MAX at most, is disabled before its end.
 * ERR_ACCOUNT_DISABLED if one of them is. */
MUST_CHECK enum err user_stay_active(struct db *db, struct arena *arena, const struct uuid *ids, size_t n);
