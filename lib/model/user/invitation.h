/*
 * Invitations: codes with which people can register where registration.mode is invitation. A code is 128 random bits in
 * base62, shown once and stored as its SHA-256. It is good for uses_max users, until it expires or is revoked.
 *
 *    e = invitation_create(db, arena, &(struct invitation_new){.uses_max = 5, .lifetime_us = 14 * US_PER_DAY}, &code, &id);
 *
 *    e = invitation_look(db, arena, code, &id);        // at the registration: is it good? It stays as it is
 *    ... in the transaction that makes the user:
 *    e = invitation_use(db, &id, registered_at_us);
 *
 * A registration uses none of it, because its address may be anybody's: so of many who register with the last use, the first
 * to follow the mailed link has it.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

#define INVITATION_USES_MAX 10000
#define INVITATION_LIFETIME_MAX_US (INT64_C(366) * US_PER_DAY)

struct invitation_new {
    int64_t uses_max;    /* 1 to INVITATION_USES_MAX */
    int64_t lifetime_us; /* from now; at most INVITATION_LIFETIME_MAX_US */
};

/* What is shown of one; not the code, which nobody knows any more. */
struct invitation {
    struct uuid id;
    int64_t uses_max, uses;
    int64_t created_at_us, expires_at_us, revoked_at_us; /* revoked: 0 if it was not */
};

/* ret_code is in the arena. */
MUST_CHECK enum err invitation_create(struct db *db, struct arena *arena, const struct invitation_new *invitation,
                                      struct str *ret_code, struct uuid *ret_id);

/* Calls fn with each struct invitation, the oldest first, as db_each does. */
MUST_CHECK enum err invitation_each(struct db *db, enum err (*fn)(const void *invitation, void *arg), void *arg);

/* Those who have registered with it and did not follow their link yet cannot any more. ERR_NOT_FOUND; OK if it was revoked
 * before. */
MUST_CHECK enum err invitation_revoke(struct db *db, const struct uuid *id);

/* ERR_INVITATION: there is no such code, or it is used up, expired or revoked. */
MUST_CHECK enum err invitation_look(struct db *db, struct arena *arena, struct str code, struct uuid *ret_id);

/* Counts one more user. It must not have expired at that time, and must not be revoked or used up now: ERR_INVITATION. */
MUST_CHECK enum err invitation_use(struct db *db, const struct uuid *id, int64_t registered_at_us);
