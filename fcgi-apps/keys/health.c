/* Is the service well? For monitors and load balancers, which have no key; so the answers name parts and no more. */
#include "keys/keys.h"
#include "keys/ready.h"

struct health_part {
    struct str name;
    int state;
};

struct health_ready {
    struct str status;
    int64_t checked_at_us;
    struct json_array parts;
};

static const struct json_field health_ready_fields[];

static enum err health_alive(struct ctx *c)
{
    return reply_body(&c->rep, err_status(OK), "application/json", STR("{\"status\":\"ok\"}"));
}

/* A problem for each part that is missed. */
static void health_note_missed(struct ctx *c, const struct ready *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->parts[i].state == READY_DOWN && !r->parts[i].can_wait)
            problem_add_text(&c->problems, ERR_UNAVAILABLE, str_from(r->parts[i].name),
                             STR("This part does not answer."));
}

static enum err health_ready(struct ctx *c)
{
    const struct keys_state *state = c->state;
    struct ready r;
    size_t up = 0;

    enum err e = ready_ask(state->ready, &r);
    if (e != OK)
        return e;
    health_note_missed(c, &r);
    if (c->problems.n > 0)
        return ERR_UNAVAILABLE;
    struct health_part *parts = arena_array(c->arena, r.n, sizeof *parts);
    for (size_t i = 0; i < r.n; i++) {
        parts[i] = (struct health_part){.name = str_from(r.parts[i].name), .state = (int)r.parts[i].state};
        up += r.parts[i].state == READY_UP;
    }
    struct health_ready shown = {.status = up == r.n ? STR("ready") : STR("degraded"),
                                 .checked_at_us = r.at_us,
                                 .parts = {.v = parts, .n = r.n}};
    return reply_data(&c->rep, err_status(OK), health_ready_fields, &shown);
}

static const struct json_field health_part_fields[] = {
    {.name = "name", JSON_STR(struct health_part, name), .help = "database, schema, or a service"},
    {.name = "status", JSON_ENUM(struct health_part, state, ready_state_names), .help = "Whether it answers"},
    JSON_END};

static const struct json_field health_ready_fields[] = {
    {.name = "status",
     JSON_STR(struct health_ready, status),
     .help = "ready, or degraded: a part is not up, but users do not miss it"},
    {.name = "checked_at", JSON_TIME(struct health_ready, checked_at_us), .help = "When it was looked at"},
    {.name = "parts",
     JSON_ARRAY(struct health_ready, parts, struct health_part, health_part_fields),
     .help = "Each part"},
    JSON_END};

const struct route health_routes[] = {
    {.method = "GET",
     .pattern = "/healthz",
     .handler = health_alive,
     .auth = AUTH_FOREIGN,
     .rate = RATE_HEALTH,
     .summary = "Does the service answer?"},
    {.method = "GET",
     .pattern = "/readyz",
     .handler = health_ready,
     .auth = AUTH_FOREIGN,
     .rate = RATE_HEALTH,
     .summary = "Are all its parts there? 503 names those that are not"},
    ROUTE_END,
};
