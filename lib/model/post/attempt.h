/*
 * Attempts: each call of TikTok's init, written and committed before it is made (docs/architecture.md#never-twice).
 * fence is the lease token of the job that made it; a result is written only where it matches and the attempt is still
 * "committed".
 */
#pragma once

#include "model/job/job.h"
#include "model/key/budget.h"
#include "model/post/post.h"

enum attempt_state { ATTEMPT_COMMITTED, ATTEMPT_ACCEPTED, ATTEMPT_REFUSED, ATTEMPT_NOT_SENT, ATTEMPT_OUTCOME_UNKNOWN };
extern const char *const attempt_state_names[];

struct attempt {
    struct uuid id;
    int state;
    int64_t number; /* from 1 */
    struct str publish_id;
};

/*
 * Writes attempts down before their calls, in one transaction: it moves the posts to publishing, adds the attempts and
 * extends the jobs' leases. ERR_CONFLICT if a post has moved, another attempt took the number, or somebody else has the job:
 * of several nobody knows which, and none is written. ERR_ACCOUNT_DISABLED if a user is (user/user_state.h). The errors of
 * budget_check if a key may by now not post what it made. n: DB_MANY_MAX at most, of different posts. taken: the calls of
 * their accounts that they take, in the same order (account_take_from); NULL: they have them already. The caller chooses the
 * ids, because the image URLs in the payload contain them.
 */
struct attempt_new {
    struct uuid id, post_id, user_id;
    enum post_state from;  /* the post's, as it was read */
    struct budget_use use; /* of the key that made the post */
    int64_t number;        /* the newest attempt's and 1 */
    struct str payload;
    const struct job *job; /* its lease token is the attempt's fence */
};
MUST_CHECK enum err attempt_begin(struct db *db, struct arena *arena, const struct conf *conf, enum job_class class,
                                  int64_t lease_until_us, const struct attempt_new *attempts,
                                  const struct account_taken *taken, size_t n);

struct attempt_result {
    enum attempt_state state;
    struct str publish_id, platform_code, platform_log_id;
    int http_status; /* 0: no answer came */
};

/* ERR_CONFLICT if the fence does not match or the attempt has already ended. */
MUST_CHECK enum err attempt_end(struct db *db, const struct uuid *id, const struct uuid *fence,
                                const struct attempt_result *result);

/* The same for several. ERR_CONFLICT if that is so of one of them: the transaction must be taken back. */
struct attempt_ending {
    struct uuid id, fence;
    struct attempt_result result;
};
MUST_CHECK enum err attempt_end_many(struct db *db, const struct attempt_ending *attempts, size_t n);

/* What has become of an attempt of one's own. ERR_NOT_FOUND: it was never committed. */
MUST_CHECK enum err attempt_look(struct db *db, struct arena *arena, const struct uuid *id, const struct uuid *fence,
                                 struct attempt *ret_attempt);

/* The newest attempt of a post. ERR_NOT_FOUND. */
MUST_CHECK enum err attempt_latest(struct db *db, struct arena *arena, const struct uuid *post_id,
                                   struct attempt *ret_attempt);

/* When the init was made that TikTok has answered with that publish_id. ERR_NOT_FOUND. */
MUST_CHECK enum err attempt_made(struct db *db, const struct uuid *post_id, struct str publish_id, int64_t *ret_at_us);

/* Ends an attempt that is still committed although its maker's lease is over, as outcome_unknown. ERR_CONFLICT if
 * it has already ended. */
MUST_CHECK enum err attempt_take_over(struct db *db, const struct uuid *id);

/* What the result of an attempt was that somebody else has called an unknown outcome: it stays with the attempt, whose state stays. No error
 * where it is not so, or is known already. */
MUST_CHECK enum err attempt_tell(struct db *db, const struct uuid *id, const struct uuid *fence,
                                 const struct attempt_result *result);

/* How often a post has come back so far, since it was last retried by somebody: by its receipt. It limits how often it is tried again by itself. */
struct attempt_tally {
    int64_t refused;     /* retryable refusals of TikTok */
    int64_t unreachable; /* calls before the init that left and got no usable answer */
    int64_t
        unsent; /* inits and calls before them that did not leave, or that this installation was to blame for: no limit */
    int64_t deferred;
    int64_t
        retried_at_us; /* not_before_us of an event that has no attempt: else a clock that was set back puts it before the retry, and it
                              does not count */
};
MUST_CHECK enum err attempt_tally(struct db *db, struct arena *arena, const struct uuid *post_id,
                                  struct attempt_tally *ret_tally);

/* The events that post_note writes when a call before the init got no usable answer, and when it did not leave. attempt_tally
 * counts them. */
#define EVENT_NOT_REACHED "not_reached"
#define EVENT_NOT_SENT "not_sent"
