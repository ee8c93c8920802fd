/*
 * The privacy policy and the terms: /privacy and /terms are what is in force, /privacy/VERSION what was or will be. nginx sends the
 * file. And GET /api/v1/privacy/policy, which says which versions there are.
 */
#include "privacy_app.h"

#include "base/clock.h"
#include "fcgi/input.h"
#include "model/privacy/published.h"

struct policy_shape {
    struct str version, privacy_url, terms_url;
    int64_t effective_at_us, published_at_us;
    bool is_material;
};

struct policy_list_shape {
    struct policy_shape current;
    bool has_current;
    struct json_array coming, history;
};

static struct policy_shape policy_shape_of(struct ctx *c, const struct published *p)
{
    struct str url = c->conf->service_url;

    return (struct policy_shape){
        .version = p->version,
        .privacy_url = arena_printf(c->arena, "%.*s/privacy/%.*s", STR_FMT(url), STR_FMT(p->version)),
        .terms_url = arena_printf(c->arena, "%.*s/terms/%.*s", STR_FMT(url), STR_FMT(p->version)),
        .effective_at_us = p->effective_at_us,
        .published_at_us = p->published_at_us,
        .is_material = p->material};
}

static const struct json_field policy_list_fields[];

static enum err policy_list(struct ctx *c)
{
    int64_t now_us = clock_now_us();
    struct published *v;
    size_t n, coming = 0;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = published_list(c->db, c->arena, &v, &n);
    if (e != OK)
        return e;
    struct policy_shape *shapes = arena_array(c->arena, n + 1, sizeof *shapes);
    for (size_t i = 0; i < n; i++)
        shapes[i] = policy_shape_of(c, &v[i]);
    while (coming < n && v[coming].effective_at_us > now_us)
        coming++;
    struct policy_list_shape shape = {.has_current = coming < n, .coming = {.v = shapes, .n = coming}};
    if (shape.has_current) {
        shape.current = shapes[coming];
        shape.history = (struct json_array){.v = &shapes[coming + 1], .n = n - coming - 1};
    }
    return reply_data(&c->rep, 200, policy_list_fields, &shape);
}

static const char policy_none[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Not published</title>\n"
    "<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<main>\n<h1>Not published</h1>\n"
    "<p>There is no such version of the privacy policy and the terms. If this is the address without a version, none "
    "is in force yet.</p>\n<p><a href=\"/\">Home</a></p>\n</main>\n</body>\n</html>\n";

/* The version that the address names, or the one in force. */
static enum err policy_version(struct ctx *c, struct published *ret)
{
    struct str version = c->req.param[0];

    if (version.p == NULL)
        return published_in_force(c->db, c->arena, clock_now_us(), ret);
    return published_is_version(version) ? published_find(c->db, c->arena, version, ret) : ERR_NOT_FOUND;
}

static enum err policy_send(struct ctx *c, struct str (*file)(struct arena *arena, struct str version))
{
    static const char policy_type[] = "text/html; charset=utf-8";
    struct published p;

    enum err e = policy_version(c, &p);
    if (e == ERR_NOT_FOUND)
        return reply_body(&c->rep, 404, policy_type, str_from(policy_none));
    if (e != OK)
        return e;
    reply_header(&c->rep, "X-Accel-Redirect",
                 arena_printf(c->arena, "/internal/policy/%.*s", STR_FMT(file(c->arena, p.version))));
    return reply_body(&c->rep, 200, policy_type, STR(""));
}

static enum err policy_privacy(struct ctx *c)
{
    return policy_send(c, published_privacy_file);
}

static enum err policy_terms(struct ctx *c)
{
    return policy_send(c, published_terms_file);
}

static const struct json_field policy_fields[] = {
    {.name = "version", JSON_STR(struct policy_shape, version), .help = "Its name"},
    {.name = "effective_at", JSON_TIME(struct policy_shape, effective_at_us), .help = "From when it is in force"},
    {.name = "published_at", JSON_TIME(struct policy_shape, published_at_us), .help = "When it was published"},
    {.name = "is_material",
     JSON_BOOL(struct policy_shape, is_material),
     .help = "It changes something that matters: every user was told by mail"},
    {.name = "privacy_url",
     JSON_STR(struct policy_shape, privacy_url),
     .help = "The privacy policy, which never changes"},
    {.name = "terms_url", JSON_STR(struct policy_shape, terms_url), .help = "The terms, likewise"},
    JSON_END};

static const struct json_field policy_list_fields[] = {
    {.name = "current",
     JSON_OBJECT(struct policy_list_shape, current, policy_fields),
     JSON_GIVEN(struct policy_list_shape, has_current),
     .help = "What is in force; null: nothing is yet"},
    {.name = "coming",
     JSON_ARRAY(struct policy_list_shape, coming, struct policy_shape, policy_fields),
     .help = "What was published and is not in force yet"},
    {.name = "history",
     JSON_ARRAY(struct policy_list_shape, history, struct policy_shape, policy_fields),
     .help = "What was in force before, the newest first"},
    JSON_END};

const struct route policy_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/privacy/policy",
     .handler = policy_list,
     .auth = AUTH_NONE,
     .rate = RATE_READ,
     .summary = "Which versions of the privacy policy and the terms there are"},
    {.method = "GET",
     .pattern = "/privacy",
     .handler = policy_privacy,
     .auth = AUTH_NONE,
     .rate = RATE_READ,
     .summary = "The privacy policy that is in force, as a page"},
    {.method = "GET",
     .pattern = "/privacy/{version}",
     .handler = policy_privacy,
     .auth = AUTH_NONE,
     .rate = RATE_READ,
     .summary = "A version of the privacy policy, as a page"},
    {.method = "GET",
     .pattern = "/terms",
     .handler = policy_terms,
     .auth = AUTH_NONE,
     .rate = RATE_READ,
     .summary = "The terms that are in force, as a page"},
    {.method = "GET",
     .pattern = "/terms/{version}",
     .handler = policy_terms,
     .auth = AUTH_NONE,
     .rate = RATE_READ,
     .summary = "A version of the terms, as a page"},
    ROUTE_END,
};
