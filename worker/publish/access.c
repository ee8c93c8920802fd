#include "publish/access.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/rand.h"
#include "model/tiktok/account.h"

#define NEAR_US (120 * US_PER_SEC) /* a token that ends sooner might end on its way to TikTok */

enum access_step {
    ACCESS_READY,
    ACCESS_CALL,
    ACCESS_RECORD,
    ACCESS_WAIT,
    ACCESS_UNREACHABLE,
    ACCESS_LOST,
    ACCESS_ERROR
};

static enum access_step access_error(struct job_run *run, enum err e)
{
    run->err = e;
    return ACCESS_ERROR;
}

/* A pair that this run has got a moment ago is used, however short its life: refreshing again would never end. */
static bool access_is_old(const struct access *a, const struct account_tokens *tokens)
{
    if (a->fresh_us != 0 && a->fresh_us == tokens->access_expires_at_us && a->fresh_us != a->refused_us)
        return false;
    return a->force || tokens->access_expires_at_us <= clock_now_us() + NEAR_US ||
           (a->refused_us != 0 && a->refused_us == tokens->access_expires_at_us);
}

static enum access_step access_use(struct job_run *run, struct access *a, struct account_tokens *tokens)
{
    secret_done(&run->token);
    run->token = tokens->access;
    tokens->access = (struct secret){0};
    a->mode = tokens->mode;
    a->in_use_us = tokens->access_expires_at_us;
    return ACCESS_READY;
}

bool access_use_sealed(struct job_run *run, struct access *a, int mode, struct str sealed, int64_t expires_at_us)
{
    struct account_tokens tokens = {.mode = mode, .access_expires_at_us = expires_at_us};

    if (access_is_old(a, &tokens) ||
        account_open_access(run->worker->ring, run->arena, &a->account_id, mode, sealed, &tokens.access) != OK)
        return false;
    (void)access_use(run, a, &tokens);
    return true;
}

static enum err access_end_lease(struct job_run *run, struct access *a)
{
    struct uuid lease = a->lease;

    a->lease = UUID_NONE;
    /* If this fails, the lease ends by itself soon. */
    enum err e = account_end_lease(run->db, &a->account_id, &lease);
    return e == ERR_CONFLICT || e == ERR_NOT_FOUND ? OK : e;
}

static enum access_step access_record(struct job_run *run, struct access *a, enum err e)
{
    run->err = e;
    if (!run->unwritable || db_is_away(e))
        return ACCESS_RECORD;
    run->result_lost = true;
    (void)access_end_lease(run, a);
    return ACCESS_ERROR;
}

enum err access_needs_reconnect(struct job_run *run, const struct access *a, const char *reason)
{
    return account_needs_reconnect(run->db, &a->account_id, a->in_use_us, reason);
}

static enum access_step access_lose(struct job_run *run, struct access *a, const char *reason)
{
    enum err e = access_needs_reconnect(run, a, reason);

    run->note = reason;
    return e == OK || e == ERR_NOT_FOUND || e == ERR_CONFLICT ? ACCESS_LOST : access_error(run, e);
}

/* Holds the lease. Reads the pair again, because somebody may have refreshed it before we got it. */
static enum access_step access_refresh(struct job_run *run, struct access *a)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = {0};

    enum err e = account_tokens(run->db, run->arena, run->worker->ring, &a->account_id, &tokens);
    if (e == OK && access_is_old(a, &tokens)) {
        a->in_use_us = tokens.access_expires_at_us;
        a->mode = tokens.mode;
        a->force = false;
        tiktok_refresh(access_provider(run, a), run->arena, arena_str(run->arena, secret_str(&tokens.refresh)),
                       &run->call);
        run->call.start_by_us = clock_boot_us() + CALL_START_US;
        return ACCESS_CALL;
    }
    enum err ended = access_end_lease(run, a);
    if (e == ERR_NOT_FOUND)
        return ACCESS_LOST;
    if (e != OK || ended != OK)
        return access_error(run, e != OK ? e : ended);
    return access_use(run, a, &tokens);
}

