/*
 * What leads to the init of the post that a turn is about. Every step starts from the state rows, so a run that died anywhere simply
 * begins again; what must not happen twice is in post_attempts.
 */
#include "publish/publish.h"

#include "jobs/backoff.h"
#include "model/post/hold.h"
#include "model/post/post_again.h"
#include "model/post/post_digest.h"
#include "model/user/user_state.h"
#include "publish/creator.h"
#include "publish/kinds.h"

#define CREATOR_FRESH_US \
    (60 * US_PER_SEC) /* a post that waits for a free init must not use up the calls of creator info */
#define UNREACHABLE_BASE_US (2 * US_PER_SEC)
#define UNREACHABLE_MAX_US (900 * US_PER_SEC)

static enum job_step publish_settle(struct job_run *run, const struct publish *p, const struct post_move *move)
{
    return settle(run, &(struct settling){.post = &p->post, .move = move});
}

/* Nothing is left to do for this post. */
static enum job_step publish_next(struct job_run *run)
{
    run->again_at_us = clock_now_us();
    return JOB_AGAIN;
}

enum job_step publish_fail(struct job_run *run, struct publish *p, const char *event, const char *failure)
{
    struct post_move move = {.event = event, .failure_code = str_from(failure), .request_id = run->job.request_id};

    return publish_settle(run, p, &move);
}

struct post_move publish_deferral(const struct tiktok_code *code, const struct attempt_tally *tally)
{
    struct post_move move = {.failure_code = str_from(code->failure),
                             .platform_code = str_from(code->code),
                             .not_before_us = tally->retried_at_us};

    if (tally->deferred >= PUBLISH_DEFERRED_MAX) {
        move.event = "rejected";
        return move;
    }
    move.event = "deferred";
    move.next_attempt_at_us =
        clock_now_us() + code->retry_after_sec * US_PER_SEC + (int64_t)rand_below((uint64_t)(60 * US_PER_SEC));
    return move;
}

const char *publish_blame(const struct job_run *run)
{
    const struct net_result *r = run->result;

    return run->fault && (r->unasked || r->err == OK) ? "service_fault" : "tiktok_unreachable";
}

bool publish_is_over(const struct job_run *run, const struct publish *p, const struct attempt_tally *tally)
{
    if (run->probe)
        return false;
    return run->fault ? clock_now_us() >= publish_held_until(run, p) : tally->unreachable >= PUBLISH_UNREACHABLE_MAX;
}

/* A call before the init got no usable answer. Tries again, at least min_us from now, for about a day. */
static enum job_step publish_not_reached(struct job_run *run, struct publish *p, const char *failure,
                                         struct str platform_code, int64_t min_us)
{
    struct attempt_tally tally;

    enum err e = attempt_tally(run->db, run->arena, &p->post.id, &tally);
    if (e != OK)
        return job_run_failed(run, e);
    struct post_move move = {.event = run->fault ? EVENT_NOT_SENT : EVENT_NOT_REACHED,
                             .failure_code = str_from(failure),
                             .platform_code = platform_code,
                             .request_id = run->job.request_id,
                             .not_before_us = tally.retried_at_us};
    if (publish_is_over(run, p, &tally)) {
        move.event = publish_blame(run);
        return publish_settle(run, p, &move);
    }
    int64_t tries = tally.unreachable + tally.unsent;
    int64_t again_us = clock_now_us() + min_us + backoff_us(tries, UNREACHABLE_BASE_US, UNREACHABLE_MAX_US);
    enum job_step s =
        settle(run, &(struct settling){.post = &p->post, .move = &move, .again_at_us = again_us, .is_note = true});
    if (platform_code.n > 0) /* tells more to who reads the log, and the alarm of a pause */
        run->note = arena_strdup(run->arena, platform_code);
    return s;
}

static enum job_step publish_unreachable(struct job_run *run, struct publish *p, struct str platform_code)
{
    return publish_not_reached(run, p, publish_blame(run), platform_code, 0);
}

struct publish_taking_over {
    const struct job_run *run;
    const struct post *post;
    struct post_move move;
};

