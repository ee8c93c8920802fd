/* POST /v2/oauth/token/ and /v2/oauth/revoke/: docs/tiktok.md#tokens. */
#include "sandbox/sandbox.h"

struct token_answer {
    struct str open_id, scope, access_token, refresh_token, token_type;
    int64_t expires_in, refresh_expires_in;
};

static const struct json_field sandbox_tokens_token_fields[] = {
    {.name = "open_id", JSON_STR(struct token_answer, open_id)},
    {.name = "scope", JSON_STR(struct token_answer, scope)},
    {.name = "access_token", JSON_STR(struct token_answer, access_token)},
    {.name = "expires_in", JSON_I64(struct token_answer, expires_in)},
    {.name = "refresh_token", JSON_STR(struct token_answer, refresh_token)},
    {.name = "refresh_expires_in", JSON_I64(struct token_answer, refresh_expires_in)},
    {.name = "token_type", JSON_STR(struct token_answer, token_type)},
    JSON_END,
};

/* The client that is ours has no secret: it is whoever comes by the socket. */
static bool sandbox_tokens_is_ours(const struct form *f)
{
    return str_eqc(form_get(f, "client_key"), TIKTOK_TEST_CLIENT);
}

/* Our app, where this is TikTok for us: it was issued its secrets, and may have any that the simulator's file says. */
static bool sandbox_tokens_is_issued(const struct ctx *c, const struct form *f)
{
    const struct sandbox_state *state = c->state;

    return sandbox_stands_in(c->conf) && state->tiktok_secrets.n > 0 &&
           str_eq(form_get(f, "client_key"), c->conf->tiktok_client_key);
}

static bool sandbox_tokens_is_wrong(const struct ctx *c, const struct form *f)
{
    const struct sandbox_state *state = c->state;

    if (sandbox_tokens_is_ours(f))
        return !c->req.is_private;
    return sandbox_tokens_is_issued(c, f) && !secret_ring_has(&state->tiktok_secrets, form_get(f, "client_secret"));
}

static struct sandbox_client sandbox_tokens_client(const struct ctx *c, const struct form *f)
{
    return (struct sandbox_client){.key = form_get(f, "client_key"),
                                   .secret = form_get(f, "client_secret"),
                                   .is_known = sandbox_tokens_is_ours(f) || sandbox_tokens_is_issued(c, f)};
}

static enum err sandbox_tokens_by_code(struct ctx *c, const struct form *f, struct sandbox_tokens *ret_tokens)
{
    const struct sandbox_client client = sandbox_tokens_client(c, f);

    return sandbox_exchange(c->db, c->arena, &client, form_get(f, "code"), form_get(f, "redirect_uri"),
                            c->conf->sandbox_refresh_days, ret_tokens);
}

static enum err sandbox_tokens_by_refresh_token(struct ctx *c, const struct form *f, struct sandbox_tokens *ret_tokens)
{
    return sandbox_refresh(c->db, c->arena, form_get(f, "client_key"), form_get(f, "refresh_token"),
                           c->conf->sandbox_refresh_days, ret_tokens);
}

static const struct grant_type {
    const char *name;
    const char *needs[3]; /* besides the client */
    enum err (*run)(struct ctx *c, const struct form *f, struct sandbox_tokens *ret_tokens);
} sandbox_tokens_grant_types[] = {
    {"authorization_code", {"code", "redirect_uri", NULL}, sandbox_tokens_by_code},
    {"refresh_token", {"refresh_token", NULL}, sandbox_tokens_by_refresh_token},
};

static enum err sandbox_tokens_missing(struct ctx *c, const char *name)
{
    return answer_oauth_error(c, "invalid_request",
                              arena_printf(c->arena, "The request parameters are malformed: %s.", name).p);
}

static bool sandbox_tokens_is_client_key(struct str key)
{
    return key.n >= 1 && key.n <= 100 && str_is_visible(key);
}

static enum err sandbox_tokens_wrong_client(struct ctx *c)
{
    return answer_oauth_error(c, "invalid_client", "Client key or secret is incorrect.");
}

