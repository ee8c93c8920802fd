/*
 * The end of a grant at TikTok, and who connects meanwhile. A grant belongs to an open id, and a call that ends it may take
 * effect at any time until TikTok has answered, or later if it does not answer. Whoever gets a grant of that open id in
 * between may have one that is dead, and TikTok has said that it is good. Nobody can be kept from getting it: only TikTok
 * knows whose it will be. So it is looked at afterwards.
 *
 *    ends      grant_end_begin, committed; then account_grant_in_use; then the call; then grant_end_over
 *    connects  grant_end_check in the transaction that makes the connection
 *
 * Both write the row of the open id, so one waits for the other. Either who ends sees the new connection, and makes no
 * call; or who connects sees the end, and adds a "refresh" job for when it is over: of a dead grant TikTok refuses new
 * tokens, and the account needs_reconnect. That job depends on nobody who may have died since.
 */
#pragma once

#include "db/db.h"

/* After its time is over, a call without an answer may still take effect for so long; nobody here keeps a request for longer. */
#define GRANT_END_LANDS_US (60 * US_PER_SEC)

/* In no transaction. ERR_OUTCOME_UNKNOWN and others: do not call. *ret_until_us: when the end is over, with a call of so many seconds. */
MUST_CHECK enum err grant_end_begin(struct db *db, struct str open_id, int call_sec, int64_t *ret_until_us);

/*
 * After the call. What connected meanwhile is looked at now if TikTok has answered, or else when the end is over. In a
 * transaction of its own; if it fails, the jobs of grant_end_check are there.
 */
MUST_CHECK enum err grant_end_over(struct db *db, struct arena *arena, struct str open_id, int64_t look_at_us,
                                   struct str request_id);

/* In the transaction that makes or renews the connection, after that. */
MUST_CHECK enum err grant_end_check(struct db *db, struct str open_id, const struct uuid *account_id,
                                    struct str request_id);

/* TikTok has answered, and nobody connected meanwhile: the row goes, unless somebody else ends the grant by now. */
MUST_CHECK enum err grant_end_forget(struct db *db, struct str open_id, int64_t until_us);

MUST_CHECK enum err grant_end_purge(struct db *db, int64_t now_us); /* 1000 at a time */
