/*
 * Attempts: each call of TikTok's init, written and committed before it is made (docs/architecture.md#never-twice).
 * fence is the lease token of the job that made it; a result is written only where it matches and the attempt is still
 * "committed".
 */
#pragma once

#include "db/db.h"

enum attempt_state { ATTEMPT_COMMITTED, ATTEMPT_ACCEPTED, ATTEMPT_REFUSED, ATTEMPT_NOT_SENT, ATTEMPT_OUTCOME_UNKNOWN };
extern const char *const attempt_state_names[];

struct attempt {
    struct uuid id;
    int state;
};

/* In the transaction that moves the post to publishing. The caller chooses the id: the payload's image URLs have it. */
MUST_CHECK enum err attempt_add(struct db *db, const struct uuid *id, const struct uuid *post_id,
                                const struct uuid *fence, struct str payload);

struct attempt_result {
    enum attempt_state state;
    struct str publish_id, platform_code, platform_log_id;
    int http_status; /* 0: there was no answer */
};

/* ERR_CONFLICT when the fence does not match or the attempt has ended already. */
MUST_CHECK enum err attempt_end(struct db *db, const struct uuid *id, const struct uuid *fence,
                                const struct attempt_result *result);

/* The newest attempt of a post; ERR_NOT_FOUND. */
MUST_CHECK enum err attempt_latest(struct db *db, struct arena *arena, const struct uuid *post_id,
                                   struct attempt *ret_attempt);

/* Takes over an attempt that is still committed although its maker's lease is over: outcome_unknown. ERR_CONFLICT when
 * it has ended. */
MUST_CHECK enum err attempt_take_over(struct db *db, const struct uuid *id);

/* How often a post has come back so far, from its receipt: what bounds the retries. */
struct attempt_tally {
    int64_t refused;     /* retryable refusals of TikTok */
    int64_t unreachable; /* inits that were not sent, and other calls that got no usable answer */
    int64_t deferred;
};
MUST_CHECK enum err attempt_tally(struct db *db, struct arena *arena, const struct uuid *post_id,
                                  struct attempt_tally *ret_tally);

/* The event, by post_note, of a call before the init that got no usable answer: counted by attempt_tally. */
#define EVENT_NOT_REACHED "not_reached"
