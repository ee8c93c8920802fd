/* The password: changed in a session, or by the link of a mail (nginx/html/reset-password.html). */
#include "auth/auth.h"
#include "crypto/password_rule.h"
#include "fcgi/input.h"
#include "model/user/password_change.h"
#include "model/user/second_factor.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)
#define PASSWORD_HELP "10 characters to 72 bytes, and not one that is soon guessed"

struct password_change_input {
    struct str old_password, new_password;
};

static const struct json_field password_change_fields[] = {
    {.name = "old_password",
     JSON_STR(struct password_change_input, old_password),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Your password until now",
     .policy = "account.password"},
    {.name = "new_password",
     JSON_STR(struct password_change_input, new_password),
     .required = true,
     .help = "The one from now on: " PASSWORD_HELP,
     .policy = "account.password"},
    JSON_END,
};

struct password_forgotten_input {
    struct str email;
};

static const struct json_field password_forgotten_fields[] = {
    {.name = "email",
     JSON_STR(struct password_forgotten_input, email),
     .help = "Address of the account",
     AUTH_EMAIL_FIELD,
     .policy = "account.email"},
    JSON_END,
};

struct password_reset_input {
    struct str token, password;
};

static const struct json_field password_reset_fields[] = {
    {.name = "token", JSON_STR(struct password_reset_input, token), AUTH_LINK_FIELD},
    {.name = "password",
     JSON_STR(struct password_reset_input, password),
     .required = true,
     .help = "The new one: " PASSWORD_HELP,
     .policy = "account.password"},
    JSON_END,
};

struct password_taken {
    struct str status;
};

static const struct json_field password_accepted_fields[] = {
    {.name = "status",
     JSON_STR(struct password_taken, status),
     .help = "accepted, whether the address has an account or not"},
    JSON_END,
};

enum err auth_reply_accepted(struct ctx *c)
{
    const struct password_taken out = {.status = STR("accepted")};

    return reply_data(&c->rep, 202, password_accepted_fields, &out);
}

void auth_check_password(struct ctx *c, const char *param, struct str text, const struct user *user)
{
    const struct password_about about = {.email = user->email, .name = user->name, .host = c->conf->service_url};

    if (text.p == NULL)
        return;
    enum err e = password_rule(text, &about);
    if (e != OK)
        problem_add(&c->problems, e, c->arena, "%s", param);
}

enum err auth_hash_password(struct ctx *c, struct str text, char ret_hash[static PASSWORD_HASH_SIZE])
{
    _cleanup_(secret_done) struct secret password = secret_copy(text);

    return password_hash(&password, (int)c->conf->password_bcrypt_cost, ret_hash);
}

static enum err password_read_change(struct ctx *c, struct user *ret_user, struct password_change_input *ret_in)
{
    enum err e = input_json(c, password_change_fields, ret_in);

    if (e != OK && e != ERR_VALIDATION)
        return e;
    enum err looked = auth_caller_user(c, ret_user);
    if (looked != OK)
        return looked;
    auth_check_password(c, "new_password", ret_in->new_password, ret_user);
    return c->problems.n > 0 ? ERR_VALIDATION : e;
}

static enum err password_change_own(struct ctx *c)
{
    struct password_change_input in = {0};
    struct user user = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct str token;

    enum err e = password_read_change(c, &user, &in);
    if (e == OK)
        e = auth_try_password(c, &user, in.old_password);
    if (e == OK)
        e = auth_hash_password(c, in.new_password, hash);
    if (e == OK)
        e = password_change(c->db, c->arena,
                            &(struct password_change){.user_id = user.id,
                                                      .session_id = c->caller.session_id,
                                                      .old_hash = user.password_hash,
                                                      .new_hash = hash,
                                                      .request_id = c->req.id},
                            &token);
    if (e != OK)
        return e;
    auth_set_cookie(c, token);
    return reply_nothing(&c->rep);
}

/* After the same work whatever is known of the address, so that nobody learns who has an account. */
static enum err password_forgot(struct ctx *c)
{
    struct password_forgotten_input in = {0};

    enum err e = input_json(c, password_forgotten_fields, &in);
    if (e == OK)
        e = password_forgotten(c->db, c->arena, in.email, c->req.id);
    return e == OK ? auth_reply_accepted(c) : e;
}

struct password_again_input {
    struct str token;
};

static const struct json_field password_again_fields[] = {
    {.name = "token", JSON_STR(struct password_again_input, token), AUTH_LINK_FIELD},
    JSON_END,
};

static enum err password_forgot_again(struct ctx *c)
{
    struct password_again_input in = {0};
    int64_t wait_us = 0;

    enum err e = input_json(c, password_again_fields, &in);
    if (e == OK)
        e = password_forgotten_again(c->db, c->arena, in.token, c->req.id, &wait_us);
    if (e == ERR_ADDRESS_MAILS)
        c->rate.wait_sec = (wait_us + US_PER_SEC - 1) / US_PER_SEC;
    return e == OK ? auth_reply_accepted(c) : e;
}

/* The link is looked at first: what is wrong with the password is told to its user alone. */
static enum err password_read_reset(struct ctx *c, struct password_reset_input *ret_in, struct user *ret_user)
{
    struct uuid id;

    enum err e = input_json(c, password_reset_fields, ret_in);
    if (e == OK)
        e = password_look_link(c->db, c->arena, ret_in->token, &id);
    if (e == OK)
        e = user_by_id(c->db, c->arena, &id, ret_user);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_TOKEN : e;
    auth_check_password(c, "password", ret_in->password, ret_user);
    return c->problems.n > 0 ? ERR_VALIDATION : OK;
}

/* Where codes are asked for, whoever reads the owner's mail has yet to guess one, and must not be let do so any faster. */
static enum err password_know(struct ctx *c, const struct user *user)
{
    struct second_factor factor;

    enum err e = second_factor_read(c->db, c->arena, &user->id, &factor);
    if (e == OK && !factor.is_on)
        guess_know(c, user);
    return e;
}

/* Signs nobody in: what is asked for at the sign-in beside the password is asked for then. The password is reset whether or not the
 * second factor could be looked at. */
static enum err password_reset_by_link(struct ctx *c)
{
    struct password_reset_input in = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct user user = {0};
    struct uuid user_id;

    enum err e = password_read_reset(c, &in, &user);
    if (e == OK)
        e = auth_hash_password(c, in.password, hash);
    if (e == OK)
        e = password_reset(c->db, c->arena, in.token, hash, c->req.id, &user_id);
    if (e != OK)
        return e;
    (void)password_know(c, &user);
    return reply_nothing(&c->rep);
}

const struct route auth_password_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/change-password",
     .handler = password_change_own,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt, twice */
     .summary = "Change the password: ends all other sessions"},
    {.method = "POST",
     .pattern = "/api/v1/auth/forgot-password",
     .handler = password_forgot,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Mail a link to reset the password"},
    {.method = "POST",
     .pattern = "/api/v1/auth/resend-reset",
     .handler = password_forgot_again,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Mail another link, to who has one whose time is over"},
    {.method = "POST",
     .pattern = "/api/v1/auth/reset-password",
     .handler = password_reset_by_link,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Follow that link: sets a new password, and ends all sessions"},
    ROUTE_END,
};
