#include "auth/auth.h"

#include "fcgi/input.h"

/* The user, and the key that asks. */
struct me {
    struct user user;
    bool by_key;
    struct caller caller;
};

#define USER_FIELDS(T, prefix) \
    {.name = "id", JSON_UUID(T, prefix id), .help = "The user's id"}, \
        {.name = "email", JSON_STR(T, prefix email), .help = "Address as registered", .policy = "account.email"}, \
        {.name = "name", JSON_STR(T, prefix name), .help = "Name, if given", .policy = "account.name"}, \
    { \
        .name = "created_at", JSON_TIME(T, prefix created_at_us), .help = "Registration", .policy = "account.times" \
    }

static const struct json_field me_key_fields[] = {
    {.name = "id", JSON_UUID(struct caller, key_id), .help = "The key's id"},
    {.name = "name", JSON_STR(struct caller, key_name), .help = "Its name", .policy = "key.name"},
    {.name = "prefix", JSON_STR(struct caller, key_prefix), .help = "Its first characters", .policy = "key.name"},
    {.name = "scopes", JSON_SET(struct caller, key_scopes, scope_names), .help = "What it may do"},
    {.name = "expires_at", JSON_TIME(struct caller, key_expires_at_us), .help = "When it stops working, or null"},
    JSON_END,
};

static const struct json_field me_fields[] = {
    USER_FIELDS(struct me, user.),
    {.name = "key",
     JSON_OBJECT(struct me, caller, me_key_fields),
     JSON_GIVEN(struct me, by_key),
     .help = "The API key that asked; null for a session"},
    JSON_END,
};

static enum err me(struct ctx *c)
{
    struct me out = {.by_key = c->caller.kind == CALLER_KEY, .caller = c->caller};

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = user_profile(c->db, c->arena, &c->caller.user_id, &out.user);
    return e == OK ? reply_data(&c->rep, 200, me_fields, &out) : e;
}

const struct json_field auth_user_fields[] = {USER_FIELDS(struct user, ), JSON_END};

const struct route auth_me_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/me",
     .handler = me,
     .auth = AUTH_ANY,
     .scope = SCOPE_NONE,
     .rate = RATE_API,
     .summary = "Who am I"},
    ROUTE_END,
};
