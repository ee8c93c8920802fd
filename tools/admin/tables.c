/*
 * marketingcli-admin tables: the tables that the programs are made from, as one JSON object: routes, errors.
 * What is written from them (units, nginx's locations and error bodies) is made by tools/generate at build time.
 */
#include <stdio.h>

#include "admin.h"
#include "fcgi/app.h"
#include "json/json.h"

#define APP(name, ...) extern const struct app app_##name;
#define WORKER(...)
#define IMAGE(...)
#define INTAKE(...)
#include "service/service.def"
#undef APP

static const struct app *const tables_apps[] = {
#define APP(name, ...) &app_##name,
#include "service/service.def"
    NULL,
};

struct tables_route {
    struct str app, method, pattern, auth, scope, rate, cost, summary;
    bool recent_auth, by_mode, internal, effect, creates, streams, compressed, body_in_memory;
    int64_t body_max_bytes, timeout_sec;
};

struct tables_error {
    struct str slug, type, message;
    int64_t status;
    bool retryable;
};

struct tables {
    struct json_array routes, errors;
};

static const struct json_field tables_fields[];

static size_t tables_count_routes(void)
{
    size_t n = 0;

    for (const struct app *const *a = tables_apps; *a != NULL; a++)
        for (const struct route *const *table = (*a)->routes; *table != NULL; table++)
            for (const struct route *r = *table; r->method != NULL; r++)
                n++;
    return n;
}

static struct json_array tables_routes(struct arena *arena)
{
    struct tables_route *v = arena_array(arena, tables_count_routes(), sizeof *v);
    size_t n = 0;

    for (const struct app *const *a = tables_apps; *a != NULL; a++)
        for (const struct route *const *table = (*a)->routes; *table != NULL; table++)
            for (const struct route *r = *table; r->method != NULL; r++)
                v[n++] = (struct tables_route){
                    .app = str_from((*a)->name),
                    .method = str_from(r->method),
                    .pattern = str_from(r->pattern),
                    .auth = str_from(route_auth_name(r->auth)),
                    .scope = str_from(scope_name(r->scope)),
                    .rate = str_from(route_rate_name(r->rate)),
                    .cost = str_from(route_cost_name(r->cost)),
                    .summary = str_from(r->summary),
                    .recent_auth = r->recent_auth,
                    .by_mode = r->by_mode,
                    .internal = r->internal,
                    .effect = r->effect == EFFECT_GET,
                    .creates = r->creates,
                    .streams = r->streams,
                    .compressed = r->compressed,
                    .body_max_bytes = (int64_t)r->body_max_bytes,
                    .body_in_memory = r->body_in_memory,
                    .timeout_sec = r->timeout_sec,
                };
    return (struct json_array){.v = v, .n = n};
}

static struct json_array tables_errors(struct arena *arena)
{
    struct tables_error *v = arena_array(arena, ERR__MAX, sizeof *v);

    for (int e = 0; e < ERR__MAX; e++)
        v[e] = (struct tables_error){
            .slug = str_from(err_slug(e)),
            .type = str_from(err_type(e)),
            .message = str_from(err_sentence(e)),
            .status = err_status(e),
            .retryable = err_retryable(e),
        };
    return (struct json_array){.v = v, .n = ERR__MAX};
}

int verb_tables(const struct given *given)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1u << 20);
    struct arena arena;

    (void)given;
    arena_init(&arena, 1u << 20);
    struct tables t = {.routes = tables_routes(&arena), .errors = tables_errors(&arena)};
    json_write(&b, tables_fields, &t);
    buf_puts(&b, "\n");
    ASSERT(!b.overflow);
    arena_done(&arena);
    return fwrite(b.p, 1, b.n, stdout) == b.n ? EXIT_DONE : EXIT_FAILED;
}

int verb_routes(const struct given *given)
{
    struct arena arena;

    (void)given;
    arena_init(&arena, 1u << 20);
    struct json_array routes = tables_routes(&arena);
    const struct tables_route *v = routes.v;
    for (size_t i = 0; i < routes.n; i++)
        printf("%s %s %s %s %s\n", v[i].method.p, v[i].pattern.p, v[i].auth.p, v[i].scope.p, v[i].summary.p);
    arena_done(&arena);
    return EXIT_DONE;
}

static const struct json_field tables_route_fields[] = {
    {.name = "app", JSON_STR(struct tables_route, app)},
    {.name = "method", JSON_STR(struct tables_route, method)},
    {.name = "pattern", JSON_STR(struct tables_route, pattern)},
    {.name = "auth", JSON_STR(struct tables_route, auth)},
    {.name = "scope", JSON_STR(struct tables_route, scope)},
    {.name = "rate", JSON_STR(struct tables_route, rate)},
    {.name = "cost", JSON_STR(struct tables_route, cost)},
    {.name = "body_max_bytes", JSON_I64(struct tables_route, body_max_bytes)},
    {.name = "body_in_memory", JSON_BOOL(struct tables_route, body_in_memory)},
    {.name = "timeout_sec", JSON_I64(struct tables_route, timeout_sec)},
    {.name = "recent_auth", JSON_BOOL(struct tables_route, recent_auth)},
    {.name = "by_mode", JSON_BOOL(struct tables_route, by_mode)},
    {.name = "internal", JSON_BOOL(struct tables_route, internal)},
    {.name = "effect", JSON_BOOL(struct tables_route, effect)},
    {.name = "creates", JSON_BOOL(struct tables_route, creates)},
    {.name = "streams", JSON_BOOL(struct tables_route, streams)},
    {.name = "compressed", JSON_BOOL(struct tables_route, compressed)},
    {.name = "summary", JSON_STR(struct tables_route, summary)},
    JSON_END};

static const struct json_field tables_error_fields[] = {
    {.name = "code", JSON_STR(struct tables_error, slug)},
    {.name = "status", JSON_I64(struct tables_error, status)},
    {.name = "type", JSON_STR(struct tables_error, type)},
    {.name = "message", JSON_STR(struct tables_error, message)},
    {.name = "retryable", JSON_BOOL(struct tables_error, retryable)},
    JSON_END};

static const struct json_field tables_fields[] = {
    {.name = "routes", JSON_ARRAY(struct tables, routes, struct tables_route, tables_route_fields)},
    {.name = "errors", JSON_ARRAY(struct tables, errors, struct tables_error, tables_error_fields)},
    JSON_END};
