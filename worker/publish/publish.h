/* What the files of the publish kind share: publish.c leads to the init; init.c makes it and records its result. */
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

/* Starts from the state rows: makes the next call, or ends. */
enum job_step publish_advance(struct job_run *run, struct publish *p);

/* What to write when TikTok defers a post with this code, which fails it after too many times. */
struct post_move publish_deferral(const struct tiktok_code *code, const struct attempt_tally *tally,
                                  int64_t *ret_again_at_us);

enum job_step publish_init(struct job_run *run, struct publish *p); /* when everything is ready for it */
enum job_step publish_init_result(struct job_run *run, struct publish *p);
