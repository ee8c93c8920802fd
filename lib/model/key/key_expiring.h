/*
 * Keys that are about to expire: their owner is told once, KEY_TOLD_BEFORE_US before, while there is time to rotate them.
 *
 *    do
 *        e = key_tell_expiring(db, arena, &n);
 *    while (e == OK && n == KEY_TELL_BATCH);
 *
 * The end of a key is set when it is made and never changes, so one note in its row is enough. A key that was made to last
 * no longer than that is no news to whoever made it, and what becomes of a test key is worth no mail. Keys of a user who is
 * disabled, or whom mail does not reach, wait until that has changed.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

#define KEY_TOLD_BEFORE_US (7 * US_PER_DAY)
#define KEY_TELL_BATCH 100

/* The next KEY_TELL_BATCH at most, each in a transaction of its own. ret_n: how many; as many as that: there may be more. */
MUST_CHECK enum err key_tell_expiring(struct db *db, struct arena *arena, size_t *ret_n);
