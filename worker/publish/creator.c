/* The creator kind: a fresh creator snapshot of an account, so that the API can say what TikTok offers. */
#include "jobs/backoff.h"
#include "model/tiktok/account.h"
#include "publish/access.h"
#include "publish/creator.h"
#include "publish/kinds.h"

/* After the last try the next request that needs a snapshot asks for it again. */
static const struct backoff creator_backoff = {.tries_max = 10, .base_us = 2 * US_PER_SEC, .max_us = 600 * US_PER_SEC};

#define JUST_US (10 * US_PER_SEC)

struct creator {
    struct access access;
    struct account account;
};

static enum job_step creator_later(struct job_run *run, int64_t min_us)
{
    return job_run_later(run, min_us, &creator_backoff);
}

static enum job_step creator_unreachable(struct job_run *run)
{
    return creator_later(run, 0);
}

static enum job_step creator_without_token(struct job_run *run)
{
    (void)run;
    return JOB_DONE;
}

static enum job_step creator_with_token(struct job_run *run)
{
    const struct creator *c = run->data;
    int64_t free_at_us;

    enum err e =
        account_take_call(run->db, run->arena, &c->account.id, ACCOUNT_CALL_CREATOR, clock_now_us(), &free_at_us);
    if (e == ERR_AGAIN) {
        run->note = "creator_info_waits";
        return creator_later(run, MAX(free_at_us - clock_now_us(), 0));
    }
    if (e != OK)
        return job_run_failed(run, e);
    tiktok_creator_info(access_provider(run, &c->access), run->arena, secret_str(&run->token), &run->call);
    return JOB_CALL;
}

static const struct access_ways creator_ways = {
    .ready = creator_with_token, .unreachable = creator_unreachable, .lost = creator_without_token};

static enum job_step creator_advance(struct job_run *run, struct creator *c)
{
    enum err e = account_by_id(run->db, run->arena, &run->job.subject_id, &c->account);

    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    if (c->account.state != ACCOUNT_ACTIVE || !account_has_scope(&c->account, STR(CREATOR_SCOPE)))
        return JOB_DONE; /* without this scope TikTok does not answer creator info */
    if (account_snapshot_within(&c->account, JUST_US))
        return JOB_DONE; /* asked for while it was on its way */
    c->access.account_id = c->account.id;
    return access_begin(run, &c->access, &creator_ways);
}

static enum job_step creator_on_refused(struct job_run *run, struct creator *c, const struct tiktok_error *refusal)
{
    const struct tiktok_code *code = tiktok_code_find(refusal->code);
    enum err e;

    switch (access_on_refusal(run, &c->access, code, &e)) {
    case REFUSED_TOKEN:
        return creator_advance(run, c);
    case REFUSED_ACCOUNT:
        run->note = code->code;
        return e == OK ? JOB_DONE : job_run_failed(run, e);
    case REFUSED_CALL:
        break;
    }
    return creator_later(run, code == NULL ? 0 : code->retry_after_sec * US_PER_SEC);
}

enum err creator_keep(struct job_run *run, const struct uuid *account_id, const struct tiktok_creator *c)
{
    const struct account_snapshot snapshot = {.username = c->username,
                                              .nickname = c->nickname,
                                              .privacy_level_options = c->privacy_level_options,
                                              .post_block = c->post_block,
                                              .comment_disabled = c->comment_disabled};

    return c->username.n == 0 ? account_store_block(run->db, account_id, c->post_block)
                              : account_store_snapshot(run->db, account_id, &snapshot);
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
    e = creator_keep(run, &c->account.id, &creator);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

static enum job_step creator_step(struct job_run *run)
{
    struct creator *c = run->data;

    if (c == NULL) {
        c = run->data = arena_alloc(run->arena, sizeof(*c));
        return creator_advance(run, c);
    }
    return c->access.is_refreshing ? access_go_on(run, &c->access, &creator_ways) : creator_on_answer(run, c);
}

/* Of a creator info nothing is lost: it is asked for again. */
static bool creator_keep_result(const struct job_run *run, struct buf *memo)
{
    const struct creator *c = run->data;

    return access_keep(run, &c->access, memo);
}

static enum err creator_take_up(struct job_run *run, struct str memo)
{
    struct creator *c = run->data = arena_alloc(run->arena, sizeof *c);

    return access_take_up(run, &c->access, memo);
}

const struct job_kind creator_kind = {.name = "creator",
                                      .class = JOB_PUBLISH,
                                      .calls = true,
                                      .step = creator_step,
                                      .keep = creator_keep_result,
                                      .take_up = creator_take_up};
