/*
 * Pending sign-ins: the password was right, and the code of a user with a second factor (user/second_factor.h) is still to
 * come. Who has the token (256 random bits in base62, stored as its SHA-256) may try codes, and nothing else.
 *
 *    e = pending_create(db, arena, &user_id, &mark, &token, &expires_at_us);
 *
 *    e = pending_look(db, arena, token, &pending);         // whose it is: for the throttle, before a code is looked at
 *    e = pending_try(db, token);                           // counts
 *    ... in the transaction of the sign-in, with the code:
 *    e = pending_end(db, token);                           // of two at once one wins
 *
 * It lives for ten minutes and five tries. A try counts when it begins, so many at once are no more than one after the other.
 * What is over goes with the standing job of worker@mail. After a change of the password, and when the user's other sessions are ended, it is over.
 */
#pragma once

#include "base/clock.h"
#include "crypto/digest.h"
#include "db/db.h"

#define PENDING_LIFETIME_US (10 * 60 * US_PER_SEC)
#define PENDING_TRIES_MAX 5
#define PENDING_MAX 20 /* of a user at a time: with the next one the oldest goes */

struct pending {
    struct uuid user_id;
    uint8_t mark[SHA256_BYTES]; /* of the password that was given: user_password_mark */
    int64_t tries;
};

MUST_CHECK enum err pending_create(struct db *db, struct arena *arena, const struct uuid *user_id,
                                   const struct sha256 *mark, struct str *ret_token, int64_t *ret_expires_at_us);

/* ERR_SIGN_IN_ENDED: there is none, its time is over, or its tries are used up. */
MUST_CHECK enum err pending_look(struct db *db, struct arena *arena, struct str token, struct pending *ret_pending);
MUST_CHECK enum err pending_try(struct db *db, struct str token);
MUST_CHECK enum err pending_end(struct db *db, struct str token);

MUST_CHECK enum err pending_end_all(struct db *db, struct arena *arena, const struct uuid *user_id);