/* The maker of an attempt that is still committed died between its commit and its record: nobody knows whether the init
 * has left. It is never made again. */
static enum err publish_take_over(struct db *db, void *arg)
{
    struct publish_taking_over *t = arg;
    const struct job_run *run = t->run;

    enum err e = post_lock(db, &t->post->id);
    if (e == OK && !uuid_is_none(&t->move.attempt_id))
        e = attempt_take_over(db, &t->move.attempt_id);
    if (e == OK && t->post->state == POST_PUBLISHING)
        e = post_move(db, run->arena, run->worker->conf, &t->post->id, &t->move);
    return e == OK ? job_hold(db, JOB_PUBLISH, &run->job, 0) : e;
}

static struct post_move publish_unknown_move(const struct job_run *run)
{
    return (struct post_move){
        .event = "outcome_unknown", .failure_code = STR("outcome_unknown"), .request_id = run->job.request_id};
}

static enum job_step publish_resolve_unknown(struct job_run *run, struct publish *p, const struct uuid *attempt_id)
{
    struct publish_taking_over t = {.run = run, .post = &p->post, .move = publish_unknown_move(run)};

    t.move.attempt_id = *attempt_id;
    run->note = "outcome_unknown";
    enum err e = db_tx(run->db, publish_take_over, &t);
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    return e == OK ? publish_next(run) : job_run_failed(run, e);
}

struct publish_heeding {
    const struct job_run *run;
    const struct post *post;
};

static enum err publish_heed_earlier_tx(struct db *db, void *arg)
{
    const struct publish_heeding *h = arg;
    const struct job_run *run = h->run;
    const struct job_new poll = {.kind = poll_kind.name,
                                 .subject_id = h->post->id,
                                 .run_at_us = clock_now_us(),
                                 .request_id = run->job.request_id};

    enum err e = post_heed_earlier(db, run->arena, run->worker->conf, &h->post->id, run->job.request_id);
    if (e == OK)
        e = job_add_many(db, JOB_PUBLISH, &poll, 1);
    return e == OK ? job_hold(db, JOB_PUBLISH, &run->job, 0) : e;
}

/* While an init of a retry was under way, TikTok may have told that it has an attempt of before: then the retry, which it does not have, is
 * never sent again. ERR_NOT_FOUND: it has not. */
static enum err publish_heed_earlier(const struct job_run *run, const struct post *post)
{
    struct publish_heeding h = {run, post};

    return db_tx(run->db, publish_heed_earlier_tx, &h);
}

struct publish_canceling {
    struct job_run *run;
    bool more;
};

static enum err publish_cancel_some(struct db *db, void *arg)
{
    struct publish_canceling *c = arg;
    struct job_run *run = c->run;
    struct job *job = &run->job;

    enum err e = account_cancel_posts(db, run->arena, run->worker->conf, &job->subject_id, job->request_id, &c->more);
    if (e != OK)
        return e;
    if (c->more)
        return job_restart(db, JOB_PUBLISH, job, clock_now_us());
    e = account_end_cancel(db, &job->subject_id);
    return e == OK ? settle_job(db, run, 0) : e; /* it may be connected again, and have posts since then */
}

enum job_step publish_cancel(struct job_run *run)
{
    struct publish_canceling c = {.run = run};

    enum err e = db_tx(run->db, publish_cancel_some, &c);
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    if (e != OK)
        return job_run_failed(run, e);
    run->note = "account_disconnected";
    run->job_ended = true;
    return c.more ? JOB_AGAIN : JOB_DONE;
}

int64_t publish_held_until(const struct job_run *run, const struct publish *p)
{
    return upload_due_at(run->worker->conf, p->post.created_at_us);
}

/* Why the posts of an account wait, and the event that ends one that has waited in vain. */
struct publish_reason {
    const char *code, *end;
};
static const struct publish_reason publish_needs_reconnect = {"account_needs_reconnect", "needs_reconnect"},
                                   publish_user_disabled = {"user_disabled", "user_disabled"};

