/*
 * The init: written down before it is made, made at most once, and its result recorded in any case
 * (docs/architecture.md#never-twice).
 *
 * Once a byte may have left, any result except "ok" with a publish_id and a refusal of docs/tiktok.md#refusals is
 * outcome_unknown, and the post is never sent again by itself.
 */
#include "publish/publish.h"

#include "base/point.h"
#include "jobs/backoff.h"
#include "model/post/post_again.h"
#include "publish/kinds.h"

#define POLL_FIRST_US (2 * US_PER_SEC)
#define RETRY_BASE_US (2 * US_PER_SEC)
#define RETRY_MAX_US (900 * US_PER_SEC)

static struct str init_payload(struct job_run *run, const struct publish *p)
{
    const struct post *post = &p->post;
    struct tiktok_post t = {
        .direct = post->post_mode == POST_DIRECT_POST,
        .title = post->title,
        .description = post->description,
        .privacy_level = post->privacy_level,
        .disable_comment = post->disable_comment,
        .auto_add_music = post->auto_add_music,
        .brand_content_toggle = post->brand_content_toggle,
        .brand_organic_toggle = post->brand_organic_toggle,
        .is_aigc = post->is_aigc,
        .photo_cover_index = post->photo_cover_index,
        .image_urls = arena_array(run->arena, p->images_n, sizeof(struct str)),
        .image_urls_n = p->images_n,
    };

    for (size_t i = 0; i < p->images_n; i++)
        t.image_urls[i] = arena_printf(run->arena, "%.*s/m/%s/%zu", STR_FMT(run->worker->conf->service_url),
                                       uuid_text(&p->attempt_id).s, i);
    return tiktok_init_payload(run->arena, &t);
}

static struct budget_use init_budget_use(const struct post *post)
{
    return (struct budget_use){.key_id = post->key_id,
                               .account_id = post->account_id,
                               .privacy_level = post->privacy_level,
                               .is_approved = post_is_approved(post)};
}

static const struct net_result init_never_sent = {
    .err = ERR_NET_NOT_SENT, .detail = "the attempt's commit failed", .unasked = true};

struct publish_begin publish_begin_now(const struct job_run *run)
{
    int64_t now_us = clock_now_us();

    return (struct publish_begin){clock_boot_us(), now_us, now_us + run->worker->class->lease_us};
}

struct attempt_new publish_attempt(struct job_run *run, struct publish *p)
{
    p->attempt_id = uuid_new();
    p->fence = run->job.lease_token;
    p->is_init = true;
    return (struct attempt_new){.id = p->attempt_id,
                                .post_id = p->post.id,
                                .user_id = p->post.user_id,
                                .from = (enum post_state)p->post.state,
                                .use = init_budget_use(&p->post),
                                .number = p->attempts_n + 1,
                                .payload = init_payload(run, p),
                                .job = &run->job};
}

/* Then the attempt is recorded as never sent, which is true, and not as unknown. */
enum job_step publish_not_committed(struct job_run *run, enum err e)
{
    run->result = &init_never_sent;
    run->fault = true;
    return job_run_record(run, e);
}

void publish_call_init(struct job_run *run, struct str payload, const struct publish_begin *begin)
{
    const struct publish *p = run->data;

    point("publish.attempt_committed");
    run->job.run_at_us = MAX(run->job.run_at_us, begin->lease_until_us);
    tiktok_init(access_provider(run, &p->access), run->arena, secret_str(&run->token), payload, &run->call);
    run->call.start_by_us = begin->boot_us + CALL_START_US;
    run->call.start_before_us = begin->now_us + CALL_START_US + CALL_CLOCK_US;
}

enum job_step publish_init(struct job_run *run, struct publish *p)
{
    const struct publish_begin begin = publish_begin_now(run);
    enum job_step wait;

