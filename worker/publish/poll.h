/* What the files of the poll kind share: poll.c asks about a post; polls.c about several at once. */
#pragma once

#include "model/post/post.h"
#include "publish/access.h"

struct poll {
    struct access access;
    struct post post;
    bool unanswered; /* TikTok could not be asked, or its answer not be read */
};

/* polls.c: the kind's step_many. */
void polls_step(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps);
