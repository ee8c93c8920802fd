/* What a user is told by mail, and does not want to be. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "model/mail/notice.h"

#define BODY_MAX_BYTES (16u << 10)

static const struct json_field notifications_fields[] = {
#define NOTICE(NAME, text, help_) {.name = (text), JSON_BOOL(struct notices, on[NOTICE_##NAME]), .help = (help_)},
#include "model/mail/notice.def"
#undef NOTICE
    JSON_END,
};

static const struct json_field notifications_change_fields[] = {
#define NOTICE(NAME, text, help_) \
    {.name = (text), \
     JSON_BOOL(struct notices_change, to.on[NOTICE_##NAME]), \
     JSON_GIVEN(struct notices_change, given[NOTICE_##NAME]), \
     .help = (help_)},
#include "model/mail/notice.def"
#undef NOTICE
    JSON_END,
};

static enum err notifications_get(struct ctx *c)
{
    struct notices notices;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = notices_read(c->db, &c->caller.user_id, &notices);
    return e == OK ? reply_data(&c->rep, 200, notifications_fields, &notices) : e;
}

static enum err notifications_patch(struct ctx *c)
{
    struct notices_change change = {.given = {false}};
    struct notices notices;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = input_json(c, notifications_change_fields, &change);
    if (e == OK)
        e = notices_change(c->db, &c->caller.user_id, &change, &notices);
    return e == OK ? reply_data(&c->rep, 200, notifications_fields, &notices) : e;
}

const struct route auth_notifications_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/me/notifications",
     .handler = notifications_get,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "What I am told by mail"},
    {.method = "PATCH",
     .pattern = "/api/v1/me/notifications",
     .handler = notifications_patch,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Change what I am told by mail"},
    ROUTE_END,
};
