/*
 * Turns of several accounts at once: the plain case of publish.c and init.c, in one transaction before the calls and one
 * after them. A turn that is not plain, or whose transaction did not go through with the others', is left to them.
 */
#include "base/point.h"
#include "model/post/ready.h"
#include "model/post/turn.h"
#include "publish/publish.h"

/* Those of the runs that are done together; all arrays have the same order. */
struct turn_group {
    struct job_run *runs[JOB_MANY_MAX];
    size_t places[JOB_MANY_MAX]; /* of theirs among all */
    struct publish *posts[JOB_MANY_MAX];
    struct attempt_new attempts[JOB_MANY_MAX];
    struct account_taken taken[JOB_MANY_MAX];
    struct verdict verdicts[JOB_MANY_MAX];
    size_t n;
    struct arena *scratch;
};

static const struct ready *turns_ready_of(const struct ready *ready, size_t n, const struct uuid *account_id)
{
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(&ready[i].account.id, account_id))
            return &ready[i];
    return NULL;
}

/* The texts of its post are scratch's; what the run needs later is its own. */
static void turns_take(struct turn_group *t, struct job_run *run, size_t place, const struct ready *r, int64_t now_us)
{
    struct publish *p = arena_alloc(run->arena, sizeof *p);

    *p = (struct publish){
        .access.account_id = r->account.id, .post = r->post, .account = r->account, .images_n = (size_t)r->images_n};
    if (r->images_n == 0 || !publish_is_ready(p) ||
        !account_take_from(t->scratch, &r->account.id, ACCOUNT_CALL_INIT, r->calls, now_us, &t->taken[t->n]) ||
        !access_use_sealed(run, &p->access, r->post.mode, r->access, r->access_expires_at_us))
        return;
    run->about = p->post.id;
    if (r->request_id.n > 0)
        run->job.request_id = arena_str(run->arena, r->request_id);
    t->runs[t->n] = run;
    t->places[t->n] = place;
    t->posts[t->n] = p;
    t->attempts[t->n++] = publish_attempt(run, p);
}

/* The rest of the run reads the rows again for all but this. */
static void turns_forget(struct publish *p)
{
    p->post = (struct post){.id = p->post.id,
                            .account_id = p->post.account_id,
                            .post_mode = p->post.post_mode,
                            .state = p->post.state,
                            .created_at_us = p->post.created_at_us};
    p->account = (struct account){.id = p->account.id, .state = p->account.state};
}

static void turns_begin(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps)
{
    const struct publish_begin begin = publish_begin_now(runs[0]);
    struct turn_group t = {.scratch = scratch};
    struct uuid ids[JOB_MANY_MAX];
    struct ready *ready;
    size_t ready_n;

    for (size_t i = 0; i < n; i++)
        ids[i] = runs[i]->job.subject_id;
    if (job_run_is_stopping(runs[0]))
        return;
    enum err e = ready_turns(runs[0]->db, scratch, ids, n, begin.now_us, &ready, &ready_n);
    if (e != OK) {
        settle_say_alone(runs[0], e);
        job_runs_failed(runs, n, e, ret_steps);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct ready *r = turns_ready_of(ready, ready_n, &ids[i]);
        if (r != NULL)
            turns_take(&t, runs[i], i, r, begin.now_us);
    }
    if (t.n == 0 || job_run_is_stopping(runs[0]))
        return;
    e = attempt_begin(runs[0]->db, scratch, runs[0]->worker->conf, JOB_PUBLISH, begin.lease_until_us, t.attempts,
                      t.taken, t.n);
    settle_say_alone(runs[0], e);
    for (size_t i = 0; i < t.n && (e == OK || db_is_away(e)); i++) {
        struct job_run *run = t.runs[i];
        run->data = t.posts[i];
        turns_forget(t.posts[i]);
        if (e == OK)
            publish_call_init(run, t.attempts[i].payload, &begin);
        ret_steps[t.places[i]] = e == OK ? JOB_CALL : publish_not_committed(run, e);
    }
}

