/* Typing the password again, and a code where the sign-in needs one: what a route asks for whose column recent_auth is set. */
#include "auth/auth.h"
#include "base/clock.h"
#include "crypto/password.h"
#include "fcgi/input.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)

struct confirmation {
    struct str password, code;
};

static const struct json_field confirm_fields[] = {
    {.name = "password",
     JSON_STR(struct confirmation, password),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Your password",
     .policy = "account.password"},
    {.name = "code", JSON_STR(struct confirmation, code), .nullable = true, AUTH_CODE_FIELD},
    JSON_END,
};

struct confirmed {
    struct str token;
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

static enum err confirm_look(struct ctx *c, const struct user *user, struct str text)
{
    _cleanup_(secret_done) struct secret password = secret_copy(text);
    bool matches = password_verify(&password, user->password_hash.p, (int)c->conf->password_bcrypt_cost);

    return matches ? OK : ERR_WRONG_PASSWORD;
}

/* Whoever has a stolen cookie must not find the password, nor a code, by guessing. */
static enum err confirm_begin(struct ctx *c, struct throttle_try *ret_try)
{
    struct throttle *throttle = ((const struct auth_state *)c->state)->throttle;

    *ret_try = throttle_confirm(throttle, &c->caller.user_id);
    int64_t wait_us = throttle_take(throttle, ret_try);
    if (wait_us == 0)
        return OK;
    c->retry_after_sec = (wait_us + US_PER_SEC - 1) / US_PER_SEC;
    return ERR_WRONG_TOO_OFTEN;
}

/* A right password says nothing of the codes that were tried, so they are not forgotten. */
enum err auth_try_password(struct ctx *c, const struct user *user, struct str text)
{
    struct throttle_try try;

    enum err e = confirm_begin(c, &try);
    if (e != OK)
        return e;
    e = confirm_look(c, user, text);
    if (e == OK)
        throttle_give_back(((const struct auth_state *)c->state)->throttle, &try);
    return e;
}

/* The session may do more from now on, so it gets a new token: a cookie that somebody has stolen may not do that,
 * and soon nothing. */
static enum err confirm_renew(struct ctx *c, struct str code, struct confirmed *out)
{
    const struct auth_state *state = c->state;
    struct second_factor_change by = auth_change_by(c);
    struct second_factor factor;

    enum err e = second_factor_read(c->db, c->arena, by.user_id, &factor);
    if (e != OK)
        return e;
    if (!factor.is_on)
        return session_confirm(c->db, c->arena, by.session_id, by.sent, &out->token, &out->until_us);
    if (code.p == NULL)
        return ERR_CODE_REQUIRED;
    return second_factor_confirm(c->db, c->arena, state->ring, &by, code, &out->token, &out->until_us);
}

static enum err confirm_both(struct ctx *c, const struct user *user, const struct confirmation *in,
                             struct confirmed *out)
{
    struct throttle *throttle = ((const struct auth_state *)c->state)->throttle;
    struct throttle_try try;

    enum err e = confirm_begin(c, &try);
    if (e != OK)
        return e;
    e = confirm_look(c, user, in->password);
    if (e == OK)
        e = confirm_renew(c, in->code, out);
    if (e == OK)
        throttle_right(throttle, &try);
    else if (e != ERR_WRONG_PASSWORD && e != ERR_WRONG_CODE)
        throttle_give_back(throttle, &try);
    return e;
}

static enum err confirm(struct ctx *c)
{
    struct confirmation in = {0};
    struct confirmed out;
    struct user user = {0};

    enum err e = input_json(c, confirm_fields, &in);
    if (e == OK)
        e = auth_caller_user(c, &user);
    if (e == OK)
        e = confirm_both(c, &user, &in, &out);
    if (e != OK)
        return e;
    auth_set_cookie(c, out.token);
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
