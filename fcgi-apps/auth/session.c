#include "auth/auth.h"
#include "crypto/password.h"
#include "fcgi/input.h"
#include "http/cookie.h"
#include "model/user/pending.h"
#include "model/user/second_factor.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)

struct credentials {
    struct str email, password, code;
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
    {.name = "code", JSON_STR(struct credentials, code), .nullable = true, AUTH_CODE_FIELD},
    JSON_END,
};

void auth_set_cookie(struct ctx *c, struct str token)
{
    int64_t max_age_sec = token.n > 0 ? session_lifetime_sec(c->conf) : 0;

    reply_header(&c->rep, "Set-Cookie",
                 arena_printf(c->arena, SESSION_COOKIE "=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%lld",
                              STR_FMT(token), (long long)max_age_sec));
}

/* Of the session that the browser had before; absent: none, or several. */
static struct str sign_in_sent_token(const struct ctx *c)
{
    struct str token;

    return cookie_get(c->req.cookie, STR(SESSION_COOKIE), &token) == OK ? token : (struct str){0};
}

/* A sign-in on its way: what both of its requests need. */
struct sign_in {
    struct ctx *c;
    struct user user;
    struct sha256 mark;
    struct str code;  /* absent: none was given */
    struct str token; /* of the pending sign-in; absent: the password came with this request */
};

/* The configured cost has grown since the password was hashed, or it was hashed before normalization form C was. */
static enum err sign_in_rehash(struct ctx *c, const struct secret *password, struct user *user)
{
    char hash[PASSWORD_HASH_SIZE];

    enum err e = password_hash(password, (int)c->conf->password_bcrypt_cost, hash);
    if (e == OK)
        e = user_rehash(c->db, &user->id, user->password_hash, hash);
    if (e == OK)
        user->password_hash = arena_str(c->arena, str_from(hash));
    return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e; /* either hash is good */
}

/* The same ERR_BAD_CREDENTIALS, after the same time, for an unknown address, a wrong password and a disabled account.
 * ERR_CONFLICT: its hash is another since it was read. */
static enum err sign_in_find_user(struct ctx *c, const struct credentials *in, struct user *ret_user)
{
    _cleanup_(secret_done) struct secret password = secret_copy(in->password);
    struct user user = {0};

    enum err e = user_by_email(c->db, c->arena, in->email, &user);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    bool known = e == OK;
    enum password_match match =
        password_match(&password, known ? user.password_hash.p : NULL, (int)c->conf->password_bcrypt_cost);
    if (!known || match == PASSWORD_WRONG || user.state == USER_DISABLED)
        return ERR_BAD_CREDENTIALS;
    if (match == PASSWORD_OUTDATED && (e = sign_in_rehash(c, &password, &user)) != OK)
        return e;
    *ret_user = user;
    return OK;
}

/* The user is locked: nobody has switched it on since it was looked at. ERR_CODE_REQUIRED. */
static enum err sign_in_check_none(struct db *db, const struct sign_in *s)
{
    struct second_factor factor;

    enum err e = second_factor_read(db, s->c->arena, &s->user.id, &factor);
    return e == OK && factor.is_on ? ERR_CODE_REQUIRED : e;
}

static enum err sign_in_finish_tx(struct db *db, void *arg)
{
    const struct sign_in *s = arg;
    const struct auth_state *state = s->c->state;

    if (s->code.p == NULL)
        return sign_in_check_none(db, s);
    enum err e = second_factor_use(db, s->c->arena, state->ring, &s->user.id, s->code, s->c->req.id);
    return e == OK && s->token.p != NULL ? pending_end(db, s->token) : e;
}

static enum err sign_in_finish(struct sign_in *s)
{
    struct ctx *c = s->c;
    struct str token;
    struct session_new new = {.user_id = &s->user.id,
                              .mark = &s->mark,
                              .replaced = sign_in_sent_token(c),
                              .also = sign_in_finish_tx,
                              .arg = s};

    enum err e = session_create(c->db, c->arena, c->conf, &new, &token);
    if (e == ERR_ACCOUNT_DISABLED) /* disabled a moment ago */
        return ERR_BAD_CREDENTIALS;
    if (e != OK)
        return e;
    auth_set_cookie(c, token);
    return reply_data(&c->rep, 200, auth_user_fields, &s->user);
}

struct sign_in_asked {
    struct str status, sign_in_token;
    int64_t expires_at_us;
};

static const struct json_field sign_in_asked_fields[] = {
    {.name = "status", JSON_STR(struct sign_in_asked, status), .help = "code_required"},
    {.name = "sign_in_token",
     JSON_STR(struct sign_in_asked, sign_in_token),
     .help = "For POST /auth/login/code, with the code",
     .policy = "account.session"},
    {.name = "expires_at", JSON_TIME(struct sign_in_asked, expires_at_us), .help = "Until when that is good"},
    JSON_END,
};

