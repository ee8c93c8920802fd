/* Registering: a mail, and no user yet. What comes of the mailed link is in verify.c. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "model/privacy/published.h"
#include "model/user/invitation.h"
#include "model/user/registration.h"

#define BODY_MAX_BYTES (16u << 10)

struct register_input {
    struct str email, name, password, invitation;
    bool accepted_terms;
};

static const struct json_field register_fields[] = {
    {.name = "email",
     JSON_STR(struct register_input, email),
     .help = "Address to sign in with",
     AUTH_EMAIL_FIELD,
     .policy = "account.email"},
    {.name = "name",
     JSON_STR(struct register_input, name),
     .nullable = true,
     .min = 1,
     .max = USER_NAME_MAX_BYTES,
     .check = input_check_line,
     .help = "How to address you",
     .policy = "account.name"},
    {.name = "password",
     JSON_STR(struct register_input, password),
     .nullable = true,
     .help = "10 characters to 72 bytes, to be typed again with the mailed link; without it, it is chosen there",
     .policy = "account.password"},
    {.name = "invitation",
     JSON_STR(struct register_input, invitation),
     .nullable = true,
     .max = AUTH_FIELD_MAX_BYTES,
     .help = "The code of an invitation, where one is needed"},
    {.name = "accepted_terms",
     JSON_BOOL(struct register_input, accepted_terms),
     .help = "Whether you accept the terms and the privacy policy; must be true where there are some",
     .policy = "account.consent"},
    JSON_END,
};

static const struct json_field register_resend_fields[] = {
    {.name = "email",
     JSON_STR(struct register_input, email),
     .help = "Address that was registered",
     AUTH_EMAIL_FIELD,
     .policy = "account.email"},
    JSON_END,
};

enum err auth_check_email(const void *value)
{
    return user_email_check(*(const struct str *)value);
}

static struct str register_accepted(struct str version, bool accepted)
{
    return accepted && version.n > 0 ? version : (struct str){0};
}

/* Told already that it is no text, no boolean ...: then it is not told that it is missing. */
static bool register_has_problem(const struct ctx *c, const char *param)
{
    for (size_t i = 0; i < c->problems.n; i++)
        if (str_eqc(c->problems.v[i].param, param))
            return true;
    return false;
}

/* What the configuration asks for beyond the fields themselves; added to what is wrong with those. */
static enum err register_check(struct ctx *c, const struct register_input *in,
                               const struct published_accepted *versions, struct uuid *ret_invitation_id)
{
    bool has_terms = versions->terms.n + versions->policy.n > 0;
    bool invited = c->conf->registration_mode == REGISTRATION_INVITATION && !register_has_problem(c, "invitation");

    if (has_terms && !in->accepted_terms && !register_has_problem(c, "accepted_terms"))
        problem_add(&c->problems, ERR_TERMS, c->arena, "accepted_terms");
    if (invited && in->invitation.p == NULL) {
        problem_add(&c->problems, ERR_FIELD_REQUIRED, c->arena, "invitation");
        return OK;
    }
    enum err e = invited ? invitation_look(c->db, c->arena, in->invitation, ret_invitation_id) : OK;
    if (e == ERR_INVITATION)
        problem_add(&c->problems, e, c->arena, "invitation");
    return e == ERR_INVITATION ? OK : e;
}

static enum err register_read(struct ctx *c, struct register_input *ret_in, struct published_accepted *ret_versions,
                              struct uuid *ret_invitation_id)
{
    enum err e = input_json(c, register_fields, ret_in);

    if (e != OK && e != ERR_VALIDATION)
        return e;
    auth_check_password(c, "password", ret_in->password, &(struct user){.email = ret_in->email, .name = ret_in->name});
    e = published_accepted(c->db, c->arena, c->conf, ret_versions);
    if (e == OK)
        e = register_check(c, ret_in, ret_versions, ret_invitation_id);
    return e == OK && c->problems.n > 0 ? ERR_VALIDATION : e;
}

static enum err register_create(struct ctx *c)
{
    struct register_input in = {0};
    struct registration_new new = {.request_id = c->req.id};
    struct published_accepted versions = {0};
    char hash[PASSWORD_HASH_SIZE];

    if (c->conf->registration_mode == REGISTRATION_CLOSED)
        return ERR_REGISTRATION_CLOSED;
    enum err e = register_read(c, &in, &versions, &new.invitation_id);
    if (e == OK && in.password.p != NULL) {
        e = auth_hash_password(c, in.password, hash);
        new.password_hash = hash;
    }
    if (e != OK)
        return e;
    new.email = in.email;
    new.name = in.name;
    new.terms_version = register_accepted(versions.terms, in.accepted_terms);
    new.policy_version = register_accepted(versions.policy, in.accepted_terms);
    e = registration_create(c->db, c->arena, &new);
    return e == OK ? auth_reply_accepted(c) : e;
}

static enum err register_resend(struct ctx *c)
{
    struct register_input in = {0};

    enum err e = input_json(c, register_resend_fields, &in);
    if (e == OK)
        e = registration_resend(c->db, c->arena, in.email, c->req.id);
    return e == OK ? auth_reply_accepted(c) : e;
}

const struct route auth_register_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/register",
     .handler = register_create,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Register an address: it gets a mail with a link"},
    {.method = "POST",
     .pattern = "/api/v1/auth/resend-verification",
     .handler = register_resend,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Mail the link of a registration once more"},
    ROUTE_END,
};
