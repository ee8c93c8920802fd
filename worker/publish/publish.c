/*
 * The publish kind: what leads to the init. Every step starts from the state rows, so that a run that died anywhere is
 * simply begun again; what must not happen twice stands in post_attempts.
 */
#include "publish/publish.h"

#include "jobs/backoff.h"
#include "publish/kinds.h"
#include "jobs/runner.h"

#define CREATOR_FRESH_US (60 * US_PER_SEC) /* waiting for a free init must not use up the creator info calls */
#define UNREACHABLE_BASE_US (2 * US_PER_SEC)
#define UNREACHABLE_MAX_US (900 * US_PER_SEC)
#define RATE_SPREAD_MAX 9 /* doublings of 2 s: of a long queue of one account not all come back at once */

static enum job_step publish_error(struct job_run *run, enum err e)
{
    run->err = e;
    return JOB_ERROR;
}

struct publish_settling {
    struct job_run *run;
    const struct publish *p;
    const struct post_move *move;
    int64_t again_at_us;
    bool note; /* the state stays: post_note */
};

static enum err publish_settle_moves(struct db *db, void *arg)
{
    struct publish_settling *s = arg;
    const struct worker *w = s->run->worker;
    struct job *job = &s->run->job;

    enum err e = job_hold(db, w->class, job, 0);
    if (e != OK)
        return e;
    e = s->note ? post_note(db, &s->p->post.id, s->move, s->p->post.state)
                : post_move(db, s->run->arena, w->conf, &s->p->post.id, s->move);
    if (e != OK)
        return e;
    return s->again_at_us == 0 ? job_finish(db, w->class, job) : job_again(db, w->class, job, s->again_at_us);
}

enum job_step publish_look_again(struct job_run *run)
{
    run->again_at_us = clock_now_us() + backoff_us(run->job.tries, US_PER_SEC, 60 * US_PER_SEC);
    return JOB_AGAIN;
}

static enum job_step publish_settle_run(struct publish_settling *s)
{
    struct job_run *run = s->run;

    run->note = s->move->failure_code.p != NULL ? arena_strdup(run->arena, s->move->failure_code) : s->move->event;
    enum err e = db_tx(run->db, publish_settle_moves, s);
    if (e == ERR_CONFLICT)
        return publish_look_again(run);
    if (e != OK)
        return publish_error(run, e);
    run->job_ended = true;
    return s->again_at_us == 0 ? JOB_DONE : JOB_AGAIN;
}

enum job_step publish_settle(struct job_run *run, struct publish *p, const struct post_move *move, int64_t again_at_us)
{
    return publish_settle_run(&(struct publish_settling){.run = run, .p = p, .move = move, .again_at_us = again_at_us});
}

static enum job_step publish_fail(struct job_run *run, struct publish *p, const char *event, const char *failure)
{
    struct post_move move = {.event = event, .failure_code = str_from(failure), .request_id = run->job.request_id};

    return publish_settle(run, p, &move, 0);
}

struct post_move publish_deferral(const struct tiktok_code *code, const struct attempt_tally *tally,
                                  int64_t *ret_again_at_us)
{
    struct post_move move = {.failure_code = str_from(code->failure), .platform_code = str_from(code->code)};

    if (tally->deferred >= PUBLISH_DEFERRED_MAX) {
        *ret_again_at_us = 0;
        move.event = "rejected";
        return move;
    }
    *ret_again_at_us =
        clock_now_us() + code->retry_after_sec * US_PER_SEC + (int64_t)rand_below((uint64_t)(60 * US_PER_SEC));
    move.event = "deferred";
    move.next_attempt_at_us = *ret_again_at_us;
    return move;
}

/* A call before the init got no usable answer: again, at least min_us from now, for about a day. */
static enum job_step publish_not_reached(struct job_run *run, struct publish *p, const char *failure,
                                         struct str platform_code, int64_t min_us)
{
    struct attempt_tally tally;

    enum err e = attempt_tally(run->db, run->arena, &p->post.id, &tally);
    if (e != OK)
        return publish_error(run, e);
    struct post_move move = {.event = EVENT_NOT_REACHED,
                             .failure_code = str_from(failure),
                             .platform_code = platform_code,
                             .request_id = run->job.request_id};
    if (tally.unreachable >= PUBLISH_UNREACHABLE_MAX) {
        move.event = "tiktok_unreachable";
        return publish_settle(run, p, &move, 0);
    }
    int64_t again_us = clock_now_us() + min_us + backoff_us(tally.unreachable, UNREACHABLE_BASE_US, UNREACHABLE_MAX_US);
    return publish_settle_run(
        &(struct publish_settling){.run = run, .p = p, .move = &move, .again_at_us = again_us, .note = true});
}

static enum job_step publish_unreachable(struct job_run *run, struct publish *p, struct str platform_code)
{
    return publish_not_reached(run, p, "tiktok_unreachable", platform_code, 0);
}