static enum err sign_in_ask_code(struct sign_in *s)
{
    struct ctx *c = s->c;
    struct sign_in_asked out = {.status = STR("code_required")};

    enum err e = pending_create(c->db, c->arena, &s->user.id, &s->mark, &out.sign_in_token, &out.expires_at_us);
    return e == OK ? reply_data(&c->rep, 202, sign_in_asked_fields, &out) : e;
}

/* Whether a code is still to come; a code that nobody needs is passed over. */
static enum err sign_in_needs_code(struct sign_in *s, bool *ret_needs)
{
    struct second_factor factor;

    enum err e = second_factor_read(s->c->db, s->c->arena, &s->user.id, &factor);
    if (e != OK)
        return e;
    if (!factor.is_on)
        s->code = (struct str){0};
    *ret_needs = factor.is_on && s->code.p == NULL;
    return OK;
}

static enum err sign_in_with_password(struct ctx *c, const struct credentials *in, const struct guess *guess)
{
    struct sign_in s = {.c = c, .code = in->code};
    bool needs_code = false;

    enum err e = sign_in_find_user(c, in, &s.user);
    if (e == ERR_CONFLICT) /* somebody else's sign-in, or the user, was quicker: what is there now? */
        e = sign_in_find_user(c, in, &s.user);
    if (e == OK)
        e = sign_in_needs_code(&s, &needs_code);
    if (e != OK)
        return guess_end(c, guess, e);
    s.mark = user_password_mark(s.user.password_hash);
    e = needs_code ? ERR_CODE_REQUIRED : sign_in_finish(&s);
    if (e != ERR_CODE_REQUIRED)
        return guess_end(c, guess, e);
    guess_give_back(c, guess);
    return sign_in_ask_code(&s);
}

static enum err sign_in_login(struct ctx *c)
{
    struct credentials in = {0};
    struct guess guess;

    enum err e = input_json(c, sign_in_credentials_fields, &in);
    if (e == OK)
        e = guess_begin(c, in.email, &guess);
    return e == OK ? sign_in_with_password(c, &in, &guess) : e;
}

struct sign_in_code {
    struct str sign_in_token, code;
};

static const struct json_field sign_in_code_fields[] = {
    {.name = "sign_in_token",
     JSON_STR(struct sign_in_code, sign_in_token),
     .required = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "Of the answer to POST /auth/login",
     .policy = "account.session"},
    {.name = "code", JSON_STR(struct sign_in_code, code), .required = true, AUTH_CODE_FIELD},
    JSON_END,
};

static enum err sign_in_try_code(struct sign_in *s, const struct pending *pending)
{
    memcpy(s->mark.b, pending->mark, sizeof s->mark.b);
    enum err e = pending_try(s->c->db, s->token);
    s->c->problems.left_something = e == OK; /* this try is used */
    return e == OK ? sign_in_finish(s) : e;
}

/* The last code that may be wrong ends it, and says so; a password that was changed since, and an account that was disabled, do
 * likewise. */
static enum err sign_in_code_error(enum err e, const struct pending *pending)
{
    bool was_last = e == ERR_WRONG_CODE && pending->tries + 1 >= PENDING_TRIES_MAX;

    return was_last || e == ERR_BAD_CREDENTIALS || e == ERR_TOTP_OFF ? ERR_SIGN_IN_ENDED : e;
}

static enum err sign_in_login_code(struct ctx *c)
{
    struct sign_in_code in = {0};
    struct pending pending;
    struct sign_in s = {.c = c};
    struct guess guess;

    enum err e = input_json(c, sign_in_code_fields, &in);
    if (e == OK)
        e = pending_look(c->db, c->arena, in.sign_in_token, &pending);
    if (e == OK)
        e = user_by_id(c->db, c->arena, &pending.user_id, &s.user);
    if (e == OK)
        e = guess_begin(c, s.user.email, &guess);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_SIGN_IN_ENDED : e;
    s.token = in.sign_in_token;
    s.code = in.code;
    return sign_in_code_error(guess_end(c, &guess, sign_in_try_code(&s, &pending)), &pending);
}

static enum err sign_in_logout(struct ctx *c)
{
    enum err e = session_end(c->db, &c->caller.session_id);

    if (e != OK)
        return e;
    auth_set_cookie(c, STR(""));
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
     .pattern = "/api/v1/auth/login/code",
     .handler = sign_in_login_code,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Sign in, the second step: the code"},
    {.method = "POST",
     .pattern = "/api/v1/auth/logout",
     .handler = sign_in_logout,
     .auth = AUTH_SESSION,
     .while_erasing = true,
     .rate = RATE_AUTH,
     .summary = "Sign out: ends the session"},
    ROUTE_END,
};
