/*
 * Is the service well? For monitors and load balancers, which have no key; so the answers say only that, and which part
 * is not.
 */
#include "base/clock.h"
#include "keys/keys.h"
#include "model/job/heartbeat.h"
#include "db/schema.h"

#define JSON_TYPE_TEXT "application/json"

/* What may not be ready. While the database is away, nobody knows about the rest. */
struct parts {
    bool database, schema, worker[JOB_CLASS__MAX];
};

static void health_put_part(struct buf *b, size_t *n, bool fails, const char *before, const char *name)
{
    if (fails)
        buf_printf(b, "%s\"%s%s\"", (*n)++ == 0 ? "" : ",", before, name);
}

static enum err health_alive(struct ctx *c)
{
    return reply_body(&c->rep, err_status(OK), JSON_TYPE_TEXT, STR("{\"status\":\"ok\"}"));
}

static enum err health_look(struct ctx *c, struct parts *parts)
{
    enum err e = schema_check(c->db);

    if (e == ERR_CONFLICT) {
        parts->schema = true;
        return OK; /* the rest may not be there yet */
    }
    return e != OK ? e : heartbeat_late(c->db, c->arena, clock_now_us(), parts->worker);
}

static enum err health_ready(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1024);
    struct parts p = {0};
    size_t n = 0;

    p.database = health_look(c, &p) != OK;
    buf_puts(&b, "{\"status\":\"not_ready\",\"parts\":[");
    health_put_part(&b, &n, p.database, "", "database");
    health_put_part(&b, &n, p.schema, "", "schema");
    for (int i = 0; i < JOB_CLASS__MAX; i++)
        health_put_part(&b, &n, p.worker[i], "worker-", job_class_names[i]);
    buf_puts(&b, "]}");
    if (n == 0)
        return reply_body(&c->rep, err_status(OK), JSON_TYPE_TEXT, STR("{\"status\":\"ready\"}"));
    reply_header(&c->rep, "Retry-After", STR(RETRY_AFTER_SEC));
    return reply_body(&c->rep, err_status(ERR_UNAVAILABLE), JSON_TYPE_TEXT, buf_str(&b));
}

const struct route health_routes[] = {
    {.method = "GET",
     .pattern = "/healthz",
     .handler = health_alive,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Does the service answer?"},
    {.method = "GET",
     .pattern = "/readyz",
     .handler = health_ready,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Are the database, its schema and the workers there? 503 names what is not"},
    ROUTE_END,
};
