/* Polls of several posts at once: the plain case of poll.c, in one transaction before the calls and one after them. What is
 * not plain, or did not go through with the others, is left to it. */
#include "model/post/post_told.h"
#include "model/post/ready.h"
#include "publish/poll.h"
#include "publish/settle.h"

/* Those of the runs that are done together; all arrays have the same order. */
struct poll_group {
    struct job_run *runs[JOB_MANY_MAX];
    size_t places[JOB_MANY_MAX]; /* of theirs among all */
    struct poll *polls[JOB_MANY_MAX];
    struct account_taken taken[JOB_MANY_MAX];
    struct post_moving moves[JOB_MANY_MAX];
    size_t n;
    struct arena *scratch;
};

static const struct ready *polls_ready_of(const struct ready *ready, size_t n, const struct uuid *post_id)
{
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(&ready[i].post.id, post_id))
            return &ready[i];
    return NULL;
}

/* The calls of the account, after those that others of these take. */
static struct str polls_calls(const struct poll_group *p, const struct ready *r)
{
    for (size_t i = p->n; i > 0; i--)
        if (uuid_eq(&p->taken[i - 1].id, &r->post.account_id))
            return p->taken[i - 1].after;
    return r->calls;
}

/* Its texts that the run needs later are its own; the others are scratch's. */
static struct post polls_post(struct arena *arena, const struct post *post)
{
    return (struct post){.id = post->id,
                         .account_id = post->account_id,
                         .post_mode = post->post_mode,
                         .privacy_level = arena_str(arena, post->privacy_level),
                         .state = post->state,
                         .publish_id = arena_str(arena, post->publish_id),
                         .created_at_us = post->created_at_us,
                         .accepted_at_us = post->accepted_at_us};
}

static void polls_take(struct poll_group *p, struct job_run *run, size_t place, const struct ready *r)
{
    struct poll *poll = arena_alloc(run->arena, sizeof *poll);

    poll->post = polls_post(run->arena, &r->post);
    poll->access.account_id = r->post.account_id;
    if (run->job.slot_at_us != 0 || !post_is_open(&poll->post) ||
        !access_use_sealed(run, &poll->access, r->post.mode, r->access, r->access_expires_at_us) ||
        !account_take_from(p->scratch, &r->post.account_id, ACCOUNT_CALL_POLL, polls_calls(p, r), clock_now_us(),
                           &p->taken[p->n]))
        return;
    p->runs[p->n] = run;
    p->places[p->n] = place;
    p->polls[p->n++] = poll;
}

static enum err polls_take_calls(struct db *db, void *arg)
{
    const struct poll_group *p = arg;

    return account_write_taken(db, ACCOUNT_CALL_POLL, p->taken, p->n);
}

static void polls_begin(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps)
{
    struct poll_group p = {.scratch = scratch};
    struct uuid ids[JOB_MANY_MAX];
    struct ready *ready;
    size_t ready_n;

    for (size_t i = 0; i < n; i++)
        ids[i] = runs[i]->job.subject_id;
    if (job_run_is_stopping(runs[0]))
        return;
    enum err e = ready_polls(runs[0]->db, scratch, ids, n, &ready, &ready_n);
    if (e != OK) {
        settle_say_alone(runs[0], e);
        job_runs_failed(runs, n, e, ret_steps);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct ready *r = polls_ready_of(ready, ready_n, &ids[i]);
        if (r != NULL)
            polls_take(&p, runs[i], i, r);
    }
    if (p.n == 0)
        return;
    e = db_tx(runs[0]->db, polls_take_calls, &p);
    if (e != OK) {
        for (size_t i = 0; i < p.n && db_is_away(e); i++)
            ret_steps[p.places[i]] = job_run_failed(p.runs[i], e);
        settle_say_alone(runs[0], e);
        return;
    }
    for (size_t i = 0; i < p.n; i++) {
        struct job_run *run = p.runs[i];
        run->data = p.polls[i];
        tiktok_status(access_provider(run, &p.polls[i]->access), run->arena, secret_str(&run->token),
                      p.polls[i]->post.publish_id, &run->call);
        ret_steps[p.places[i]] = JOB_CALL;
    }
}

/* Has TikTok told the end of a post, and will it tell no more? */
static bool polls_is_end(struct job_run *run, struct post_moving *ret_move)
{
    const struct poll *poll = run->data;
    struct tiktok_status status;
    struct tiktok_error refusal;

    if (poll->access.is_refreshing || poll->post.state != POST_PROCESSING ||
        tiktok_read_status(run->result, run->arena, &status, &refusal) != OK)
        return false;
    const struct post_told told = post_told(&poll->post, &status, run->job.request_id);
    *ret_move = (struct post_moving){poll->post.id, POST_PROCESSING, told.move};
    return told.is_news && !told.more && (told.code == NULL || told.code->action != TIKTOK_RECONNECT);
}

static enum err polls_record(struct db *db, void *arg)
{
    const struct poll_group *p = arg;
    const struct job *jobs[JOB_MANY_MAX];

    for (size_t i = 0; i < p->n; i++)
        jobs[i] = &p->runs[i]->job;
    enum err e = post_move_many(db, p->runs[0]->arena, p->runs[0]->worker->conf, p->moves, p->n);
    return e == OK ? job_finish_many(db, JOB_PUBLISH, jobs, p->n) : e;
}

static void polls_end(struct job_run *const *runs, size_t n, enum job_step *ret_steps)
{
    struct poll_group p = {.n = 0};

    for (size_t i = 0; i < n; i++)
        if (runs[i]->result->err == OK && polls_is_end(runs[i], &p.moves[p.n])) {
            p.places[p.n] = i;
            p.runs[p.n++] = runs[i];
        }
    if (p.n == 0)
        return;
    enum err e = db_tx(runs[0]->db, polls_record, &p);
    for (size_t i = 0; i < p.n && db_is_away(e); i++)
        ret_steps[p.places[i]] = job_run_failed(p.runs[i], e);
    if (e != OK)
        return;
    for (size_t i = 0; i < p.n; i++) {
        struct job_run *run = p.runs[i];
        const struct post_move *m = &p.moves[i].move;
        run->note = m->failure_code.p != NULL ? arena_strdup(run->arena, m->failure_code) : m->event;
        run->job_ended = true;
        ret_steps[p.places[i]] = JOB_DONE;
    }
}

void polls_step(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps)
{
    for (size_t i = 0; i < n; i++)
        ret_steps[i] = JOB_ALONE;
    if (runs[0]->result == NULL)
        polls_begin(runs, n, scratch, ret_steps);
    else
        polls_end(runs, n, ret_steps);
}
