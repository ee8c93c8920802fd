/*
 * The access token of an account, refreshed when that is needed: a step that the kinds of worker@publish share.
 *
 *    static const struct access_ways poll_ways = {poll_with_token, poll_unreachable, poll_without_token};
 *
 *    p->access.account_id = p->post.account_id;
 *    return access_begin(run, &p->access, &poll_ways);
 *
 * and in the kind's step, when p->access.is_refreshing: return access_go_on(run, &p->access, &poll_ways).
 *
 * One worker at a time refreshes an account's tokens, because a refresh token works once. The new pair is stored before
 * it is used. An access token that TikTok refuses before its end is refreshed too: access_refused.
 */
#pragma once

#include "jobs/kind.h"

struct access {
    struct uuid account_id;
    int mode;           /* of the tokens that are used: which provider they are for */
    bool force;         /* refresh although it is not needed yet */
    bool is_refreshing; /* the call that is open is the refresh */
    struct uuid lease;  /* while a refresh is under way */
    int64_t in_use_us;  /* the expiry of the pair that is used: it tells one pair from the next */
    int64_t refused_us; /* of the pair that TikTok refused */
    int64_t fresh_us;   /* of the pair that this run got */
    struct str refusal; /* TikTok's code, when it refused the last refresh; it may be absent */
    bool begins_again;  /* the refresh is of a run before this one, which begins anew when its result is written */
};

/* How a kind goes on. */
struct access_ways {
    enum job_step (*ready)(struct job_run *run);       /* run->token */
    enum job_step (*unreachable)(struct job_run *run); /* no usable answer, or none about this account: run->note */
    enum job_step (*lost)(struct job_run *run); /* there are no tokens, or TikTok no longer takes them: the account
                                                          is needs_reconnect or disconnected */
};

enum job_step access_begin(struct job_run *run, struct access *a, const struct access_ways *ways);
enum job_step access_go_on(struct job_run *run, struct access *a, const struct access_ways *ways); /* run->result */

/*
 * What a refresh has brought works once, as an init does: a run that has it, and cannot store it, leaves it to the next one
 * (job_kind.keep and .take_up). access_keep is false when the open call is no refresh, or says nothing. After access_take_up the kind
 * goes on by access_go_on; a run that needs more than the tokens comes again at once then, and reads the rows anew.
 */
MUST_CHECK bool access_keep(const struct job_run *run, const struct access *a, struct buf *memo);
MUST_CHECK enum err access_take_up(struct job_run *run, struct access *a, struct str memo);

/* In place of access_begin, with what a statement has read beside other columns. False, and nothing is changed: the token is
 * near its end, or cannot be opened, which access_begin deals with. */
MUST_CHECK bool access_use_sealed(struct job_run *run, struct access *a, int mode, struct str sealed,
                                  int64_t expires_at_us);

/* Whom to call with run->token: TikTok or the simulator, as the token's seal says. No row of a post or an account does. */
static inline const struct tiktok *access_provider(const struct job_run *run, const struct access *a)
{
    return &run->worker->tiktok[a->mode];
}

/* When TikTok refuses run->token: a refresh helps once in a run; after access_refused access_begin refreshes. */
bool access_may_refresh(const struct access *a);
void access_refused(struct access *a);

/* What TikTok's refusal of a call says about the token. code: NULL when it is not documented. */
enum access_refusal {
    REFUSED_TOKEN,   /* as access_refused: begin again */
    REFUSED_ACCOUNT, /* the user must connect again, which the account says from now on; or *ret_err says what failed */
    REFUSED_CALL,    /* nothing: it is about the call */
};
enum access_refusal access_on_refusal(struct job_run *run, struct access *a, const struct tiktok_code *code,
                                      enum err *ret_err);

/* TikTok refuses the account, not only this token. */
MUST_CHECK enum err access_needs_reconnect(struct job_run *run, const struct access *a, const char *reason);

/* Every call of a run starts within 5 s or not at all. */
#define CALL_START_US (5 * US_PER_SEC)
#define CALL_CLOCK_US (5 * US_PER_SEC) /* by how much the wall clock may be set on meanwhile */