enum job_step publish_wait(struct job_run *run, int64_t free_at_us, const char *note)
{
    run->note = note;
    run->again_at_us =
        free_at_us + (int64_t)rand_below((uint64_t)(2 * US_PER_SEC) << MIN(run->job.tries, RATE_SPREAD_MAX));
    return JOB_AGAIN;
}

/* The maker of an attempt that is still committed has died between its commit and its record: nobody knows whether the
 * init has left. It is never made again. */
static enum err publish_take_over(struct db *db, void *arg)
{
    struct publish_settling *s = arg;
    struct uuid attempt_id = s->move->attempt_id;

    enum err e = job_hold(db, s->run->worker->class, &s->run->job, 0);
    if (e == OK && !uuid_is_none(&attempt_id))
        e = attempt_take_over(db, &attempt_id);
    if (e == OK && s->p->post.state == POST_PUBLISHING)
        e = post_move(db, s->run->arena, s->run->worker->conf, &s->p->post.id, s->move);
    return e;
}

static struct post_move publish_unknown_move(const struct job_run *run)
{
    return (struct post_move){
        .event = "outcome_unknown", .failure_code = STR("outcome_unknown"), .request_id = run->job.request_id};
}

static enum job_step publish_resolve_unknown(struct job_run *run, struct publish *p, const struct uuid *attempt_id)
{
    struct post_move move = publish_unknown_move(run);
    struct publish_settling s = {.run = run, .p = p, .move = &move};

    move.attempt_id = *attempt_id;
    run->note = "outcome_unknown";
    enum err e = db_tx(run->db, publish_take_over, &s);
    if (e == ERR_CONFLICT)
        return publish_look_again(run);
    return e == OK ? JOB_DONE : publish_error(run, e);
}

/* The post and its account; a step other than JOB_CALL is the answer. */
static enum job_step publish_load(struct job_run *run, struct publish *p)
{
    struct attempt attempt;

    enum err e = post_by_id(run->db, run->arena, &run->job.subject_id, &p->post);
    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return publish_error(run, e);
    e = attempt_latest(run->db, run->arena, &p->post.id, &attempt);
    if (e != OK && e != ERR_NOT_FOUND)
        return publish_error(run, e);
    if (e == OK && attempt.state == ATTEMPT_COMMITTED)
        return publish_resolve_unknown(run, p, &attempt.id);
    if (p->post.state == POST_PUBLISHING) /* without such an attempt: must not be, and must not be sent */
        return publish_resolve_unknown(run, p, &UUID_NONE);
    if (p->post.state != POST_QUEUED && p->post.state != POST_DEFERRED)
        return JOB_DONE;
    e = account_by_id(run->db, run->arena, &p->post.account_id, &p->account);
    if (e != OK)
        return publish_error(run, e);
    if (p->account.state == ACCOUNT_DISCONNECTED)
        return publish_fail(run, p, "account_disconnected", "account_disconnected");
    if (p->account.state == ACCOUNT_NEEDS_RECONNECT)
        return publish_fail(run, p, "needs_reconnect", "account_needs_reconnect");
    e = post_images(run->db, run->arena, &p->post.id, &p->images, &p->images_n);
    if (e != OK)
        return publish_error(run, e);
    bool gone = p->images_n == 0;
    for (size_t i = 0; i < p->images_n; i++)
        gone = gone || p->images[i].deleted_at_us != 0;
    return gone ? publish_fail(run, p, "images_gone", "images_gone") : JOB_CALL;
}

static enum job_step publish_call_creator(struct job_run *run, struct publish *p)
{
    int64_t free_at_us;

    enum err e =
        account_take_call(run->db, run->arena, &p->account.id, ACCOUNT_CALL_CREATOR, clock_now_us(), &free_at_us);
    if (e == ERR_AGAIN)
        return publish_wait(run, free_at_us, "creator_info_waits");
    if (e != OK)
        return publish_error(run, e);
    p->phase = PUBLISH_CREATOR;
    tiktok_creator_info(&run->worker->tiktok, run->arena, secret_str(&run->token), &run->call);
    return JOB_CALL;
}

static enum job_step publish_with_token(struct job_run *run, struct publish *p)
{
    if (p->post.post_mode != POST_DIRECT_POST)
        return publish_init(run, p);
    if (p->account.snapshot_at_us <= clock_now_us() - CREATOR_FRESH_US)
        return publish_call_creator(run, p);
    /* Never another level in its place: who may see a post is the user's word alone. */
    if (!account_offers(&p->account, p->post.privacy_level))
        return publish_fail(run, p, "privacy_not_offered", "privacy_level_not_offered");
    return publish_init(run, p);
}

static enum job_step publish_on_access(struct job_run *run, struct publish *p, enum access_step s)
{
    switch (s) {
    case ACCESS_READY:
        return publish_with_token(run, p);
    case ACCESS_CALL:
        p->phase = PUBLISH_REFRESH;
        return JOB_CALL;
    case ACCESS_RECORD:
        return JOB_RECORD;
    case ACCESS_WAIT:
        return JOB_AGAIN;
    case ACCESS_UNREACHABLE:
        return publish_unreachable(run, p, (struct str){0});
    case ACCESS_LOST:
        return publish_fail(run, p, "needs_reconnect", "account_needs_reconnect");
    case ACCESS_ERROR:
        break;
    }
    return JOB_ERROR;
}