    if (job_run_is_stopping(run))
        return job_run_release(run);
    if (!settle_take_call(run, &p->account.id, ACCOUNT_CALL_INIT, &wait))
        return wait;
    const struct attempt_new attempt = publish_attempt(run, p);
    enum err e =
        attempt_begin(run->db, run->arena, run->worker->conf, JOB_PUBLISH, begin.lease_until_us, &attempt, NULL, 1);
    if (db_is_away(e))
        return publish_not_committed(run, e);
    if (e == ERR_CONFLICT || e == ERR_ACCOUNT_DISABLED) /* the user was disabled a moment ago: then it is held */
        return settle_look_again(run);
    if (budget_failure(e).p != NULL) /* nothing was written down, and nothing is sent */
        return publish_fail(run, p, "over_budget", budget_failure(e).p);
    if (e != OK)
        return job_run_failed(run, e);
    publish_call_init(run, attempt.payload, &begin);
    return JOB_CALL;
}

static void init_say_not_sent(const struct job_run *run, const struct publish *p, const struct attempt_tally *tally,
                              struct verdict *v)
{
    const char *blame = publish_blame(run);

    v->attempt.state = ATTEMPT_NOT_SENT;
    v->move.failure_code = str_from(blame);
    if (publish_is_over(run, p, tally)) {
        v->move.event = blame;
        return;
    }
    v->move.event = EVENT_NOT_SENT;
    v->again_at_us = clock_now_us() + backoff_us(tally->unreachable + tally->unsent, RETRY_BASE_US, RETRY_MAX_US);
    v->move.next_attempt_at_us = v->again_at_us;
}

static void init_say_retry(const struct tiktok_code *code, const struct attempt_tally *tally, struct verdict *v)
{
    if (tally->refused >= PUBLISH_REFUSED_MAX) {
        v->move.event = "rejected";
        return;
    }
    v->move.event = "refused_retry";
    v->again_at_us =
        clock_now_us() + code->retry_after_sec * US_PER_SEC + backoff_us(tally->refused, RETRY_BASE_US, RETRY_MAX_US);
    v->move.next_attempt_at_us = v->again_at_us;
}

/* The post waits until the account is connected again. */
static void init_say_held(const struct job_run *run, const struct publish *p, struct verdict *v)
{
    int64_t until_us = publish_held_until(run, p);

    v->move.event = clock_now_us() < until_us ? "refused_retry" : "needs_reconnect";
    v->again_at_us = clock_now_us() < until_us ? until_us : 0;
}

/* Nothing was posted. */
static void init_say_refused(const struct job_run *run, const struct publish *p, const struct tiktok_code *code,
                             const struct attempt_tally *tally, struct verdict *v)
{
    v->attempt.state = ATTEMPT_REFUSED;
    v->move.failure_code = str_from(code->failure);
    switch (code->action) {
    case TIKTOK_REFRESH:
    case TIKTOK_REFRESH_ONCE:
        if (access_may_refresh(&p->access) && tally->refused < PUBLISH_REFUSED_MAX) {
            v->move.event = "refused_retry";
            v->go_on = true;
            return;
        }
        if (code->action == TIKTOK_REFRESH_ONCE)
            break;
        __attribute__((fallthrough)); /* a fresh token was refused, too */
    case TIKTOK_RECONNECT:
        v->reconnect = code->code;
        init_say_held(run, p, v);
        return;
    case TIKTOK_RETRY:
        init_say_retry(code, tally, v);
        return;
    case TIKTOK_DEFER:
        v->move = publish_deferral(code, tally);
        return;
    case TIKTOK_FINAL:
        break;
    }
    v->move.event = "rejected";
}

enum err publish_judge(const struct job_run *run, const struct publish *p, struct verdict *ret)
{
    struct verdict v = {.attempt.state = ATTEMPT_OUTCOME_UNKNOWN,
                        .move = {.event = "outcome_unknown", .failure_code = STR("outcome_unknown")}};
    struct tiktok_error refusal = {0};
    struct attempt_tally tally = {0};
    struct str publish_id;

