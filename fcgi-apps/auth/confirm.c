/* Typing the password again: what a route asks for whose column recent_auth is set. */
#include "auth/auth.h"
#include "base/clock.h"
#include "crypto/password.h"
#include "fcgi/input.h"
#include "http/cookie.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)

struct confirmation {
    struct str password;
};

static const struct json_field confirm_fields[] = {
    {.name = "password",
     JSON_STR(struct confirmation, password),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Your password",
     .policy = "account.password"},
    JSON_END,
};

struct confirmed {
    int64_t until_us;
};

static const struct json_field confirm_shown_fields[] = {
    {.name = "recent_auth_until",
     JSON_TIME(struct confirmed, until_us),
     .help = "Until when this session may do what needs it"},
    JSON_END,
};

enum err auth_caller_user(struct ctx *c, struct user *ret_user)
{
    enum err e = user_by_id(c->db, c->arena, &c->caller.user_id, ret_user);

    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    return ret_user->state == USER_ACTIVE ? OK : ERR_ACCOUNT_DISABLED;
}

static bool confirm_matches(struct ctx *c, const struct user *user, struct str text)
{
    _cleanup_(secret_done) struct secret password = secret_copy(text);

    return password_verify(&password, user->password_hash.p, (int)c->conf->password_bcrypt_cost);
}

/* Whoever has a stolen cookie must not find the password by guessing. */
enum err auth_try_password(struct ctx *c, const struct user *user, struct str text)
{
    struct throttle *throttle = ((const struct auth_state *)c->state)->throttle;
    int64_t wait_us = throttle_take(throttle, &user->id);

    if (wait_us > 0) {
        c->rate.wait_sec = (wait_us + US_PER_SEC - 1) / US_PER_SEC;
        return ERR_WRONG_TOO_OFTEN;
    }
    if (!confirm_matches(c, user, text))
        return ERR_WRONG_PASSWORD;
    throttle_forget(throttle, &user->id);
    return OK;
}

/* The session may do more from now on, so it gets a new token: a cookie that somebody has stolen may not do that,
 * and soon nothing. */
static enum err confirm(struct ctx *c)
{
    struct confirmation in = {0};
    struct confirmed out;
    struct user user = {0};
    struct str old, token;

    enum err e = input_json(c, confirm_fields, &in);
    if (e == OK)
        e = auth_caller_user(c, &user);
    if (e == OK)
        e = auth_try_password(c, &user, in.password);
    if (e == OK)
        e = cookie_get(c->req.cookie, STR(SESSION_COOKIE), &old);
    if (e == OK)
        e = session_confirm(c->db, c->arena, &c->caller.session_id, old, &token, &out.until_us);
    if (e != OK)
        return e;
    auth_set_cookie(c, token, session_lifetime_sec(c->conf));
    return reply_data(&c->rep, 200, confirm_shown_fields, &out);
}

const struct route auth_confirm_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/confirm",
     .handler = confirm,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Type the password again, for what needs it"},
    ROUTE_END,
};
