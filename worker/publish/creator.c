/* The creator kind: a fresh creator snapshot of an account, so that create and validate can say what TikTok offers. */
#include "jobs/backoff.h"
#include "model/tiktok/account.h"
#include "publish/kinds.h"
#include "publish/refresh.h"

#define TRIES_MAX 10 /* then the next request that needs a snapshot asks for it again */
#define BASE_US (2 * US_PER_SEC)
#define MAX_US (600 * US_PER_SEC)

struct creator {
    bool asking; /* the call that is open is creator info; else the refresh */
    struct access access;
    struct account account;
};

static enum job_step creator_error(struct job_run *run, enum err e)
{
    run->err = e;
    return JOB_ERROR;
}

static enum job_step creator_later(struct job_run *run, int64_t min_us)
{
    run->again_at_us = clock_now_us() + min_us + backoff_us(run->job.tries, BASE_US, MAX_US);
    return run->job.tries < TRIES_MAX ? JOB_AGAIN : JOB_DONE;
}

static enum job_step creator_with_token(struct job_run *run, struct creator *c)
{
    int64_t free_at_us;

    enum err e =
        account_take_call(run->db, run->arena, &c->account.id, ACCOUNT_CALL_CREATOR, clock_now_us(), &free_at_us);
    if (e == ERR_AGAIN) {
        run->note = "creator_info_waits";
        return creator_later(run, MAX(free_at_us - clock_now_us(), 0));
    }
    if (e != OK)
        return creator_error(run, e);
    c->asking = true;
    tiktok_creator_info(&run->worker->tiktok, run->arena, secret_str(&run->token), &run->call);
    return JOB_CALL;
}

static enum job_step creator_on_access(struct job_run *run, struct creator *c, enum access_step s)
{
    switch (s) {
    case ACCESS_READY:
        return creator_with_token(run, c);
    case ACCESS_CALL:
        c->asking = false;
        return JOB_CALL;
    case ACCESS_RECORD:
        return JOB_RECORD;
    case ACCESS_WAIT:
        return JOB_AGAIN;
    case ACCESS_UNREACHABLE:
        return creator_later(run, 0);
    case ACCESS_LOST:
        return JOB_DONE;
    case ACCESS_ERROR:
        break;
    }
    return JOB_ERROR;
}

static enum job_step creator_advance(struct job_run *run, struct creator *c)
{
    enum err e = account_by_id(run->db, run->arena, &run->job.subject_id, &c->account);

    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return creator_error(run, e);
    if (c->account.state != ACCOUNT_ACTIVE || !account_has_scope(&c->account, STR(CREATOR_SCOPE)))
        return JOB_DONE; /* without this scope TikTok does not answer creator info */
    c->access.account_id = c->account.id;
    return creator_on_access(run, c, access_get(run, &c->access));
}

static enum job_step creator_on_refused(struct job_run *run, struct creator *c, const struct tiktok_error *refusal)
{
    const struct tiktok_code *code = tiktok_code_find(refusal->code);

    if (code != NULL && code->action == TIKTOK_REFRESH && access_may_refresh(&c->access)) {
        access_refused(&c->access);
        return creator_advance(run, c);
    }
    if (code != NULL && (code->action == TIKTOK_REFRESH || code->action == TIKTOK_RECONNECT)) {
        run->note = code->code;
        enum err e = account_needs_reconnect(run->db, &c->account.id, c->access.in_use_us, code->code);
        return e == OK ? JOB_DONE : creator_error(run, e);
    }
    return creator_later(run, code == NULL ? 0 : code->retry_after_sec * US_PER_SEC);
}

static enum job_step creator_on_answer(struct job_run *run, struct creator *c)
{
    struct tiktok_creator creator;
    struct tiktok_error refusal;

    enum err e = tiktok_read_creator(run->result, run->arena, &creator, &refusal);
    if (e == ERR_TIKTOK_REFUSED)
        return creator_on_refused(run, c, &refusal);
    if (e != OK) {
        run->note = run->result->detail;
        return creator_later(run, 0);
    }
    if (creator.username.n == 0) /* blocked, and nothing else was said */
        return JOB_DONE;
    struct account_snapshot snapshot = {.username = creator.username,
                                        .nickname = creator.nickname,
                                        .privacy_level_options = creator.privacy_level_options,
                                        .post_block = creator.post_block,
                                        .comment_disabled = creator.comment_disabled};
    e = account_store_snapshot(run->db, &c->account.id, &snapshot);
    return e == OK ? JOB_DONE : creator_error(run, e);
}

static enum job_step creator_step(struct job_run *run)
{
    struct creator *c = run->data;

    if (c == NULL) {
        c = run->data = arena_alloc(run->arena, sizeof(*c));
        return creator_advance(run, c);
    }
    return c->asking ? creator_on_answer(run, c) : creator_on_access(run, c, access_result(run, &c->access));
}

const struct job_kind creator_kind = {.name = "creator", .class = JOB_PUBLISH, .step = creator_step};
