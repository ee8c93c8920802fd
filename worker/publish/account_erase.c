/*
 * The account_erase kind: for an erasure, as long as that is not canceled, and for an admin (privacy/request.h), an account is
 * disconnected as its owner would do it: its tokens are wiped and the grant is ended at TikTok, by one call. A post that is on its way to TikTok is waited for, and one that TikTok has is asked about for two minutes more,
 * because nobody can ask without the tokens.
 *
 *    lease ──► no post on its way ──► tokens that work ──► wiped, posts canceled ──► revoke ──► noted
 *                                     └─► none ────────────────► the same ───────────────────────► noted
 *
 * Tokens that cannot be opened, because their key is lost or the row is damaged, are no tokens: waiting would keep them for ever. Where that is
 * so of the refresh token alone, the access token ends the grant as long as it lives.
 *
 * After the wipe nobody has the tokens but this run. If its process dies then, TikTok was perhaps not told: the receipt counts what was
 * confirmed.
 */
#include "base/log.h"
#include "model/privacy/erasure.h"
#include "model/privacy/request.h"
#include "model/tiktok/account.h"
#include "model/tiktok/grant_end.h"
#include "publish/access.h"
#include "publish/kinds.h"

#define WAIT_US US_PER_SEC

struct account_erase {
    struct access access;
    struct account account;
    struct str open_id;
    int64_t until_us; /* of the call that revokes */
    bool is_sealed;   /* the pair, or one of it */
    bool is_revoking, revoked;
};

struct account_erase_end {
    struct job_run *run;
    const struct account_erase *a;
};

static enum err account_erase_end_tx(struct db *db, void *arg)
{
    const struct account_erase_end *x = arg;

    enum err e = x->a->revoked ? erasure_note_account(db, &x->a->account.user_id) : OK;
    return e == OK ? job_finish(db, JOB_PUBLISH, &x->run->job) : e;
}

static enum job_step account_erase_end(struct job_run *run, const struct account_erase *a)
{
    struct account_erase_end x = {run, a};
    enum err e = db_tx(run->db, account_erase_end_tx, &x);

    if (e != OK)
        return job_run_failed(run, e);
    run->job_ended = true;
    return JOB_DONE;
}

static enum err account_erase_wipe(struct job_run *run, struct account_erase *a, bool *ret_may_revoke)
{
    struct account_ended ended;

    enum err e = account_disconnect(run->db, run->arena, run->worker->conf, run->worker->ring, &a->account.user_id,
                                    a->account.mode, &a->account.id, run->job.request_id, &ended);
    if (e != OK) {
        *ret_may_revoke = false;
        return e == ERR_NOT_FOUND ? OK : e;
    }
    if (a->is_sealed && ended.tokens.access_expires_at_us > clock_now_us()) {
        secret_done(&run->token);
        run->token = ended.tokens.access;
        ended.tokens.access = (struct secret){0};
        a->access.mode = ended.tokens.mode;
    }
    *ret_may_revoke = !ended.in_use && run->token.n > 0;
    a->open_id = ended.open_id;
    account_tokens_done(&ended.tokens);
    return OK;
}

/* As an app does it (fcgi-apps/tiktok/revoke.c): whoever connects the same TikTok account right now is not harmed. */
static enum job_step account_erase_go(struct job_run *run)
{
    struct account_erase *a = run->data;
    bool may_revoke = false, in_use = true;

    enum err e = account_erase_wipe(run, a, &may_revoke);
    if (e != OK)
        return job_run_failed(run, e);
    if (!may_revoke)
        return account_erase_end(run, a);
    tiktok_revoke(access_provider(run, &a->access), run->arena, secret_str(&run->token), &run->call);
    e = grant_end_begin(run->db, a->open_id, run->call.timeout_sec, &a->until_us);
    if (e == OK)
        e = account_grant_in_use(run->db, a->open_id, &in_use);
    if (e != OK) /* the tokens are wiped: nobody can do it later */
        log_event(LOG_WARNING, "grant_not_ended", LOG_CSTR("account", uuid_text(&a->account.id).s),
                  LOG_CSTR("database", db_error(run->db)), LOG_END);
    if (e != OK || in_use)
        return account_erase_end(run, a);
    a->is_revoking = true;
    return JOB_CALL;
}