static enum access_step access_get(struct job_run *run, struct access *a)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = {0};
    int64_t now_us = clock_now_us();

    enum err e = account_tokens(run->db, run->arena, run->worker->ring, &a->account_id, &tokens);
    if (e == ERR_NOT_FOUND)
        return ACCESS_LOST;
    if (e != OK)
        return access_error(run, e);
    if (!access_is_old(a, &tokens))
        return access_use(run, a, &tokens);
    if (tokens.refresh_expires_at_us != 0 && tokens.refresh_expires_at_us <= now_us) { /* 0: TikTok did not say */
        a->in_use_us = tokens.access_expires_at_us;
        return access_lose(run, a, "refresh_token_expired");
    }
    if (job_run_is_stopping(run)) {
        (void)job_run_release(run);
        return ACCESS_WAIT;
    }
    struct uuid lease = uuid_new();
    e = account_lease(run->db, &a->account_id, &lease, job_run_lapsed_us(run), now_us + run->worker->class->lease_us);
    if (e == ERR_AGAIN) {
        run->again_at_us = now_us + US_PER_SEC + (int64_t)rand_below(US_PER_SEC);
        run->note = "tokens_leased";
        return ACCESS_WAIT;
    }
    if (e != OK)
        return access_error(run, e);
    a->lease = lease;
    run->also = (struct job_lease){.hold = account_hold_lease, .id = a->account_id, .token = lease};
    return access_refresh(run, a);
}

/* After invalid_grant, looks at what is stored once more: a reconnection or another refresh may have been faster. */
static enum access_step access_on_refused(struct job_run *run, struct access *a)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = {0};

    enum err e = account_tokens(run->db, run->arena, run->worker->ring, &a->account_id, &tokens);
    if (db_is_away(e))
        return access_record(run, a, e);
    if (e == ERR_NOT_FOUND)
        return ACCESS_LOST;
    if (e != OK)
        return access_error(run, e);
    e = access_end_lease(run, a);
    if (e != OK)
        return access_error(run, e);
    if (tokens.access_expires_at_us != a->in_use_us)
        return access_get(run, a);
    return access_lose(run, a, "invalid_grant");
}

static enum access_step access_store(struct job_run *run, struct access *a, const struct tiktok_tokens *t)
{
    int64_t now_us = clock_now_us();
    _cleanup_(account_tokens_done) struct account_tokens tokens = {
        .access = secret_copy(t->access_token),
        .refresh = secret_copy(t->refresh_token),
        .access_expires_at_us = now_us + t->expires_in_sec * US_PER_SEC,
        /* 0: TikTok did not say, and the stored value stays */
        .refresh_expires_at_us = t->refresh_expires_in_sec == 0 ? 0 : now_us + t->refresh_expires_in_sec * US_PER_SEC,
        .mode = a->mode,
    };

    enum err e = account_store_tokens(run->db, run->arena, run->worker->ring, &a->account_id, &a->lease, a->in_use_us,
                                      &tokens, t->scope);
    if (e != OK && e != ERR_CONFLICT)
        return access_record(run, a, e);
    /* ERR_CONFLICT: a commit whose answer we missed has stored it, or somebody took over. What is stored counts. */
    a->lease = UUID_NONE;
    a->fresh_us = e == OK ? tokens.access_expires_at_us : 0;
    return access_get(run, a);
}

static enum access_step access_result(struct job_run *run, struct access *a)
{
    struct tiktok_tokens tokens;
    struct tiktok_error refusal;

    enum err e = tiktok_read_tokens(run->result, run->arena, &tokens, &refusal);
    if (e == OK)
        return access_store(run, a, &tokens);
    if (e == ERR_TIKTOK_REFUSED && str_eqc(refusal.code, "invalid_grant"))
        return access_on_refused(run, a);
    a->refusal = refusal.code;
    run->fault = run->fault || tiktok_is_about_app(refusal.code);
    run->note = refusal.code.n > 0 ? arena_strdup(run->arena, refusal.code) : run->result->detail;
    e = access_end_lease(run, a);
    return e == OK ? ACCESS_UNREACHABLE : access_error(run, e);
}