/*
 * The account must be connected again, or its user is disabled: its posts wait for the end of that, until the time of their
 * images is over. The receipt says so once; it may have been another job that learned it.
 */
static enum job_step publish_hold(struct job_run *run, struct publish *p, const struct publish_reason *reason)
{
    bool told;
    enum err e = post_last_event_is(run->db, &p->post.id, EVENT_HELD, reason->code, &told);
    if (e != OK)
        return job_run_failed(run, e);
    int64_t until_us = publish_held_until(run, p);
    const struct post_move held = {
        .event = EVENT_HELD, .failure_code = str_from(reason->code), .request_id = run->job.request_id};

    if (clock_now_us() >= until_us)
        return publish_fail(run, p, reason->end, reason->code);
    return settle(run, &(struct settling){
                           .post = &p->post, .move = told ? NULL : &held, .again_at_us = until_us, .is_note = true});
}

/* Reads the post and its account. A step other than JOB_CALL ends this run. */
static enum job_step publish_load(struct job_run *run, struct publish *p)
{
    struct attempt attempt;
    bool is_active;

    enum err e = post_by_id(run->db, run->arena, &run->about, &p->post);
    if (e == ERR_NOT_FOUND)
        return publish_next(run);
    if (e != OK)
        return job_run_failed(run, e);
    e = attempt_latest(run->db, run->arena, &p->post.id, &attempt);
    if (e != OK && e != ERR_NOT_FOUND)
        return job_run_failed(run, e);
    p->attempts_n = e == OK ? attempt.number : 0;
    if (e == OK && attempt.state == ATTEMPT_COMMITTED)
        return publish_resolve_unknown(run, p, &attempt.id);
    if (p->post.state == POST_PUBLISHING) /* and no such attempt: this should not happen, and it must not be sent */
        return publish_resolve_unknown(run, p, &UUID_NONE);
    if (p->post.state != POST_QUEUED && p->post.state != POST_DEFERRED)
        return publish_next(run);
    e = p->attempts_n > 0 ? publish_heed_earlier(run, &p->post) : ERR_NOT_FOUND;
    if (e == ERR_CONFLICT)
        return settle_look_again(run);
    if (e != ERR_NOT_FOUND)
        return e == OK ? publish_next(run) : job_run_failed(run, e);
    e = account_by_id(run->db, run->arena, &p->post.account_id, &p->account);
    if (e != OK)
        return job_run_failed(run, e);
    if (p->post.mode !=
        p->account.mode) /* the schema forbids it; whoever has got around that does not get around this */
        return publish_fail(run, p, "rejected", "mode_mismatch");
    if (p->account.state == ACCOUNT_DISCONNECTED || account_has_canceled(&p->account, &p->post.id))
        return publish_cancel(run);
    if (hold_has(&p->account, &p->post.id)) /* the turn passes over it */
        return publish_next(run);
    e = user_is_active(run->db, run->arena, &p->post.user_id, &is_active);
    if (e != OK)
        return job_run_failed(run, e);
    if (!is_active)
        return publish_hold(run, p, &publish_user_disabled);
    if (p->account.state == ACCOUNT_NEEDS_RECONNECT)
        return publish_hold(run, p, &publish_needs_reconnect);
    struct post_image *images;
    e = post_images(run->db, run->arena, &p->post.id, &images, &p->images_n);
    if (e != OK)
        return job_run_failed(run, e);
    bool gone = p->images_n == 0;
    for (size_t i = 0; i < p->images_n; i++)
        gone = gone || images[i].deleted_at_us != 0;
    if (gone)
        return publish_fail(run, p, "images_gone", "images_gone");
    if (!post_is_as_approved(&p->post, images, p->images_n))
        return publish_fail(run, p, "not_as_approved", "not_as_approved");
    return JOB_CALL;
}

static enum job_step publish_call_creator(struct job_run *run, struct publish *p)
{
    enum job_step wait;

    if (!settle_take_call(run, &p->account.id, ACCOUNT_CALL_CREATOR, &wait))
        return wait;
    p->is_init = false;
    tiktok_creator_info(access_provider(run, &p->access), run->arena, secret_str(&run->token), &run->call);
    return JOB_CALL;
}

