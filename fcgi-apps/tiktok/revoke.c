/* Ending a grant at TikTok (docs/tiktok.md#tokens): at most one call to revoke, one to refresh, one to revoke again. */
#include "base/clock.h"
#include "model/tiktok/grant_end.h"
#include "tiktok/tiktok_app.h"

/* The reasons, as the API shows them. */
#define REVOKE_IN_USE STR("in_use")
#define REVOKE_UNREADABLE STR("tokens_unreadable")
#define REVOKE_REFUSED STR("refused")
#define REVOKE_UNREACHABLE STR("unreachable")

struct revoking {
    struct ctx *c;
    struct str open_id;
    const struct account_tokens *tokens;
    bool in_use;
    int64_t over_at_us; /* when a call without an answer can do no more harm; 0: there was no call */
    bool answered;      /* the last call */
};

/* Without an answer of the database, nobody's connection is put at risk. */
static enum err revoke_call(struct revoking *r, struct str access_token)
{
    struct ctx *c = r->c;
    struct tiktok t = app_tiktok_of(c, r->tokens->mode);
    struct tiktok_error error;
    struct net_result result;
    struct net_call call;

    tiktok_revoke(&t, c->arena, access_token, &call);
    int64_t over_at_us;
    enum err e = grant_end_begin(c->db, r->open_id, call.timeout_sec, &over_at_us);
    if (e == OK)
        e = account_grant_in_use(c->db, r->open_id, &r->in_use);
    if (e != OK || r->in_use)
        return e;
    r->over_at_us = over_at_us;
    net_call_run(c->arena, &call, &result);
    e = tiktok_read_revoke(&result, c->arena, &error);
    r->answered = e == OK || e == ERR_TIKTOK_REFUSED;
    return e;
}

static enum err revoke_refresh(struct ctx *c, int mode, struct str refresh_token, struct str *ret_access_token)
{
    struct tiktok t = app_tiktok_of(c, mode);
    struct tiktok_tokens tokens;
    struct tiktok_error error;
    struct net_result result;
    struct net_call call;

    tiktok_refresh(&t, c->arena, refresh_token, &call);
    call.timeout_sec = (int)c->conf->tiktok_interactive_timeout_sec; /* the user waits */
    net_call_run(c->arena, &call, &result);
    enum err e = tiktok_read_tokens(&result, c->arena, &tokens, &error);
    if (e == OK)
        *ret_access_token = tokens.access_token;
    return e;
}

/* Only a token that still works revokes: an access token lives for a day, and the grant for a year. One of the two may be one that nobody
 * can open. */
static enum err revoke_at_tiktok(struct revoking *r)
{
    const struct account_tokens *tokens = r->tokens;
    struct str access_token;

    if (tokens->access_expires_at_us > clock_now_us()) {
        enum err e = revoke_call(r, secret_str(&tokens->access));
        if (e != ERR_TIKTOK_REFUSED || tokens->refresh.n == 0)
            return e;
    }
    if (tokens->refresh.n == 0)
        return ERR_SEALED;
    enum err e = revoke_refresh(r->c, tokens->mode, secret_str(&tokens->refresh), &access_token);
    return e == OK ? revoke_call(r, access_token) : e;
}

/* For those who connected during the call. If it cannot be written, nothing is lost: each of them has a job for later (grant_end_check). */
static void revoke_look_after(const struct revoking *r)
{
    struct ctx *c = r->c;

    if (r->over_at_us == 0)
        return;
    enum err e = grant_end_over(c->db, c->arena, r->open_id, r->answered ? clock_now_us() : r->over_at_us, c->req.id);
    (void)e;
}

struct str revoke_grant(struct ctx *c, struct str open_id, const struct account_tokens *tokens)
{
    struct revoking r = {.c = c, .open_id = open_id, .tokens = tokens};

    enum err e = revoke_at_tiktok(&r);
    revoke_look_after(&r);
    if (r.in_use)
        return REVOKE_IN_USE;
    if (e == OK)
        return (struct str){0};
    if (e == ERR_SEALED)
        return REVOKE_UNREADABLE;
    return e == ERR_TIKTOK_REFUSED ? REVOKE_REFUSED : REVOKE_UNREACHABLE;
}
