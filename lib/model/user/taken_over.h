/*
 * What somebody who had an account for a while may have left there, to keep it, or to keep its owner out: a second factor of
 * their own, and API keys that they know.
 */
#pragma once

#include "db/db.h"

/*
 * A part of a transaction that has locked the user: removes the second factor if it was enabled at that time or later, and revokes
 * the keys that were made, got a new secret or were widened since. The user's activity tells of each. The caller then ends the credential epoch.
 */
MUST_CHECK enum err taken_over_clear(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t since_us);