static bool publish_knows_creator(const struct publish *p)
{
    return p->post.post_mode != POST_DIRECT_POST || account_snapshot_within(&p->account, CREATOR_FRESH_US);
}

/* Never choose another level: only the user decides who may see a post. */
static bool publish_is_offered(const struct publish *p)
{
    return p->post.post_mode != POST_DIRECT_POST || account_offers(&p->account, p->post.privacy_level);
}

bool publish_is_ready(const struct publish *p)
{
    return publish_knows_creator(p) && publish_is_offered(p);
}

static enum job_step publish_with_token(struct job_run *run)
{
    struct publish *p = run->data;

    if (!publish_knows_creator(p))
        return publish_call_creator(run, p);
    if (!publish_is_offered(p))
        return publish_fail(run, p, "privacy_not_offered", "privacy_level_not_offered");
    return publish_init(run, p);
}

static enum job_step publish_refresh_failed(struct job_run *run)
{
    struct publish *p = run->data;

    return publish_unreachable(run, p, p->access.refusal);
}

static enum job_step publish_without_token(struct job_run *run)
{
    return publish_hold(run, run->data, &publish_needs_reconnect);
}

static const struct access_ways publish_ways = {
    .ready = publish_with_token, .unreachable = publish_refresh_failed, .lost = publish_without_token};

enum job_step publish_advance(struct job_run *run, struct publish *p)
{
    enum job_step s = publish_load(run, p);

    if (s != JOB_CALL)
        return s;
    p->access.account_id = p->account.id;
    return access_begin(run, &p->access, &publish_ways);
}

/* The creator cannot post right now. */
static enum job_step publish_on_block(struct job_run *run, struct publish *p, struct str block)
{
    const struct tiktok_code *code = tiktok_code_find(block);
    struct attempt_tally tally;
    struct post_move move = {.event = "rejected", .failure_code = STR("tiktok_refused"), .platform_code = block};

    enum err e = attempt_tally(run->db, run->arena, &p->post.id, &tally);
    if (e != OK)
        return job_run_failed(run, e);
    if (code != NULL && code->action == TIKTOK_DEFER)
        move = publish_deferral(code, &tally);
    else if (code != NULL)
        move.failure_code = str_from(code->failure);
    move.request_id = run->job.request_id;
    return publish_settle(run, p, &move);
}

static enum job_step publish_on_creator_refused(struct job_run *run, struct publish *p,
                                                const struct tiktok_error *refusal)
{
    const struct tiktok_code *code = tiktok_code_find(refusal->code);
    enum err e;

    switch (access_on_refusal(run, &p->access, code, &e)) {
    case REFUSED_TOKEN:
        return publish_advance(run, p);
    case REFUSED_ACCOUNT:
        return e == OK ? publish_hold(run, p, &publish_needs_reconnect) : job_run_failed(run, e);
    case REFUSED_CALL:
        break;
    }
    if (code != NULL && code->action == TIKTOK_RETRY) /* noted and counted, because TikTok may never stop saying so */
        return publish_not_reached(run, p, code->failure, refusal->code, code->retry_after_sec * US_PER_SEC);
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
    e = creator_keep(run, &p->account.id, &creator);
    if (e != OK)
        return job_run_failed(run, e);
    return creator.post_block.n > 0 ? publish_on_block(run, p, creator.post_block) : publish_advance(run, p);
}

enum job_step publish_result(struct job_run *run, struct publish *p)
{
    if (p->access.is_refreshing)
        return access_go_on(run, &p->access, &publish_ways);
    return p->is_init ? publish_init_result(run, p) : publish_on_creator(run, p);
}

enum err publish_give_up(struct db *db, struct job_run *run)
{
    struct post post;
    struct attempt attempt;
    struct post_move move = {
        .event = "worker_crashed", .failure_code = STR("worker_crashed"), .request_id = run->job.request_id};

    enum err e = post_lock(db, &run->about);
    if (e == OK)
        e = post_by_id(db, run->arena, &run->about, &post);
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
