/* What the files of the turn kind share: turn.c chooses the post; publish.c leads to its init; init.c makes that and
 * records its result; turns.c does both for several posts at once. */
#pragma once

#include "model/post/attempt.h"
#include "model/post/post.h"
#include "publish/access.h"
#include "publish/settle.h"

struct publish {
    bool is_init; /* the call that is open is the init; else creator info, or the refresh as access says */
    struct access access;
    struct post post;
    struct account account;
    size_t images_n;
    struct uuid attempt_id;
    struct uuid fence;  /* of that attempt: the job's lease token when it was begun */
    int64_t attempts_n; /* before this one */
    bool is_late;       /* somebody has called the attempt an unknown outcome before its result was taken up */
};

/* How often a post is tried again at most. */
#define PUBLISH_REFUSED_MAX 8       /* retryable refusals */
#define PUBLISH_UNREACHABLE_MAX 100 /* calls that left and got no answer: with the backoff, about 24 hours */
#define PUBLISH_DEFERRED_MAX 7      /* a week of days on which the account is full */

/* Fails the post, which TikTok does not have. */
enum job_step publish_fail(struct job_run *run, struct publish *p, const char *event, const char *failure);

/* The event that ends a post whose call got no usable answer, and its failure code: is TikTok to blame, or this
 * installation? */
const char *publish_blame(const struct job_run *run);

/*
 * Has it waited for long enough after such calls? What is hardly the post's own fails it no sooner than it must: when the
 * time of its images is over, as if it were held.
 */
bool publish_is_over(const struct job_run *run, const struct publish *p, const struct attempt_tally *tally);

/* Starts from the state rows of the post run->about: makes the next call, or ends. */
enum job_step publish_advance(struct job_run *run, struct publish *p);
enum job_step publish_result(struct job_run *run, struct publish *p); /* of that call */

/* publish_left.c: the kind's keep and take_up. */
bool publish_keep_result(const struct job_run *run, struct buf *memo);
MUST_CHECK enum err publish_take_up(struct job_run *run, struct str memo);

/* After several crashes: tells the user, and calls an init that may have been sent an unknown outcome. */
MUST_CHECK enum err publish_give_up(struct db *db, struct job_run *run);

/* What to write when TikTok defers a post with this code, which fails it after too many times. */
struct post_move publish_deferral(const struct tiktok_code *code, const struct attempt_tally *tally);

/* Until when a post waits for its account to be connected again, or for its user to be enabled. */
int64_t publish_held_until(const struct job_run *run, const struct publish *p);
#define EVENT_HELD "held" /* the event that says so in the receipt */

/* Cancels some posts of the account, which is or was disconnected, and ends the run. */
enum job_step publish_cancel(struct job_run *run);

/* May it go as it is? A direct post needs a creator info of a moment ago, which offers its privacy level. */
bool publish_is_ready(const struct publish *p);

enum job_step publish_init(struct job_run *run, struct publish *p); /* when everything is ready for it */
enum job_step publish_init_result(struct job_run *run, struct publish *p);

/* The parts of publish_init. When the clocks were read, before the attempt's commit: a thread that was frozen in between must
 * not send late. */
struct publish_begin {
    int64_t boot_us, now_us, lease_until_us;
};
struct publish_begin publish_begin_now(const struct job_run *run);
struct attempt_new publish_attempt(struct job_run *run, struct publish *p);
enum job_step publish_not_committed(struct job_run *run, enum err e); /* nobody knows whether the attempt is there */
void publish_call_init(struct job_run *run, struct str payload, const struct publish_begin *begin);

/* What the result of an init means, and what to write. */
struct verdict {
    struct attempt_result attempt;
    struct post_move move;
    int64_t again_at_us; /* 0: the job is finished */
    bool go_on;          /* the job is neither: this run goes on with a fresh token */
    const char *reconnect;
};
MUST_CHECK enum err publish_judge(const struct job_run *run, const struct publish *p, struct verdict *ret);
enum job_step publish_keep(struct job_run *run, const struct verdict *v, enum err e); /* it was not written yet */
struct job_new publish_poll_of(const struct job_run *run, const struct publish *p);   /* when TikTok has accepted it */

/* turns.c: the kind's step_many. */
void turns_step(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps);