    enum err e = tiktok_read_init(run->result, run->arena, &publish_id, &refusal);
    const struct tiktok_code *code = e == ERR_TIKTOK_REFUSED ? tiktok_init_refusal(&refusal) : NULL;
    enum err counted = e == OK ? OK : attempt_tally(run->db, run->arena, &p->post.id, &tally);
    if (counted != OK)
        return counted;
    if (e == OK) {
        v.attempt.state = ATTEMPT_ACCEPTED;
        v.attempt.publish_id = v.move.publish_id = publish_id;
        v.move.event = "accepted";
        v.move.failure_code = (struct str){0};
    } else if (e == ERR_NET_NOT_SENT || e == ERR_NET_FORBIDDEN) {
        init_say_not_sent(run, p, &tally, &v);
    } else if (code != NULL) {
        init_say_refused(run, p, code, &tally, &v);
    }
    v.attempt.http_status = refusal.http_status;
    v.attempt.platform_code = v.move.platform_code = e == OK ? (struct str){0} : refusal.code;
    v.attempt.platform_log_id = v.move.platform_log_id = refusal.log_id;
    v.move.attempt_id = p->attempt_id;
    v.move.request_id = run->job.request_id;
    *ret = v;
    return OK;
}

/* What is written is told by the rows. What is not, or not yet, is told by the log alone: this id is all that leads to the post
 * at TikTok, and no secret. */
static void init_note_id(struct job_run *run, const struct verdict *v)
{
    if (v->attempt.publish_id.n > 0)
        run->note = arena_printf(run->arena, "publish_id %.*s", STR_FMT(v->attempt.publish_id)).p;
}

enum job_step publish_keep(struct job_run *run, const struct verdict *v, enum err e)
{
    init_note_id(run, v);
    return job_run_record(run, e);
}

struct job_new publish_poll_of(const struct job_run *run, const struct publish *p)
{
    return (struct job_new){.kind = poll_kind.name,
                            .subject_id = p->post.id,
                            .run_at_us = clock_now_us() + POLL_FIRST_US,
                            .request_id = run->job.request_id};
}

struct record {
    struct job_run *run;
    const struct publish *p;
    const struct verdict *v;
    bool skipped;
    bool told; /* init_tell_late: it stays with the attempt */
};

/*
 * The attempt is not open any more. An earlier try at this record was committed, and only its answer was lost: then all is
 * done, the job's end included. Or the attempt itself was never committed: the rows say what to do next. Or somebody took
 * over, and what the call had done is lost.
 */
static enum err init_has_ended(struct db *db, struct record *r)
{
    const struct job *job = &r->run->job;
    struct attempt attempt;

    enum err e = attempt_look(db, r->run->arena, &r->p->attempt_id, &r->p->fence, &attempt);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK && attempt.state != (int)r->v->attempt.state)
        return ERR_CONFLICT;
    if (r->v->go_on)
        return job_hold(db, JOB_PUBLISH, job, 0);
    if (e == OK)
        return OK;
    r->skipped = true;
    return job_again(db, JOB_PUBLISH, job, clock_now_us() + US_PER_SEC);
}

static enum err init_record(struct db *db, void *arg)
{
    struct record *r = arg;
    struct job *job = &r->run->job;
    const struct verdict *v = r->v;

    r->skipped = false;
    enum err e = post_lock(db, &r->p->post.id);
    if (e != OK)
        return e;
    e = attempt_end(db, &r->p->attempt_id, &r->p->fence, &v->attempt);
    if (e == ERR_CONFLICT)
        return init_has_ended(db, r);
    if (e != OK)
        return e;
    e = post_move(db, r->run->arena, r->run->worker->conf, &r->p->post.id, &v->move);
    if (e != OK && e != ERR_CONFLICT) /* ERR_CONFLICT: something else ended the post; its receipt keeps the result */
        return e;
    if (v->attempt.state == ATTEMPT_ACCEPTED) {
        const struct job_new poll = publish_poll_of(r->run, r->p);
        e = job_add_many(db, JOB_PUBLISH, &poll, 1);
        if (e != OK)
            return e;
    }
    if (v->go_on)
        return job_hold(db, JOB_PUBLISH, job, 0);
    return settle_job(db, r->run, v->again_at_us);
}

/*
 * The database takes this result neither now nor later: another post has that publish_id, say. The post cannot be followed,
 * so its owner must look. What TikTok said stays with the attempt.
 */
static bool init_is_unwritable(const struct job_run *run, enum err e)
{
    return e == ERR_DB_DUPLICATE || (run->unwritable && e != OK && e != ERR_CONFLICT && !db_is_away(e));
}

