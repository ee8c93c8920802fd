/*
 * Gathers what a user is to be told (notice.h) into mails: at most one of a kind waits in the outbox, and none is added
 * within NOTICE_EVERY_US of the one before. It says how many there are, and names the first few. What has settled itself
 * meanwhile (a post that was published after all, or was approved) is not told; nor is anything of a kind that is switched
 * off. What is for a disabled user, or for an address that mail does not reach, stays for NOTICE_KEPT_US, and is looked at
 * every NOTICE_AWAY_US: the user may be enabled again, and the address may be changed.
 *
 *    e = notices_gather(db, arena, &user_id, request_id, &again_at_us);    // in the transaction that ends the job
 */
#pragma once

#include "model/mail/notice.h"

/* Somebody whose posts fail all day must be able to see it without 24 × 60 mails; more seldom, and a second fault of the day
 * would be learned of too late to mend it on that day. */
#define NOTICE_EVERY_US (3600 * US_PER_SEC)

#define NOTICE_AWAY_US (6 * 3600 * US_PER_SEC)
#define NOTICE_KEPT_US (7 * US_PER_DAY)

#define NOTICE_NAMED_MAX 5 /* of a mail; the others are counted */

/* Call it first in a transaction. ret_again_at_us: when to come again for what must wait; 0: nothing is left. */
MUST_CHECK enum err notices_gather(struct db *db, struct arena *arena, const struct uuid *user_id,
                                   struct str request_id, int64_t *ret_again_at_us);
