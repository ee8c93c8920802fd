/* The second factor: switching codes at the sign-in on and off, and recovery codes. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "model/user/session.h"

#define BODY_MAX_BYTES (16u << 10)

struct second_factor_change auth_change_by(const struct ctx *c)
{
    return (struct second_factor_change){.user_id = &c->caller.user_id,
                                         .session_id = &c->caller.session_id,
                                         .sent = c->caller.session_token,
                                         .request_id = c->req.id};
}

static const struct json_field totp_state_fields[] = {
    {.name = "enabled", JSON_BOOL(struct second_factor, is_on), .help = "Whether your sign-in needs a code"},
    {.name = "enabled_at",
     JSON_TIME(struct second_factor, enabled_at_us),
     .help = "Since when, or null",
     .policy = "account.second_factor"},
    {.name = "recovery_codes_left",
     JSON_I64(struct second_factor, recovery_codes_left),
     .help = "How many recovery codes were not used yet",
     .policy = "account.second_factor"},
    JSON_END,
};

static enum err totp_state(struct ctx *c)
{
    struct second_factor factor;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = second_factor_read(c->db, c->arena, &c->caller.user_id, &factor);
    return e == OK ? reply_data(&c->rep, 200, totp_state_fields, &factor) : e;
}

struct totp_shown {
    struct str secret, otpauth_uri;
};

static const struct json_field totp_shown_fields[] = {
    {.name = "secret",
     JSON_STR(struct totp_shown, secret),
     .help = "To type into your authenticator app; it is shown once",
     .policy = "account.second_factor"},
    {.name = "otpauth_uri",
     JSON_STR(struct totp_shown, otpauth_uri),
     .help = "The same with all else that the app wants to know, to be shown as a QR code",
     .policy = "account.second_factor"},
    JSON_END,
};

/* The host's name, by which people tell their codes apart. */
static struct str totp_issuer(const struct conf *conf)
{
    struct str host = conf->service_url, name;

    if (str_starts(host, STR("https://")))
        host = str_skip(host, strlen("https://"));
    return str_cut(&host, ':', &name) ? name : host;
}

static enum err totp_begin(struct ctx *c)
{
    const struct auth_state *state = c->state;
    uint8_t secret[TOTP_SECRET_BYTES];
    struct str bytes = str_of(secret, sizeof secret);
    struct user user;

    enum err e = user_profile(c->db, c->arena, &c->caller.user_id, &user);
    if (e == OK)
        e = second_factor_enrol(c->db, c->arena, state->ring, &c->caller.user_id, secret);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    struct totp_shown out = {.secret = totp_base32(c->arena, bytes),
                             .otpauth_uri = totp_uri(c->arena, totp_issuer(c->conf), user.email, bytes)};
    explicit_bzero(secret, sizeof secret);
    return reply_data(&c->rep, 200, totp_shown_fields, &out);
}

struct totp_codes {
    struct strs recovery_codes;
};

static const struct json_field totp_codes_fields[] = {
    {.name = "recovery_codes",
     JSON_STRS(struct totp_codes, recovery_codes),
     .help = "Each signs you in once without the app; they are shown once",
     .policy = "account.second_factor"},
    JSON_END,
};

/* The session's new token, and the codes. */
static enum err totp_show_codes(struct ctx *c, const struct recovery_codes *codes, struct str token)
{
    struct str *v = arena_array(c->arena, RECOVERY_CODES, sizeof *v);

    for (size_t i = 0; i < RECOVERY_CODES; i++)
        v[i] = str_from(codes->v[i]);
    auth_set_cookie(c, token);
    return reply_data(&c->rep, 200, totp_codes_fields, &(struct totp_codes){{v, RECOVERY_CODES}});
}

struct totp_confirmation {
    struct str code;
};

static const struct json_field totp_confirm_fields[] = {
    {.name = "code", JSON_STR(struct totp_confirmation, code), .required = true, AUTH_CODE_FIELD},
    JSON_END,
};

static enum err totp_confirm(struct ctx *c)
{
    const struct auth_state *state = c->state;
    struct second_factor_change by = auth_change_by(c);
    struct totp_confirmation in = {0};
    struct recovery_codes codes;
    struct str token;

    enum err e = input_json(c, totp_confirm_fields, &in);
    if (e == OK)
        e = second_factor_enable(c->db, c->arena, state->ring, &by, in.code, &codes, &token);
    return e == OK ? totp_show_codes(c, &codes, token) : e;
}

static enum err totp_renew_codes(struct ctx *c)
{
    struct second_factor_change by = auth_change_by(c);
    struct recovery_codes codes;
    struct str token;

    enum err e = second_factor_renew_codes(c->db, c->arena, &by, &codes, &token);
    return e == OK ? totp_show_codes(c, &codes, token) : e;
}

static enum err totp_end(struct ctx *c)
{
    struct second_factor_change by = auth_change_by(c);
    struct str token;

    enum err e = second_factor_disable(c->db, c->arena, &by, &token);
    if (e != OK)
        return e;
    auth_set_cookie(c, token);
    return reply_nothing(&c->rep);
}

const struct route auth_totp_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/auth/totp",
     .handler = totp_state,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "Whether your sign-in needs a code"},
    {.method = "POST",
     .pattern = "/api/v1/auth/totp",
     .handler = totp_begin,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .rate = RATE_WRITE,
     .summary = "Begin to use an authenticator app: shows its secret"},
    {.method = "DELETE",
     .pattern = "/api/v1/auth/totp",
     .handler = totp_end,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .rate = RATE_WRITE,
     .summary = "Sign in without codes from now on"},
    {.method = "POST",
     .pattern = "/api/v1/auth/totp/confirm",
     .handler = totp_confirm,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Sign in with codes from now on: shows recovery codes"},
    {.method = "POST",
     .pattern = "/api/v1/auth/totp/recovery-codes",
     .handler = totp_renew_codes,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .rate = RATE_WRITE,
     .summary = "Make new recovery codes; the old ones stop working"},
    ROUTE_END,
};