enum job_step publish_advance(struct job_run *run, struct publish *p)
{
    enum job_step s = publish_load(run, p);

    if (s != JOB_CALL)
        return s;
    p->access.account_id = p->account.id;
    return publish_on_access(run, p, access_get(run, &p->access));
}

/* The creator cannot post right now. */
static enum job_step publish_on_block(struct job_run *run, struct publish *p, struct str block)
{
    const struct tiktok_code *code = tiktok_code_find(block);
    struct attempt_tally tally;
    int64_t again_at_us = 0;
    struct post_move move = {.event = "rejected", .failure_code = STR("tiktok_refused"), .platform_code = block};

    enum err e = attempt_tally(run->db, run->arena, &p->post.id, &tally);
    if (e != OK)
        return publish_error(run, e);
    if (code != NULL && code->action == TIKTOK_DEFER)
        move = publish_deferral(code, &tally, &again_at_us);
    else if (code != NULL)
        move.failure_code = str_from(code->failure);
    move.request_id = run->job.request_id;
    return publish_settle(run, p, &move, again_at_us);
}

static enum job_step publish_on_creator_refused(struct job_run *run, struct publish *p,
                                                const struct tiktok_error *refusal)
{
    const struct tiktok_code *code = tiktok_code_find(refusal->code);
    enum tiktok_action action = code == NULL ? TIKTOK_FINAL : code->action;

    if (action == TIKTOK_REFRESH && access_may_refresh(&p->access)) {
        access_refused(&p->access);
        return publish_advance(run, p);
    }
    if (action == TIKTOK_RETRY) /* told and counted: TikTok may say so for ever */
        return publish_not_reached(run, p, code->failure, refusal->code, code->retry_after_sec * US_PER_SEC);
    if (action == TIKTOK_REFRESH || action == TIKTOK_RECONNECT) {
        enum err e = account_needs_reconnect(run->db, &p->account.id, p->access.in_use_us, code->code);
        return e == OK ? publish_fail(run, p, "needs_reconnect", code->failure) : publish_error(run, e);
    }
    return publish_unreachable(run, p, refusal->code);
}

static enum job_step publish_on_creator(struct job_run *run, struct publish *p)
{
    struct tiktok_creator creator;
    struct tiktok_error refusal;

    enum err e = tiktok_read_creator(run->result, run->arena, &creator, &refusal);
    if (e == ERR_TIKTOK_REFUSED)
        return publish_on_creator_refused(run, p, &refusal);
    if (e != OK)
        return publish_unreachable(run, p, refusal.code);
    /* With a post_block TikTok may leave the rest out. */
    if (creator.username.n > 0) {
        struct account_snapshot snapshot = {.username = creator.username,
                                            .nickname = creator.nickname,
                                            .privacy_level_options = creator.privacy_level_options,
                                            .post_block = creator.post_block,
                                            .comment_disabled = creator.comment_disabled};
        e = account_store_snapshot(run->db, &p->account.id, &snapshot);
        if (e != OK)
            return publish_error(run, e);
    }
    return creator.post_block.n > 0 ? publish_on_block(run, p, creator.post_block) : publish_advance(run, p);
}

static enum job_step publish_step(struct job_run *run)
{
    struct publish *p = run->data;

    if (p == NULL) {
        p = run->data = arena_alloc(run->arena, sizeof(*p));
        return publish_advance(run, p);
    }
    switch (p->phase) {
    case PUBLISH_REFRESH:
        return publish_on_access(run, p, access_result(run, &p->access));
    case PUBLISH_CREATOR:
        return publish_on_creator(run, p);
    case PUBLISH_INIT:
        break;
    }
    return publish_init_result(run, p);
}

/* Crashed again and again: the user is told, and what may have been sent is said to be unknown. */
static enum err publish_dead(struct db *db, struct job_run *run)
{
    struct post post;
    struct attempt attempt;
    struct post_move move = {
        .event = "worker_crashed", .failure_code = STR("worker_crashed"), .request_id = run->job.request_id};

    enum err e = post_by_id(db, run->arena, &run->job.subject_id, &post);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e;
    e = attempt_latest(db, run->arena, &post.id, &attempt);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK && attempt.state == ATTEMPT_COMMITTED) {
        e = attempt_take_over(db, &attempt.id);
        if (e != OK)
            return e;
        move = publish_unknown_move(run);
        move.attempt_id = attempt.id;
    }
    if (post.state == POST_PUBLISHING)
        move = publish_unknown_move(run);
    else if (post.state != POST_QUEUED && post.state != POST_DEFERRED)
        return OK;
    return post_move(db, run->arena, run->worker->conf, &post.id, &move);
}

const struct job_kind publish_kind = {
    .name = "publish", .class = JOB_PUBLISH, .step = publish_step, .dead = publish_dead};