static enum err init_record_unwritable(struct job_run *run, const struct publish *p, struct verdict *v)
{
    struct record r = {.run = run, .p = p, .v = v};

    v->attempt.state = ATTEMPT_OUTCOME_UNKNOWN;
    v->move = (struct post_move){.event = "outcome_unknown",
                                 .failure_code = STR("outcome_unknown"),
                                 .attempt_id = p->attempt_id,
                                 .request_id = run->job.request_id};
    v->again_at_us = 0;
    v->go_on = false;
    enum err e = db_tx(run->db, init_record, &r);
    run->result_lost = (e == OK || e == ERR_CONFLICT) && !r.skipped;
    return e;
}

/* Somebody else has called the attempt an unknown outcome. What is known now stays with it; and where TikTok has it, it is asked about it.
 * Where nobody has called it so yet, it cannot be told. The log has the publish_id in any case. */
static enum err init_tell_late(struct db *db, void *arg)
{
    struct record *r = arg;
    struct attempt attempt = {.state = ATTEMPT_COMMITTED};
    bool polls = false;

    enum err e = post_lock(db, &r->p->post.id);
    if (e == OK)
        e = attempt_tell(db, &r->p->attempt_id, &r->p->fence, &r->v->attempt);
    if (e == OK)
        e = attempt_look(db, r->run->arena, &r->p->attempt_id, &r->p->fence, &attempt);
    r->told = e == OK && attempt.state == ATTEMPT_OUTCOME_UNKNOWN;
    if (e == OK && r->v->attempt.state == ATTEMPT_ACCEPTED)
        e = post_hear_accepted(db, r->run->arena, r->run->worker->conf, &r->p->post.id, &r->v->move, &polls);
    const struct job_new poll = publish_poll_of(r->run, r->p);
    return e == OK && polls ? job_add_many(db, JOB_PUBLISH, &poll, 1) : e;
}

static bool init_is_known(const struct verdict *v)
{
    return v->attempt.state == ATTEMPT_ACCEPTED || v->attempt.state == ATTEMPT_REFUSED;
}

/* Of a run before this one, which has the job and goes on with its turn. */
static enum job_step init_late_result(struct job_run *run, struct publish *p)
{
    struct verdict v = {0};
    struct record r = {.run = run, .p = p, .v = &v};

    enum err e = publish_judge(run, p, &v);
    if (e == OK && init_is_known(&v))
        e = db_tx(run->db, init_tell_late, &r);
    if (e != OK && !run->unwritable)
        return publish_keep(run, &v, e);
    init_note_id(run, &v);
    run->result_lost = e != OK;
    run->again_at_us = clock_now_us();
    return JOB_AGAIN;
}

enum job_step publish_init_result(struct job_run *run, struct publish *p)
{
    struct verdict v = {0};
    struct record r = {.run = run, .p = p, .v = &v};

    if (p->is_late)
        return init_late_result(run, p);
    point("publish.called");
    enum err e = publish_judge(run, p, &v);
    if (e == OK && v.reconnect != NULL)
        e = access_needs_reconnect(run, &p->access, v.reconnect);
    if (e == OK)
        e = db_tx(run->db, init_record, &r);
    if (init_is_unwritable(run, e))
        e = init_record_unwritable(run, p, &v);
    if (e != OK && e != ERR_CONFLICT)
        return publish_keep(run, &v, e);
    run->note = v.move.event;
    run->job_ended = e == OK && !v.go_on;
    if (e == ERR_CONFLICT) { /* the lease is lost; the runner notices and says so */
        init_note_id(run, &v);
        e = init_is_known(&v) ? db_tx(run->db, init_tell_late, &r) : OK;
        run->result_lost |= init_is_known(&v) && !(e == OK && r.told);
        return JOB_DONE;
    }
    if (v.attempt.state == ATTEMPT_ACCEPTED)
        point("publish.publish_id_committed");
    if (v.go_on) {
        access_refused(&p->access);
        return publish_advance(run, p);
    }
    return v.again_at_us != 0 || r.skipped ? JOB_AGAIN : JOB_DONE;
}
