/* Switching off what a mail was about, by the link in that mail: one click (RFC 8058), or the page that the link leads to. */
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
        *ret_is_one_click =
            form_parse(c->arena, text, form) == OK && str_eqc(form_get(form, ONE_CLICK_NAME), ONE_CLICK_VALUE);
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

struct unsubscribe_done {
    struct str kind;
};

static const struct json_field unsubscribe_fields[] = {
    {.name = "notification", JSON_STR(struct unsubscribe_done, kind), .help = "What is not mailed any more"},
    JSON_END,
};

static const char *const unsubscribe_query[] = {"token", NULL};

static enum err unsubscribe_post(struct ctx *c)
{
    struct unsubscribe_done out;
    enum notice kind;

    enum err e = input_query_only(c, unsubscribe_query);
    if (e == OK)
        e = unsubscribe_read(c);
    if (e == OK)
        e = notices_unsubscribe(c->db, c->arena, form_get(&c->req.query, "token"), &kind);
    if (e != OK)
        return e;
    out.kind = str_from(notice_names[kind]);
    return reply_data(&c->rep, 200, unsubscribe_fields, &out);
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
static enum err unsubscribe_get(struct ctx *c)
{
    struct str token = form_get(&c->req.query, "token");

    enum err e = input_query_only(c, unsubscribe_query);
    if (e != OK)
        return e;
    if (!unsubscribe_is_token(token))
        return ERR_TOKEN;
    return reply_redirect(&c->rep, arena_printf(c->arena, UNSUBSCRIBE_PAGE "#%.*s", STR_FMT(token)));
}

const struct route auth_unsubscribe_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/mail/unsubscribe",
     .handler = unsubscribe_get,
     .auth = AUTH_FOREIGN,
     .rate = RATE_READ,
     .summary = "A mail's link: leads to the page that unsubscribes"},
    /* Foreign: the token is the credential, and a mail provider sends no other (RFC 8058 3.2). */
    {.method = "POST",
     .pattern = "/api/v1/mail/unsubscribe",
     .handler = unsubscribe_post,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Switch off what a mail was about: one click (RFC 8058)"},
    ROUTE_END,
};
