/* Connecting a TikTok account: to the consent page and back (docs/tiktok.md#connecting). */
#include "base/clock.h"
#include "fcgi/input.h"
#include "model/tiktok/oauth_state.h"
#include "tiktok/tiktok_app.h"

#define CONNECTED_PAGE "/connected.html" /* nginx/html/connected.js says how it ended */
#define PLATFORM_CODE_MAX_BYTES 64
#define CODE_MAX_BYTES \
    1024 /* TikTok's have less than 100; a longer one is not TikTok's and would not fit into the call */

static enum err connect(struct ctx *c)
{
    struct tiktok t = app_tiktok_of(c, c->caller.mode);
    struct str state;

    if (c->caller.mode == MODE_LIVE && c->conf->tiktok_client_key.n == 0)
        return ERR_TIKTOK_NOT_CONFIGURED;
    if (c->caller.mode == MODE_TEST && c->conf->sandbox_url.n == 0)
        return ERR_SIMULATOR_NO_PAGE;
    enum err e = oauth_state_add(c->db, c->arena, &c->caller.session_id, &c->caller.user_id, c->caller.mode, &state);
    if (e != OK)
        return e;
    return reply_redirect(&c->rep, tiktok_authorize_url(&t, c->arena, state));
}

/* What TikTok granted, on its way from the code to the account's row. */
struct grant {
    struct tiktok_tokens tokens;
    struct tiktok_user user;
};

/* Shows what TikTok said in the answer's platform_error. */
static enum err connect_refused(struct ctx *c, enum err code, const struct tiktok_error *error)
{
    c->problems.platform_code = error->code;
    c->problems.platform_log_id = error->log_id;
    return code;
}

static enum err connect_answer_of(struct ctx *c, enum err e, const struct tiktok_error *error)
{
    if (e == OK)
        return OK;
    if (e == ERR_TIKTOK_REFUSED && !tiktok_is_outage(error->code))
        return connect_refused(c, ERR_TIKTOK_REFUSED, error);
    return connect_refused(c, ERR_TIKTOK_UNREACHABLE, error);
}

static enum err connect_exchange(struct ctx *c, struct str code, struct tiktok_tokens *ret_tokens)
{
    struct tiktok t = app_tiktok_of(c, c->caller.mode);
    struct tiktok_error error;
    struct net_result result;
    struct net_call call;

    tiktok_exchange(&t, c->arena, code, &call);
    net_call_run(c->arena, &call, &result);
    enum err e = connect_answer_of(c, tiktok_read_tokens(&result, c->arena, ret_tokens, &error), &error);
    if (e != OK)
        return e;
    /* Without a refresh token the connection would be dead tomorrow. */
    return ret_tokens->open_id.n == 0 || ret_tokens->refresh_token.n == 0 ? ERR_TIKTOK_UNREACHABLE : OK;
}

static enum err connect_user_info(struct ctx *c, const struct tiktok_tokens *tokens, struct tiktok_user *ret_user)
{
    struct tiktok t = app_tiktok_of(c, c->caller.mode);
    struct tiktok_error error;
    struct net_result result;
    struct net_call call;

    tiktok_user_info(&t, c->arena, tokens->access_token, &call);
    net_call_run(c->arena, &call, &result);
    enum err e = connect_answer_of(c, tiktok_read_user(&result, c->arena, ret_user, &error), &error);
    if (e != OK)
        return e;
    return str_eq(ret_user->open_id, tokens->open_id) ? OK : ERR_TIKTOK_UNREACHABLE;
}

static bool connect_may_post(const struct tiktok_tokens *tokens)
{
    return str_list_has(tokens->scope, ',', STR("video.publish")) ||
           str_list_has(tokens->scope, ',', STR("video.upload"));
}

/* From here on, the same callback cannot come again. */
static enum err connect_claim(struct ctx *c, struct str state)
{
    enum err e = oauth_state_take(c->db, &c->caller.session_id, state);

    c->problems.used_up = e == OK || e == ERR_OUTCOME_UNKNOWN;
    return e;
}

/* Makes the calls for which the user waits. */
static enum err connect_ask_tiktok(struct ctx *c, struct str code, struct grant *ret_grant)
{
    enum err e = connect_exchange(c, code, &ret_grant->tokens);
    if (e == OK && !connect_may_post(&ret_grant->tokens))
        e = ERR_TIKTOK_SCOPE;
    if (e == OK)
        e = connect_user_info(c, &ret_grant->tokens, &ret_grant->user);
    return e;
}

static struct account_tokens connect_tokens_of(const struct ctx *c, const struct tiktok_tokens *t)
{
    int64_t now = clock_now_us();

