/*
 * What people ask for by mail about their data, and what an admin does about it (marketingcli-admin privacy). A request has a month; one
 * that is noted first is done by its verb, and one that is done at once is noted as it is done. Either is in the user's activity.
 *
 *    e = request_note(db, &(struct request_new){.user_id = id, .what = REQUEST_ACCESS, .reason = reason}, &request_id);
 *    ...
 *    e = request_done(db, arena, &user_id, REQUEST_ACCESS, reason);
 *
 *    [noted] --done--> [done]        a month after it came it is overdue: an alarm tells so every day
 */
#pragma once

#include "base/clock.h"
#include "base/retention.h"
#include "db/db.h"

/* A month has no fewer days, whichever it is. */
#define REQUEST_DUE_US (28 * US_PER_DAY)
#define REQUEST_REASON_CHARS 500

enum request_what { REQUEST_ACCESS, REQUEST_CORRECT, REQUEST_EXPORT, REQUEST_ERASE, REQUEST_DISCONNECT };
extern const char *const request_what_names[]; /* "access" ... NULL */

struct request_new {
    struct uuid user_id; /* none: somebody without an account */
    enum request_what what;
    struct str reason;
    int64_t received_at_us; /* 0: now */
};

struct request_row {
    struct uuid id, user_id;
    int what;
    struct str reason;
    int64_t received_at_us, due_at_us, done_at_us; /* done 0: not yet */
};

/* ERR_NOT_FOUND: there is no such user. */
MUST_CHECK enum err request_note(struct db *db, const struct request_new *new, struct uuid *ret_id);

/* The user's oldest one of that kind that is not done, or else one that is noted now. Also in the user's activity. */
MUST_CHECK enum err request_done(struct db *db, struct arena *arena, const struct uuid *user_id, enum request_what what,
                                 struct str reason);

/*
 * Has worker@publish, which has the keys, disconnect the user's TikTok accounts, or that one, as the user could: tokens are wiped, and the
 * grant is ended at TikTok. It is noted with the account until that is done, so that who cancels an erasure, whose job is the same, does not
 * drop it. *ret_n: how many there are. ERR_NOT_FOUND: there is no such account of theirs.
 */
MUST_CHECK enum err request_disconnect(struct db *db, struct arena *arena, const struct uuid *user_id,
                                       const struct uuid *account_id, size_t *ret_n);
MUST_CHECK enum err request_is_end_asked(struct db *db, const struct uuid *account_id, bool *ret_is);

/* By its id, of whoever has no account. ERR_NOT_FOUND: there is none that is not done. */
MUST_CHECK enum err request_close(struct db *db, const struct uuid *id);

/* Those that are not done, by their time; all: also those that are, newest first. max of them at most. */
MUST_CHECK enum err request_list(struct db *db, struct arena *arena, bool all, size_t max,
                                 struct request_row **ret_requests, size_t *ret_n);

/* How many are overdue that no alarm has told of for a day; they are told now. */
MUST_CHECK enum err request_tell_overdue(struct db *db, int64_t now_us, uint64_t *ret_n);
