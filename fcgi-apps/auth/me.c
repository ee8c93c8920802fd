#include "auth/auth.h"

#include "fcgi/budget_shape.h"
#include "fcgi/input.h"
#include "model/key/budget.h"
#include "model/user/caps.h"

#define BODY_MAX_BYTES (4u << 10)
#define LIMITS_MAX 8 /* there are fewer classes (rate_limited) */

/* The user, the key that asks, and what both may do. */
struct me {
    struct user user;
    bool by_key;
    struct me_key {
        struct caller caller;
        struct budget budget;
    } key;
    struct json_array limits, caps;
};

struct me_limit {
    struct str name;
    struct rate_state state;
};

#define USER_FIELDS(T, prefix) \
    {.name = "id", JSON_UUID(T, prefix id), .help = "The user's id"}, \
        {.name = "email", \
         JSON_STR(T, prefix email), \
         .help = "Address as registered; null for a key", \
         .policy = "account.email"}, \
        {.name = "email_undeliverable_since", \
         JSON_TIME(T, prefix undeliverable_at_us), \
         .help = "When mail to this address came back for good, so it needs another one; null: it has not", \
         .policy = "account.email"}, \
        {.name = "name", JSON_STR(T, prefix name), .help = "Name, if given", .policy = "account.name"}, \
    { \
        .name = "created_at", JSON_TIME(T, prefix created_at_us), .help = "Registration", .policy = "account.times" \
    }

static const struct json_field me_key_fields[] = {
    {.name = "id", JSON_UUID(struct me_key, caller.key_id), .help = "The key's id"},
    {.name = "name", JSON_STR(struct me_key, caller.key_name), .help = "Its name", .policy = "key.name"},
    {.name = "prefix",
     JSON_STR(struct me_key, caller.key_prefix),
     .help = "Its first characters",
     .policy = "key.name"},
    {.name = "mode",
     JSON_ENUM(struct me_key, caller.mode, mode_names),
     .help = "Which data it works with: live or test"},
    {.name = "scopes", JSON_SET(struct me_key, caller.key_scopes, scope_names), .help = "What it may do"},
    {.name = "expires_at",
     JSON_TIME(struct me_key, caller.key_expires_at_us),
     .help = "When it stops working, or null"},
    {.name = "budget",
     JSON_OBJECT(struct me_key, budget, budget_fields),
     JSON_GIVEN(struct me_key, budget.is_limited),
     .help = "What it may post at most, and what is left of it; null: no limit"},
    JSON_END,
};

static const struct json_field me_limit_fields[] = {
    {.name = "name", JSON_STR(struct me_limit, name), .help = "The class, as in the header RateLimit"},
    {.name = "limit", JSON_I64(struct me_limit, state.limit), .help = "How many requests it allows in window_sec"},
    {.name = "window_sec", JSON_I64(struct me_limit, state.window_sec), .help = "The time that this is for"},
    {.name = "remaining", JSON_I64(struct me_limit, state.left), .help = "How many may be sent right now"},
    {.name = "reset_sec", JSON_I64(struct me_limit, state.reset_sec), .help = "Until all of them may"},
    JSON_END,
};

static const struct json_field me_cap_fields[] = {
    {.name = "name", JSON_STR(struct cap_use, name), .help = "What is counted"},
    {.name = "limit", JSON_I64(struct cap_use, max), .help = "How many the user can have"},
    {.name = "used", JSON_I64(struct cap_use, used), .help = "How many there are"},
    JSON_END,
};

static const struct json_field me_fields[] = {
    USER_FIELDS(struct me, user.),
    {.name = "key",
     JSON_OBJECT(struct me, key, me_key_fields),
     JSON_GIVEN(struct me, by_key),
     .help = "The API key that asked; null for a session"},
    {.name = "limits",
     JSON_ARRAY(struct me, limits, struct me_limit, me_limit_fields),
     .help = "How often who asks may ask, by class of request"},
    {.name = "caps",
     JSON_ARRAY(struct me, caps, struct cap_use, me_cap_fields),
     .help = "What one user can have, and has"},
    JSON_END,
};

static struct json_array me_limits(struct ctx *c)
{
    struct me_limit *v = arena_array(c->arena, LIMITS_MAX, sizeof *v);
    size_t n = 0;

    for (const enum route_rate *rate = rate_limited; *rate != RATE_UNSET; rate++) {
        ASSERT(n < LIMITS_MAX);
        v[n++] = (struct me_limit){.name = str_from(rate_name(*rate)), .state = rate_state_of(c, *rate)};
    }
    return (struct json_array){.v = v, .n = n};
}

static enum err me(struct ctx *c)
{
    struct cap_use *caps = arena_array(c->arena, CAP__MAX, sizeof *caps);
    struct me out = {
        .by_key = c->caller.kind == CALLER_KEY, .key.caller = c->caller, .caps = {.v = caps, .n = CAP__MAX}};

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = user_profile(c->db, c->arena, &c->caller.user_id, &out.user);
    if (e == OK)
        e = caps_used(c->db, c->arena, c->conf, &c->caller.user_id, caps);
    if (e == OK && c->caller.key_has_budget)
        e = budget_read(c->db, c->arena, &c->caller.key_id, &out.key.budget);
    if (out.by_key) { /* whoever finds a key need not learn whom to write to */
        out.user.email = (struct str){0};
        out.user.undeliverable_at_us = 0;
    }
    out.limits = me_limits(c);
    return e == OK ? reply_data(&c->rep, 200, me_fields, &out) : e;
}

struct me_change {
    struct str name;
    bool has_name;
};

static const struct json_field me_change_fields[] = {
    {.name = "name",
     JSON_STR(struct me_change, name),
     JSON_GIVEN(struct me_change, has_name),
     .clears = true,
     .min = 1,
     .max = USER_NAME_MAX_BYTES,
     .check = input_check_line,
     .help = "How to address you; null removes it",
     .policy = "account.name"},
    JSON_END,
};

static enum err me_change(struct ctx *c)
{
    struct me_change in = {0};
    struct user user = {0};

    enum err e = input_json(c, me_change_fields, &in);
    if (e == OK && in.has_name)
        e = user_rename(c->db, c->arena, &c->caller.user_id, in.name, ACTIVITY_BY_USER, &user);
    else if (e == OK)
        e = user_profile(c->db, c->arena, &c->caller.user_id, &user);
    return e == OK ? reply_data(&c->rep, 200, auth_user_fields, &user) : e;
}

const struct json_field auth_user_fields[] = {USER_FIELDS(struct user, ), JSON_END};

const struct route auth_me_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/me",
     .handler = me,
     .auth = AUTH_ANY,
     .scope = SCOPE_NONE,
     .while_erasing = true,
     .rate = RATE_READ,
     .compressed = true,
     .summary = "Who am I"},
    {.method = "PATCH",
     .pattern = "/api/v1/me",
     .handler = me_change,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .compressed = true,
     .summary = "Change your name"},
    ROUTE_END,
};