static enum err turns_end_jobs(struct db *db, const struct turn_group *t, const struct uuid *accounts)
{
    const struct job *again[JOB_MANY_MAX], *done[JOB_MANY_MAX], *all[JOB_MANY_MAX];
    int64_t at_us[JOB_MANY_MAX], again_at_us[JOB_MANY_MAX];
    size_t again_n = 0, done_n = 0;

    enum err e = turn_times(db, t->scratch, accounts, t->n, clock_now_us(), at_us);
    for (size_t i = 0; i < t->n && e == OK; i++) {
        all[i] = &t->runs[i]->job;
        if (at_us[i] == 0) {
            done[done_n++] = &t->runs[i]->job;
            continue;
        }
        again_at_us[again_n] = at_us[i];
        again[again_n++] = &t->runs[i]->job;
    }
    if (e == OK && again_n > 0 && done_n > 0) /* else two statements would lock them, not in the order of their ids */
        e = job_hold_many(db, JOB_PUBLISH, all, t->n, 0);
    if (e == OK)
        e = job_restart_many(db, JOB_PUBLISH, again, again_n, again_at_us);
    return e == OK ? job_finish_many(db, JOB_PUBLISH, done, done_n) : e;
}

static enum err turns_record(struct db *db, void *arg)
{
    const struct turn_group *t = arg;
    struct post_moving moves[JOB_MANY_MAX];
    struct attempt_ending endings[JOB_MANY_MAX];
    struct job_new polls[JOB_MANY_MAX];
    struct uuid accounts[JOB_MANY_MAX];

    for (size_t i = 0; i < t->n; i++) {
        const struct publish *p = t->posts[i];
        moves[i] = (struct post_moving){p->post.id, POST_PUBLISHING, t->verdicts[i].move};
        endings[i] = (struct attempt_ending){p->attempt_id, p->fence, t->verdicts[i].attempt};
        polls[i] = publish_poll_of(t->runs[i], p);
        accounts[i] = t->runs[i]->job.subject_id;
    }
    enum err e = post_move_many(db, t->runs[0]->arena, t->runs[0]->worker->conf, moves, t->n);
    if (e == OK)
        e = attempt_end_many(db, endings, t->n);
    if (e == OK)
        e = job_add_many(db, JOB_PUBLISH, polls, t->n);
    return e == OK ? turns_end_jobs(db, t, accounts) : e;
}

/* Those that TikTok has accepted. */
static void turns_end(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps)
{
    struct turn_group t = {.scratch = scratch};

    for (size_t i = 0; i < n; i++) {
        struct publish *p = runs[i]->data;
        struct verdict *v = &t.verdicts[t.n];
        if (runs[i]->result->err != OK || !p->is_init || p->access.is_refreshing ||
            publish_judge(runs[i], p, v) != OK || v->attempt.state != ATTEMPT_ACCEPTED)
            continue;
        t.runs[t.n] = runs[i];
        t.places[t.n] = i;
        t.posts[t.n++] = p;
    }
    if (t.n == 0)
        return;
    point("publish.called");
    enum err e = db_tx(runs[0]->db, turns_record, &t);
    for (size_t i = 0; i < t.n && (e == OK || db_is_away(e)); i++) {
        struct job_run *run = t.runs[i];
        run->note = e == OK ? t.verdicts[i].move.event : run->note;
        run->job_ended = e == OK;
        ret_steps[t.places[i]] = e == OK ? JOB_DONE : publish_keep(run, &t.verdicts[i], e);
    }
    if (e == OK)
        point("publish.publish_id_committed");
}

void turns_step(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps)
{
    for (size_t i = 0; i < n; i++)
        ret_steps[i] = JOB_ALONE;
    if (runs[0]->result == NULL)
        turns_begin(runs, n, scratch, ret_steps);
    else
        turns_end(runs, n, scratch, ret_steps);
}
