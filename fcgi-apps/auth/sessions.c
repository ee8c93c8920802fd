/* A user's sessions: which there are, and how to end them from another one. */
#include "auth/auth.h"
#include "fcgi/page.h"
#include "model/user/session.h"

struct sessions_row {
    struct session session; /* first: a row begins with its id (fcgi/page.h) */
    bool is_current;
};

static const struct json_field sessions_fields[] = {
    {.name = "id", JSON_UUID(struct sessions_row, session.id), .help = "The session's id"},
    {.name = "created_at",
     JSON_TIME(struct sessions_row, session.created_at_us),
     .help = "The sign-in",
     .policy = "account.session"},
    {.name = "last_seen_at",
     JSON_TIME(struct sessions_row, session.last_seen_at_us),
     .help = "Its last request, to the minute",
     .policy = "account.session"},
    {.name = "expires_at", JSON_TIME(struct sessions_row, session.expires_at_us), .help = "When it ends, used or not"},
    {.name = "current", JSON_BOOL(struct sessions_row, is_current), .help = "Whether it is the one that asks"},
    JSON_END,
};

static enum err sessions_list(struct ctx *c)
{
    struct page page;
    struct session *found;
    size_t n;

    enum err e = input_page(c, NULL, &page);
    if (e == OK)
        e = session_list(c->db, c->arena, c->conf, &c->caller.user_id, &page.below, page.ask, &found, &n);
    if (e != OK)
        return e;
    struct sessions_row *rows = arena_array(c->arena, n, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct sessions_row){found[i], uuid_eq(&found[i].id, &c->caller.session_id)};
    n = page_cut(&page, rows, n, sizeof *rows);
    return page_reply(c, &page, sessions_fields, rows, n, sizeof *rows);
}

static enum err sessions_end(struct ctx *c)
{
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = session_end_other(c->db, c->arena, &c->caller.user_id, &c->caller.session_id, &id);
    if (e != OK)
        return e;
    if (uuid_eq(&id, &c->caller.session_id))
        auth_set_cookie(c, STR(""));
    return reply_nothing(&c->rep);
}

static enum err sessions_end_others(struct ctx *c)
{
    enum err e = session_end_all_others(c->db, c->arena, &c->caller.user_id, &c->caller.session_id);

    return e == OK ? reply_nothing(&c->rep) : e;
}

const struct route auth_sessions_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/auth/sessions",
     .handler = sessions_list,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "List your sessions"},
    {.method = "DELETE",
     .pattern = "/api/v1/auth/sessions",
     .handler = sessions_end_others,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .summary = "End all sessions but this one"},
    {.method = "DELETE",
     .pattern = "/api/v1/auth/sessions/{id}",
     .handler = sessions_end,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .summary = "End one of your sessions"},
    ROUTE_END,
};
