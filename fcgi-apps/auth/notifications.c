/* What a user is told by mail, and no longer wants to be: in the dashboard, and by the link in a mail. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "http/multipart.h"
#include "model/mail/notice.h"

#define BODY_MAX_BYTES (16u << 10)
#define UNSUBSCRIBE_PAGE "/unsubscribe"
#define TOKEN_MAX_BYTES 100 /* one has 43 characters, which are all letters and digits */

/* RFC 8058 3.1: the one pair that the body holds. */
#define ONE_CLICK_NAME "List-Unsubscribe"
#define ONE_CLICK_VALUE "One-Click"

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

/* A mail provider may send the pair in either of the two ways (RFC 8058 3.2). */
static enum err unsubscribe_read_multipart(struct ctx *c, bool *ret_is_one_click)
{
    struct multipart mp;
    struct multipart_part part;
    struct str value;

    enum err e = multipart_init(&mp, c->arena, c->req.content_type, &c->req.body);
    while (e == OK && (e = multipart_next(&mp, &part)) == OK && part.name.p != NULL) {
        e = multipart_read_text(&mp, BODY_MAX_BYTES, &value);
        if (e == OK && str_eqc(part.name, ONE_CLICK_NAME) && str_eqc(value, ONE_CLICK_VALUE))
            *ret_is_one_click = true;
    }
    return e;
}

static enum err unsubscribe_read_form(struct ctx *c, bool *ret_is_one_click)
{
    struct form *form = arena_alloc(c->arena, sizeof *form);
    struct str text;

    enum err e = body_read_all(&c->req.body, c->arena, c->req.body.max_bytes, &text);
    if (e == OK)
        *ret_is_one_click = form_parse(c->arena, text, form) == OK &&
                            str_eqc(form_get(form, ONE_CLICK_NAME), ONE_CLICK_VALUE);
    return e;
}

/* What a link checker or a prefetching proxy may send by itself is not this. */
static enum err unsubscribe_read(struct ctx *c)
{
    struct str type = request_media_type(&c->req, c->arena);
    bool is_one_click = false;
    enum err e = ERR_UNSUPPORTED_TYPE;

    if (str_eqc(type, "multipart/form-data"))
        e = unsubscribe_read_multipart(c, &is_one_click);
    else if (str_eqc(type, "application/x-www-form-urlencoded"))
        e = unsubscribe_read_form(c, &is_one_click);
    if (e != OK || is_one_click)
        return e;
    problem_add_text(&c->problems, ERR_FIELD_REQUIRED, STR(ONE_CLICK_NAME),
                     STR("The body must be the form List-Unsubscribe=One-Click (RFC 8058)."));
    return ERR_VALIDATION;
}

struct unsubscribed {
    struct str kind;
};

static const struct json_field unsubscribed_fields[] = {
    {.name = "notification", JSON_STR(struct unsubscribed, kind), .help = "What is not mailed any more"},
    JSON_END,
};

static const char *const unsubscribe_query[] = {"token", NULL};

static enum err unsubscribe(struct ctx *c)
{
    struct unsubscribed out;
    enum notice kind;

    enum err e = input_query_only(c, unsubscribe_query);
    if (e == OK)
        e = unsubscribe_read(c);
    if (e == OK)
        e = notices_unsubscribe(c->db, c->arena, form_get(&c->req.query, "token"), &kind);
    if (e != OK)
        return e;
    out.kind = str_from(notice_names[kind]);
    return reply_data(&c->rep, 200, unsubscribed_fields, &out);
}

/* It goes into a header. */
static bool unsubscribe_is_token(struct str token)
{
    static const char chars[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] == '\0' || strchr(chars, token.p[i]) == NULL)
            return false;
    return token.n > 0 && token.n <= TOKEN_MAX_BYTES;
}

/* A mail program that knows nothing of one click opens the address in a browser. That changes nothing: the page has a button. */
static enum err unsubscribe_show(struct ctx *c)
{
    struct str token = form_get(&c->req.query, "token");

    enum err e = input_query_only(c, unsubscribe_query);
    if (e != OK)
        return e;
    if (!unsubscribe_is_token(token))
        return ERR_TOKEN;
    return reply_redirect(&c->rep, arena_printf(c->arena, UNSUBSCRIBE_PAGE "#%.*s", STR_FMT(token)));
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
    {.method = "GET",
     .pattern = "/api/v1/mail/unsubscribe",
     .handler = unsubscribe_show,
     .auth = AUTH_FOREIGN,
     .rate = RATE_READ,
     .summary = "A mail's link: leads to the page that unsubscribes"},
    /* Foreign: the token is the credential, and a mail provider sends no other (RFC 8058 3.2). */
    {.method = "POST",
     .pattern = "/api/v1/mail/unsubscribe",
     .handler = unsubscribe,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Switch off what a mail was about: one click (RFC 8058)"},
    ROUTE_END,
};
