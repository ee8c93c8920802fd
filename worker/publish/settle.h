/*
 * How the kinds about a post end a run: one transaction moves the post and finishes or postpones the job.
 *
 *    return settle(run, &(struct settling){.post = &p->post, .move = &move, .again_at_us = at_us});
 */
#pragma once

#include "jobs/kind.h"
#include "model/post/post.h"

struct settling {
    const struct post *post;
    const struct post_move *move; /* NULL: nothing is written */
    bool is_note;                 /* the state stays: post_note */
    bool disconnected;            /* only while its account is */
    int64_t again_at_us;          /* 0: settle_job decides */
};
enum job_step settle(struct job_run *run, const struct settling *s);

/*
 * The end of a run about a post, in its transaction: again at that time, or, with 0, the job has nothing left to do for
 * this post. Then a poll is finished, and a turn goes to the account's next post.
 */
MUST_CHECK enum err settle_job(struct db *db, struct job_run *run, int64_t again_at_us);

/* Several were to be done together, and could not: each goes alone, which is slower. Told if it will be so every time. */
void settle_say_alone(const struct job_run *run, enum err e);

/* Somebody else moved the post, or has the job by now: look again soon. */
enum job_step settle_look_again(struct job_run *run);

/*
 * For a turn: takes one of the calls that TikTok allows the account in a minute. False: *ret_step is the kind's answer,
 * to come again when one is free, which the posts that wait then show, or an error.
 */
MUST_CHECK bool settle_take_call(struct job_run *run, const struct uuid *account_id, enum account_call call,
                                 enum job_step *ret_step);

/* For a poll, likewise. It comes again once, when the place that it has reserved is free. */
MUST_CHECK bool settle_take_poll(struct job_run *run, const struct uuid *account_id, enum job_step *ret_step);
