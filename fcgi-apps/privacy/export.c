/* POST /api/v1/privacy/export: a ZIP of everything that is held of the user. It is read before the first byte, and kept nowhere. */
#include "model/privacy/export.h"

#include "base/rest.h"
#include "fcgi/input.h"
#include "privacy/pace.h"
#include "privacy/privacy_app.h"

#define EXPORT_TIMEOUT_SEC \
    600 /* until the first byte: a hundred thousand posts take ten seconds, with a busy database a few times that */

struct export_stream {
    struct ctx *c;
    struct export *export;
    struct sink *sink;
    bool given;
    struct pace pace;
    struct rest rest;
};

static enum err export_give_to(struct ctx *c, bool only_look)
{
    return export_give(c->db, c->arena, c->conf, &c->caller.user_id, only_look, &c->retry_after_sec);
}

/* What fails before there is something to send is answered as any error, and is not counted. */
static enum err export_send(void *arg, struct str bytes)
{
    struct export_stream *s = arg;
    enum err e = s->given ? OK : export_give_to(s->c, false);

    if (e != OK)
        return e;
    s->given = true;
    rest_take(&s->rest);
    int64_t began_us = clock_mono_us();
    e = sink_put(s->sink, bytes);
    int64_t waited_us = clock_mono_us() - began_us;
    pace_note(&s->pace, bytes.n, waited_us);
    rest_waited(&s->rest, waited_us);
    if (e != OK || !pace_is_too_slow(&s->pace, s->c->conf->privacy_export_kb_sec))
        return e;
    s->c->log_why = "the reader is too slow";
    return ERR_CLIENT_GONE;
}

static enum err export_stream(struct sink *sink, void *arg)
{
    struct export_stream *s = arg;

    s->sink = sink;
    enum err e = export_write(s->export, export_send, s);
    if (e == OK && export_told(s->export)->unread > 0)
        s->c->log_why = "images could not be read";
    return e;
}

static void export_over(void *arg)
{
    export_free(arg);
}

static void export_headers(struct ctx *c, const struct export_told *told)
{
    char at[TIME_TEXT_SIZE];

    time_format(told->taken_at_us, at);
    reply_header(&c->rep, "Content-Disposition",
                 arena_printf(c->arena, "attachment; filename=\"export-%.10s.zip\"", at));
    reply_header(&c->rep, "Cache-Control", STR("no-store"));
    reply_header(&c->rep, "X-Export-Records", arena_printf(c->arena, "%lld", (long long)told->rows));
    reply_header(&c->rep, "X-Export-Images", arena_printf(c->arena, "%lld", (long long)told->images));
    reply_header(&c->rep, "X-Export-Image-Bytes", arena_printf(c->arena, "%lld", (long long)told->image_bytes));
}

static enum err export_post(struct ctx *c)
{
    struct privacy *p = c->state;
    struct export_from from = {.conf = c->conf, .store = &p->store, .user_id = c->caller.user_id};
    struct export *x = NULL;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = export_give_to(c, true);
    if (e == OK)
        e = export_read(c->db, &from, &x);
    if (e != OK)
        return e;
    reply_when_over(&c->rep, export_over, x);
    struct export_stream *s = arena_alloc(c->arena, sizeof *s);
    *s = (struct export_stream){.c = c, .export = x};
    e = reply_stream(&c->rep, 200, "application/zip", export_stream, s);
    export_headers(c, export_told(x));
    return e;
}

const struct route export_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/privacy/export",
     .handler = export_post,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .timeout_sec = EXPORT_TIMEOUT_SEC,
     .streams = true,
     .summary = "Everything that is held of the user, as a ZIP"},
    ROUTE_END,
};
