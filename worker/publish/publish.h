/* What the files of the turn kind share: turn.c chooses the post; publish.c leads to its init; init.c makes that and
 * records its result. */
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
    struct post_image *images;
    size_t images_n;
    struct uuid attempt_id;
    int64_t attempts_n; /* before this one */
};

/* How often a post is tried again at most. */
#define PUBLISH_REFUSED_MAX 8       /* retryable refusals */
#define PUBLISH_UNREACHABLE_MAX 100 /* with the backoff, about 24 hours */
#define PUBLISH_DEFERRED_MAX 7      /* a week of days on which the account is full */

/* Fails the post, which TikTok does not have. */
enum job_step publish_fail(struct job_run *run, struct publish *p, const char *event, const char *failure);

/* Starts from the state rows of the post run->about: makes the next call, or ends. */
enum job_step publish_advance(struct job_run *run, struct publish *p);
enum job_step publish_result(struct job_run *run, struct publish *p); /* of that call */

/* After several crashes: tells the user, and calls an init that may have been sent an unknown outcome. */
MUST_CHECK enum err publish_give_up(struct db *db, struct job_run *run);

/* What to write when TikTok defers a post with this code, which fails it after too many times. */
struct post_move publish_deferral(const struct tiktok_code *code, const struct attempt_tally *tally);

/* Until when a post waits for its account to be connected again. */
int64_t publish_held_until(const struct job_run *run, const struct publish *p);
#define EVENT_HELD "held" /* the event that says so in the receipt */

/* Cancels some posts of the account, which is or was disconnected, and ends the run. */
enum job_step publish_cancel(struct job_run *run);

enum job_step publish_init(struct job_run *run, struct publish *p); /* when everything is ready for it */
enum job_step publish_init_result(struct job_run *run, struct publish *p);
