/*
 * The turn kind: hands the posts of an account to TikTok, one in each run, in their order. Every run starts from the
 * state rows, so one that died anywhere simply begins again.
 */
#include "model/post/turn.h"

#include "publish/kinds.h"
#include "publish/publish.h"

#define OLD_JOB_US (5 * US_PER_SEC) /* until a worker of the release before this one is done with the post */

struct turn_waking {
    struct job_run *run;
    bool more;
};

static enum err turn_wake_some(struct db *db, void *arg)
{
    struct turn_waking *w = arg;
    struct job *job = &w->run->job;

    enum err e = account_wake_more(db, w->run->arena, &job->subject_id, job->request_id, &w->more);
    if (e != OK)
        return e;
    return w->more ? job_restart(db, JOB_PUBLISH, job, clock_now_us()) : settle_job(db, w->run, 0);
}

/* The account was connected again: polls of posts that were given up become due, many of them little by little. */
static enum job_step turn_wake(struct job_run *run)
{
    struct turn_waking w = {.run = run};

    enum err e = db_tx(run->db, turn_wake_some, &w);
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    if (e != OK)
        return job_run_failed(run, e);
    run->note = "polls_woken";
    run->job_ended = true;
    return w.more ? JOB_AGAIN : JOB_DONE;
}

/*
 * None is due. Of an account that is or was disconnected there may still be posts to cancel: some that were never to wait
 * here, planned ones, say, or one that a worker put off while the account went. Of one that was connected again there may be
 * polls to wake.
 */
static enum job_step turn_rest(struct job_run *run, enum job_step otherwise)
{
    struct account account;
    bool wakes;

    enum err e = account_by_id(run->db, run->arena, &run->job.subject_id, &account);
    if (e == ERR_NOT_FOUND)
        return otherwise;
    if (e == OK && (account.state == ACCOUNT_DISCONNECTED || account.canceled_to_us != 0))
        return publish_cancel(run);
    if (e == OK)
        e = account_has_to_wake(run->db, &account.id, &wakes);
    if (e != OK)
        return job_run_failed(run, e);
    return wakes ? turn_wake(run) : otherwise;
}

/* If this run is the worker's end, turn_dead must know which post it was about. */
static enum job_step turn_note(struct job_run *run)
{
    if (run->job.runs <= JOB_CRASHES_MAX)
        return JOB_CALL;
    enum err e = job_note_about(run->db, JOB_PUBLISH, &run->job, &run->about);
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    return e == OK ? JOB_CALL : job_run_failed(run, e);
}

/* Which post this run is about. JOB_CALL: it is due. */
static enum job_step turn_choose(struct job_run *run)
{
    struct turn turn;
    bool has_old;

    enum err e = turn_next(run->db, run->arena, &run->job.subject_id, clock_now_us(), &turn);
    if (e == ERR_NOT_FOUND)
        return turn_rest(run, JOB_DONE);
    if (e != OK)
        return job_run_failed(run, e);
    run->about = turn.post_id;
    if (turn.request_id.n > 0)
        run->job.request_id = turn.request_id;
    run->again_at_us = turn.at_us;
    if (turn.at_us != 0 && turn.is_minute) /* one that came after turn_show was asked waits for the same */
        e = turn_show(run->db, &run->job.subject_id, turn.at_us);
    if (e != OK)
        return job_run_failed(run, e);
    if (turn.at_us != 0)
        return turn_rest(run, JOB_AGAIN);
    e = turn_has_old_job(run->db, &turn.post_id, &has_old);
    if (e != OK)
        return job_run_failed(run, e);
    run->again_at_us = clock_now_us() + OLD_JOB_US;
    return has_old ? JOB_AGAIN : turn_note(run);
}

static enum job_step turn_step(struct job_run *run)
{
    struct publish *p = run->data;

    if (p != NULL)
        return publish_result(run, p);
    enum job_step s = turn_choose(run);
    if (s != JOB_CALL)
        return s;
    p = run->data = arena_alloc(run->arena, sizeof(*p));
    return publish_advance(run, p);
}

/* The post that the last run was about has crashed the worker again and again. Those behind it go on. */
static enum err turn_dead(struct db *db, struct job_run *run)
{
    struct turn turn = {.post_id = run->job.about_id};
    enum err e = OK;

    if (uuid_is_none(&turn.post_id)) /* it died before it chose one, or in an older program: the head, most likely */
        e = turn_next(db, run->arena, &run->job.subject_id, clock_now_us(), &turn);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    run->about = turn.post_id;
    e = publish_give_up(db, run);
    if (e == OK)
        e = settle_job(db, run, 0);
    run->job_ended = e == OK;
    return e;
}

/* Half of the open runs are for polls and refreshes, however many accounts have posts to send. */
const struct job_kind turn_kind = {.name = TURN_KIND,
                                   .class = JOB_PUBLISH,
                                   .share_percent = 50,
                                   .users_take_turns = true,
                                   .calls = true,
                                   .step = turn_step,
                                   .step_many = turns_step,
                                   .keep = publish_keep_result,
                                   .take_up = publish_take_up,
                                   .dead = turn_dead};

struct turn_of_old {
    struct job_run *run;
    const struct post *post;
};

static enum err turn_replace_old(struct db *db, void *arg)
{
    const struct turn_of_old *o = arg;
    struct job *job = &o->run->job;

    enum err e = turn_add(db, &UUID_NONE, &o->post->account_id, clock_now_us(), job->request_id);
    return e == OK ? job_finish(db, JOB_PUBLISH, job) : e;
}

/* A post has a job of its own only from a program of the release before this one. */
static enum job_step turn_old_step(struct job_run *run)
{
    struct post post;
    struct turn_of_old o = {.run = run, .post = &post};

    enum err e = post_by_id(run->db, run->arena, &run->job.subject_id, &post);
    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e == OK)
        e = db_tx(run->db, turn_replace_old, &o);
    run->job_ended = e == OK;
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

const struct job_kind publish_kind = {.name = "publish", .class = JOB_PUBLISH, .step = turn_old_step};