bool access_may_refresh(const struct access *a)
{
    return a->refused_us == 0;
}

void access_refused(struct access *a)
{
    a->refused_us = a->in_use_us;
}

enum access_refusal access_on_refusal(struct job_run *run, struct access *a, const struct tiktok_code *code,
                                      enum err *ret_err)
{
    switch (code == NULL ? TIKTOK_FINAL : code->action) {
    case TIKTOK_REFRESH:
    case TIKTOK_REFRESH_ONCE:
        if (access_may_refresh(a)) {
            access_refused(a);
            return REFUSED_TOKEN;
        }
        if (code->action == TIKTOK_REFRESH_ONCE)
            break;
        __attribute__((fallthrough)); /* a fresh token was refused, too */
    case TIKTOK_RECONNECT:
        *ret_err = access_needs_reconnect(run, a, code->code);
        return REFUSED_ACCOUNT;
    case TIKTOK_FINAL:
    case TIKTOK_RETRY:
    case TIKTOK_DEFER:
        break;
    }
    return REFUSED_CALL;
}

static enum job_step access_then(struct job_run *run, struct access *a, const struct access_ways *ways,
                                 enum access_step step)
{
    a->is_refreshing = step == ACCESS_CALL || step == ACCESS_RECORD; /* RECORD: the same result comes again */
    if (a->begins_again && (step == ACCESS_READY || step == ACCESS_UNREACHABLE || step == ACCESS_LOST)) {
        run->again_at_us = clock_now_us();
        return JOB_AGAIN;
    }
    switch (step) {
    case ACCESS_READY:
        return ways->ready(run);
    case ACCESS_CALL:
        return JOB_CALL;
    case ACCESS_RECORD: /* the new pair could not be stored yet */
        return JOB_RECORD;
    case ACCESS_WAIT: /* somebody else refreshes, or the worker stops */
        return JOB_AGAIN;
    case ACCESS_UNREACHABLE:
        return ways->unreachable(run);
    case ACCESS_LOST:
        return ways->lost(run);
    case ACCESS_ERROR:
        break;
    }
    return JOB_ERROR;
}

/* Of a memo: as this program has it in memory. One that another program has written may be of another size, and is damaged. */
struct access_memo {
    struct uuid account_id, lease;
    int64_t mode, in_use_us, refused_us;
};

bool access_keep(const struct job_run *run, const struct access *a, struct buf *memo)
{
    const struct access_memo m = {a->account_id, a->lease, a->mode, a->in_use_us, a->refused_us};

    if (!a->is_refreshing || run->result->err != OK)
        return false;
    buf_put(memo, &m, sizeof m);
    return true;
}

/* The lease is still the account's, unless somebody took that over, too: then what is stored counts (access_store). */
enum err access_take_up(struct job_run *run, struct access *a, struct str memo)
{
    struct access_memo m;

    if (memo.n != sizeof m)
        return ERR_VALIDATION;
    memcpy(&m, memo.p, sizeof m);
    if (m.mode < 0 || m.mode >= MODE__MAX)
        return ERR_VALIDATION;
    *a = (struct access){.account_id = m.account_id,
                         .lease = m.lease,
                         .mode = (int)m.mode,
                         .in_use_us = m.in_use_us,
                         .refused_us = m.refused_us,
                         .is_refreshing = true,
                         .begins_again = true};
    run->also = (struct job_lease){.hold = account_hold_lease, .id = a->account_id, .token = a->lease};
    return OK;
}

enum job_step access_begin(struct job_run *run, struct access *a, const struct access_ways *ways)
{
    return access_then(run, a, ways, access_get(run, a));
}

enum job_step access_go_on(struct job_run *run, struct access *a, const struct access_ways *ways)
{
    return access_then(run, a, ways, access_result(run, a));
}
