#include "auth/auth.h"
#include "crypto/password.h"
#include "fcgi/input.h"

#define BODY_MAX_BYTES (16u << 10)

struct registration {
    struct str email, password, name;
};

static enum err registration_check_email(const void *value)
{
    return user_email_check(*(const struct str *)value);
}

static enum err registration_check_password(const void *value)
{
    return password_check(*(const struct str *)value);
}

static const struct json_field registration_fields[] = {
    {.name = "email",
     JSON_STR(struct registration, email),
     .required = true,
     .check = registration_check_email,
     .help = "Address to sign in with",
     .policy = "account.email"},
    {.name = "password",
     JSON_STR(struct registration, password),
     .required = true,
     .check = registration_check_password,
     .help = "10 characters to 72 bytes",
     .policy = "account.password"},
    {.name = "name",
     JSON_STR(struct registration, name),
     .nullable = true,
     .min = 1,
     .max = USER_NAME_MAX_BYTES,
     .check = input_check_line,
     .help = "How to address you",
     .policy = "account.name"},
    JSON_END,
};

struct accepted {
    struct str status;
};

static const struct json_field registration_accepted_fields[] = {
    {.name = "status", JSON_STR(struct accepted, status), .help = "accepted, whether the address was free or not"},
    JSON_END,
};

/*
 * Says the same, after the same work, whether the address is taken or not, so that nobody learns who has an account.
 * That is also why it does not sign in.
 */
static enum err registration_create(struct ctx *c)
{
    struct registration in = {0};
    struct accepted out = {.status = STR("accepted")};
    char hash[PASSWORD_HASH_SIZE];
    struct uuid id;

    enum err e = input_json(c, registration_fields, &in);
    if (e != OK)
        return e;
    _cleanup_(secret_done) struct secret password = secret_copy(in.password);
    e = password_hash(&password, (int)c->conf->password_bcrypt_cost, hash);
    if (e != OK)
        return e;
    e = user_create(c->db, c->arena, in.email, in.name, hash, &id);
    if (e != OK && e != ERR_DB_DUPLICATE)
        return e;
    return reply_data(&c->rep, 202, registration_accepted_fields, &out);
}

const struct route auth_register_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/register",
     .handler = registration_create,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Register with email and password"},
    ROUTE_END,
};