/* Reads the form and checks the client. False: answered, or *ret_err. */
static bool sandbox_tokens_open_call(struct ctx *c, struct form *ret_form, enum err *ret_err)
{
    struct str text;

    if (!str_eqc(request_media_type(&c->req, c->arena), "application/x-www-form-urlencoded")) {
        *ret_err = sandbox_tokens_missing(c, "Content-Type is not application/x-www-form-urlencoded");
        return false;
    }
    enum err e = body_read_all(&c->req.body, c->arena, SANDBOX_FORM_MAX, &text);
    if (e == OK && form_parse(c->arena, text, ret_form) != OK) {
        *ret_err = sandbox_tokens_missing(c, "the body");
        return false;
    }
    if (e != OK) {
        *ret_err = e;
        return false;
    }
    if (!sandbox_tokens_is_client_key(form_get(ret_form, "client_key")) || form_get(ret_form, "client_secret").n == 0) {
        *ret_err = sandbox_tokens_missing(c, "client_key, client_secret");
        return false;
    }
    if (sandbox_tokens_is_wrong(c, ret_form)) {
        *ret_err = sandbox_tokens_wrong_client(c);
        return false;
    }
    const struct sandbox_client client = sandbox_tokens_client(c, ret_form);
    e = sandbox_client_check(c->db, c->arena, &client);
    if (e == ERR_NOT_FOUND) /* it has no tokens either, and a code of its own may make it known */
        e = OK;
    *ret_err = e == ERR_BAD_CREDENTIALS ? sandbox_tokens_wrong_client(c) : e;
    return e == OK;
}

static enum err sandbox_tokens_answer_tokens(struct ctx *c, struct str client_key, const struct sandbox_tokens *t)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    struct token_answer a = {
        .open_id = sandbox_open_id(c->arena, client_key, t->username),
        .scope = t->scopes,
        .access_token = t->access,
        .expires_in = SANDBOX_ACCESS_SEC,
        .refresh_token = t->refresh,
        .refresh_expires_in = c->conf->sandbox_refresh_days * 86400,
        .token_type = STR("Bearer"),
    };

    json_write(&b, sandbox_tokens_token_fields, &a);
    return answer_flat(c, buf_str(&b));
}

static enum err sandbox_tokens_run_grant(struct ctx *c, const struct grant_type *type, const struct form *f)
{
    struct sandbox_tokens tokens;

    for (size_t i = 0; type->needs[i] != NULL; i++)
        if (form_get(f, type->needs[i]).n == 0)
            return sandbox_tokens_missing(c, type->needs[i]);
    enum err e = type->run(c, f, &tokens);
    if (e == ERR_BAD_CREDENTIALS)
        return answer_oauth_error(c, "invalid_grant",
                                  "The code or token is invalid, expired, revoked, used, or was issued to another "
                                  "client.");
    return e != OK ? e : sandbox_tokens_answer_tokens(c, form_get(f, "client_key"), &tokens);
}

static enum err sandbox_tokens_oauth_token(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    enum err e;

    if (!sandbox_tokens_open_call(c, f, &e))
        return e;
    struct str name = form_get(f, "grant_type");
    for (size_t i = 0; i < ARRAY_LEN(sandbox_tokens_grant_types); i++)
        if (str_eqc(name, sandbox_tokens_grant_types[i].name))
            return sandbox_tokens_run_grant(c, &sandbox_tokens_grant_types[i], f);
    if (name.n == 0)
        return sandbox_tokens_missing(c, "grant_type");
    return answer_oauth_error(c, "unsupported_grant_type", "grant_type is authorization_code or refresh_token.");
}

static enum err sandbox_tokens_oauth_revoke(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    enum err e;

    if (!sandbox_tokens_open_call(c, f, &e))
        return e;
    if (form_get(f, "token").n == 0)
        return sandbox_tokens_missing(c, "token");
    e = sandbox_revoke(c->db, c->arena, form_get(f, "client_key"), form_get(f, "token"),
                       sandbox_hooked(c->conf, c->state));
    if (e == ERR_BAD_CREDENTIALS)
        return answer_oauth_error(c, "invalid_grant", "The access token is invalid, expired or revoked.");
    return e != OK ? e : answer_flat(c, STR("{}"));
}

const struct route oauth_routes[] = {
    {.method = "POST",
     .pattern = "/v2/oauth/token/",
     .handler = sandbox_tokens_oauth_token,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_FORM_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: exchange a code, refresh tokens"},
    {.method = "POST",
     .pattern = "/v2/oauth/revoke/",
     .handler = sandbox_tokens_oauth_revoke,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_FORM_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: revoke access"},
    ROUTE_END,
};
