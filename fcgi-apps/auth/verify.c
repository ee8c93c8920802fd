/* The link of a registration (nginx/html/link.js sends it): with the password, it makes the user. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "model/user/registration.h"

#define BODY_MAX_BYTES (16u << 10)

struct verify_input {
    struct str token, password;
};

static const struct json_field verify_fields[] = {
    {.name = "token", JSON_STR(struct verify_input, token), AUTH_LINK_FIELD},
    {.name = "password",
     JSON_STR(struct verify_input, password),
     .required = true,
     .help =
         "The one that was given at the registration; if none was, the one to sign in with: 10 characters to 72 bytes",
     .policy = "account.password"},
    JSON_END,
};

/*
 * Whoever has registered somebody else's address with a password of their own must not get an account by it, nor may its
 * owner, who follows the link, get one that a stranger has the password of: so that password must be typed, too.
 */
static enum err verify_hash(struct ctx *c, const struct registration *r, struct str text,
                            char ret_hash[static PASSWORD_HASH_SIZE])
{
    _cleanup_(secret_done) struct secret password = secret_copy(text);

    if (r->password_hash.p == NULL) {
        auth_check_password(c, "password", text, &(struct user){.email = r->email, .name = r->name});
        return c->problems.n > 0 ? ERR_VALIDATION : auth_hash_password(c, text, ret_hash);
    }
    enum err e = registration_count_try(c->db, r);
    if (e != OK)
        return e;
    if (r->password_hash.n >= PASSWORD_HASH_SIZE ||
        !password_verify(&password, r->password_hash.p, (int)c->conf->password_bcrypt_cost))
        return ERR_WRONG_PASSWORD;
    memcpy(ret_hash, r->password_hash.p, r->password_hash.n + 1);
    return OK;
}

static enum err verify_email(struct ctx *c)
{
    struct verify_input in = {0};
    struct registration r = {0};
    struct user user = {0};
    char hash[PASSWORD_HASH_SIZE];

    enum err e = input_json(c, verify_fields, &in);
    if (e == OK)
        e = registration_by_token(c->db, c->arena, in.token, &r);
    if (e == OK)
        e = verify_hash(c, &r, in.password, hash);
    if (e == OK)
        e = registration_confirm(c->db, c->arena, in.token, &r, hash, &user);
    if (e != OK)
        return e;
    guess_know(c, &user);
    return reply_data(&c->rep, 200, auth_user_fields, &user);
}

const struct route auth_verify_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/verify-email",
     .handler = verify_email,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Follow the link of a registration: makes the user"},
    ROUTE_END,
};