/* What is left of the grant's end goes at once if TikTok has answered; else it goes by itself, a minute later. */
static enum job_step account_erase_revoked(struct job_run *run, struct account_erase *a)
{
    struct tiktok_error error;

    enum err e = tiktok_read_revoke(run->result, run->arena, &error);
    bool answered = e == OK || e == ERR_TIKTOK_REFUSED;
    a->revoked = e == OK;
    e = grant_end_over(run->db, run->arena, a->open_id, answered ? clock_now_us() : a->until_us, run->job.request_id);
    if (e == OK && answered)
        e = grant_end_forget(run->db, a->open_id, a->until_us);
    (void)e; /* whoever connected meanwhile has a job that looks (grant_end_check) */
    return account_erase_end(run, a);
}

static const struct access_ways account_erase_ways = {
    .ready = account_erase_go, .unreachable = account_erase_go, .lost = account_erase_go};

/* What cannot be opened is no reason to keep it (account_disconnect.c). */
static enum job_step account_erase_then(struct job_run *run, enum job_step step)
{
    struct account_erase *a = run->data;

    if (step != JOB_ERROR || run->err != ERR_SEALED)
        return step;
    a->is_sealed = true;
    return account_erase_go(run);
}

/* The erasure was canceled, and no admin was asked for the same, before or since. */
static enum err account_erase_is_dropped(struct job_run *run, const struct account_erase *a, bool *ret_is)
{
    bool is_canceled, is_asked = false;

    enum err e = erasure_was_canceled(run->db, &a->account.user_id, run->job.created_at_us, &is_canceled);
    if (e == OK && is_canceled)
        e = request_is_end_asked(run->db, &a->account.id, &is_asked);
    *ret_is = is_canceled && !is_asked;
    return e;
}

static enum job_step account_erase_begin(struct job_run *run)
{
    struct account_erase *a = run->data = arena_alloc(run->arena, sizeof *a);
    bool waits = false, is_dropped = false;

    *a = (struct account_erase){.access.account_id = run->job.subject_id};
    enum err e = account_by_id(run->db, run->arena, &run->job.subject_id, &a->account);
    if (e == ERR_NOT_FOUND)
        return JOB_DONE;
    if (e != OK)
        return job_run_failed(run, e);
    e = account_erase_is_dropped(run, a, &is_dropped);
    if (e != OK)
        return job_run_failed(run, e);
    if (is_dropped || a->account.state == ACCOUNT_DISCONNECTED)
        return account_erase_end(run, a);
    e = erasure_waits_for_posts(run->db, &a->account.id, run->job.created_at_us, &waits);
    if (e != OK)
        return job_run_failed(run, e);
    if (waits) {
        run->note = "a post is on its way";
        run->again_at_us = clock_now_us() + WAIT_US;
        return JOB_AGAIN;
    }
    return account_erase_then(run, access_begin(run, &a->access, &account_erase_ways));
}

static enum job_step account_erase_step(struct job_run *run)
{
    struct account_erase *a = run->data;

    if (run->result == NULL)
        return account_erase_begin(run);
    if (a->is_revoking)
        return account_erase_revoked(run, a);
    return account_erase_then(run, access_go_on(run, &a->access, &account_erase_ways));
}

/* Not of those that call: where TikTok is away, the tokens go all the same. */
const struct job_kind account_erase_kind = {
    .name = ACCOUNT_ERASE_JOB, .class = JOB_PUBLISH, .users_take_turns = true, .step = account_erase_step};