    return (struct account_tokens){
        .access = secret_copy(t->access_token),
        .refresh = secret_copy(t->refresh_token),
        .access_expires_at_us = now + t->expires_in_sec * US_PER_SEC,
        .refresh_expires_at_us = t->refresh_expires_in_sec > 0 ? now + t->refresh_expires_in_sec * US_PER_SEC : 0,
        .mode = c->caller.mode,
    };
}

static enum err connect_keep(struct ctx *c, const struct grant *g, const struct last_step *last,
                             struct account *ret_account)
{
    struct account_connection connection = {
        .open_id = g->tokens.open_id,
        .display_name = g->user.display_name,
        .avatar_url = g->user.avatar_url,
        .scopes = g->tokens.scope,
        .tokens = connect_tokens_of(c, &g->tokens),
        .by = c->caller.kind == CALLER_KEY ? ACTIVITY_BY_KEY : ACTIVITY_BY_USER,
    };

    enum err e = account_connect(c->db, c->arena, c->conf, app_state(c)->ring, &c->caller.user_id, &connection,
                                 c->req.id, last, ret_account);
    account_tokens_done(&connection.tokens);
    return e;
}

/*
 * The answer says that nothing new was connected, so nothing is left standing at TikTok: unless a connection works with
 * that grant, be it this user's own from before or somebody else's. Unknown counts as in use.
 */
static void connect_give_back(struct ctx *c, const struct tiktok_tokens *t)
{
    _cleanup_(account_tokens_done) struct account_tokens tokens = connect_tokens_of(c, t);

    (void)revoke_grant(c, t->open_id, &tokens);
}

enum err connect_by_code(struct ctx *c, struct str code, const struct last_step *last, struct account *ret_account)
{
    struct grant grant = {0};

    enum err e = connect_ask_tiktok(c, code, &grant);
    if (e == OK)
        e = connect_keep(c, &grant, last, ret_account);
    if (e != OK && e != ERR_OUTCOME_UNKNOWN && grant.tokens.access_token.n > 0 && grant.tokens.open_id.n > 0)
        connect_give_back(c, &grant.tokens);
    return e;
}

/* What came back without a usable code ends here. */
static enum err connect_check_answer(struct ctx *c, struct str state)
{
    struct str error = form_get(&c->req.query, "error"), code = form_get(&c->req.query, "code");

    if (error.p == NULL && code.n > 0 && code.n <= CODE_MAX_BYTES)
        return OK;
    enum err e = connect_claim(c, state);
    if (e != OK)
        return e;
    if (error.p != NULL) {
        c->problems.platform_code = str_head(error, PLATFORM_CODE_MAX_BYTES);
        return ERR_CONSENT_REFUSED;
    }
    problem_add(&c->problems, code.n == 0 ? ERR_FIELD_REQUIRED : ERR_FIELD_TOO_LONG, c->arena, "code");
    return ERR_VALIDATION;
}

/* From the state parameter to the account. Who was told that we are busy did not come here, and still has the state. */
static enum err connect_finish(struct ctx *c, struct account *ret_account)
{
    const struct form *q = &c->req.query;
    struct str state = form_get(q, "state");

    if (state.n == 0 || form_count(q, "state") != 1)
        return ERR_STATE_INVALID;
    enum err e = oauth_state_look(c->db, &c->caller.session_id, state, &c->caller.mode);
    if (e == OK)
        e = connect_check_answer(c, state);
    if (e == OK)
        e = connect_claim(c, state);
    return e == OK ? connect_by_code(c, form_get(q, "code"), NULL, ret_account) : e;
}

/* "Try again" would be wrong once the state is used up. */
static void connect_say_again(struct ctx *c, enum err e)
{
    if (c->problems.used_up && err_retryable(e))
        problem_add_text(&c->problems, e, (struct str){0},
                         STR("This could not be finished right now, so nothing new was connected. Connect again."));
}

/* A browser goes to a page that says what happened (the route's browser_page for an error); a program gets JSON. */
static enum err connect_callback(struct ctx *c)
{
    struct account account = {0};

    enum err e = connect_finish(c, &account);
    connect_say_again(c, e);
    if (e != OK)
        return e;
    if (!input_wants_html(c))
        return account_reply(c, &account);
    return reply_redirect(&c->rep, arena_printf(c->arena, CONNECTED_PAGE "?account=%s", uuid_text(&account.id).s));
}

const struct route connect_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/tiktok/connect",
     .handler = connect,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .by_mode = true,
     .effect = EFFECT_GET,
     .browser_page = CONNECTED_PAGE,
     .summary = "Go to TikTok's consent page"},
    {.method = "GET",
     .pattern = "/api/v1/tiktok/callback",
     .handler = connect_callback,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .effect = EFFECT_GET,
     .cost = COST_OUTSIDE,
     .browser_page = CONNECTED_PAGE,
     .summary = "Come back from TikTok's consent page"},
    ROUTE_END,
};
