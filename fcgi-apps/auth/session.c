#include "auth/auth.h"
#include "crypto/password.h"
#include "fcgi/input.h"
#include "http/cookie.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)

struct credentials {
    struct str email, password;
};

static const struct json_field sign_in_credentials_fields[] = {
    {.name = "email",
     JSON_STR(struct credentials, email),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Address of the account",
     .policy = "account.email"},
    {.name = "password",
     JSON_STR(struct credentials, password),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Its password",
     .policy = "account.password"},
    JSON_END,
};

void auth_set_cookie(struct ctx *c, struct str token, int64_t max_age_sec)
{
    reply_header(&c->rep, "Set-Cookie",
                 arena_printf(c->arena, SESSION_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%lld",
                              STR_FMT(token), (long long)max_age_sec));
}

/*
 * The new sign-in ends the session that the browser sent along. A header with two such cookies, or none, names no
 * session.
 */
static struct str sign_in_sent_session(const struct ctx *c)
{
    struct str token;

    return cookie_get(c->req.cookie, STR(SESSION_COOKIE), &token) == OK ? token : (struct str){0};
}

/* The same ERR_BAD_CREDENTIALS, after the same time, for an unknown address, a wrong password and a disabled
 * account. */
static enum err sign_in_find_user(struct ctx *c, const struct credentials *in, struct user *ret_user)
{
    _cleanup_(secret_done) struct secret password = secret_copy(in->password);
    struct user user = {0};

    enum err e = user_by_email(c->db, c->arena, in->email, &user);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    bool known = e == OK;
    bool matches = password_verify(&password, known ? user.password_hash.p : NULL, (int)c->conf->password_bcrypt_cost);
    if (!known || !matches || user.state != USER_ACTIVE)
        return ERR_BAD_CREDENTIALS;
    *ret_user = user;
    return OK;
}

static enum err sign_in_login(struct ctx *c)
{
    struct credentials in = {0};
    struct user user = {0};
    struct str token;

    enum err e = input_json(c, sign_in_credentials_fields, &in);
    if (e != OK)
        return e;
    e = sign_in_find_user(c, &in, &user);
    if (e != OK)
        return e;
    e = session_create(c->db, c->arena, c->conf, &user.id, sign_in_sent_session(c), &token);
    if (e == ERR_ACCOUNT_DISABLED) /* disabled a moment ago */
        return ERR_BAD_CREDENTIALS;
    if (e != OK)
        return e;
    auth_set_cookie(c, token, session_lifetime_sec(c->conf));
    return reply_data(&c->rep, 200, auth_user_fields, &user);
}

static enum err sign_in_logout(struct ctx *c)
{
    enum err e = session_end(c->db, &c->caller.session_id);

    if (e != OK)
        return e;
    auth_set_cookie(c, STR(""), 0);
    return reply_nothing(&c->rep);
}

const struct route auth_session_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/login",
     .handler = sign_in_login,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Sign in: sets the session cookie"},
    {.method = "POST",
     .pattern = "/api/v1/auth/logout",
     .handler = sign_in_logout,
     .auth = AUTH_SESSION,
     .rate = RATE_AUTH,
     .summary = "Sign out: ends the session"},
    ROUTE_END,
};
