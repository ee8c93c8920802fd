/* One request, from its parameters to its answer, its log line and its metrics. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "fcgi/input.h"
#include "fcgi/plan_told.h"
#include "fcgi/send.h"
#include "fcgi/serve.h"
#include "fcgi/usage.h"
#include "model/user/caps.h"

#define ASKED_NO 403        /* to nginx, whatever the reason is: the client gets that one when nginx asks again */
#define SLOW_US US_PER_SEC  /* a read that took longer is logged, although it succeeded */
#define RETRY_AFTER_SEC "2" /* of 503: long enough for a restart or a reconnect */

static size_t handle_read_stdin(void *arg, void *p, size_t n)
{
    FCGX_Request *q = arg;
    int got = FCGX_GetStr(p, (int)MIN(n, (size_t)1 << 20), q->in);

    return got > 0 ? (size_t)got : 0;
}

static bool handle_stdin_broken(void *arg)
{
    FCGX_Request *q = arg;

    return FCGX_GetError(q->in) != 0;
}

static struct str handle_param(FCGX_Request *q, const char *name)
{
    return str_from(FCGX_GetParam(name, q->envp));
}

/* The one that nginx made; a request that did not come from nginx gets one here, so that its log line can be found. */
static struct str handle_request_id(struct str given, struct arena *arena)
{
    struct uuid id;

    if (given.n == 32)
        return given;
    id = uuid_new();
    return hex_encode(arena, id.b, sizeof id.b);
}

/* IPv6: its /64, as in nginx. */
static struct uuid handle_network(struct str address)
{
    char text[INET6_ADDRSTRLEN];
    struct uuid id = {.b = {0xff}};

    if (address.n == 0 || address.n >= sizeof text)
        return id;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    struct in6_addr ip;
    if (inet_pton(AF_INET, text, &ip) == 1)
        memcpy(id.b + 1, &ip, sizeof(struct in_addr));
    else if (inet_pton(AF_INET6, text, &ip) == 1)
        memcpy(id.b + sizeof id.b / 2, &ip, sizeof id.b / 2);
    return id;
}

static void handle_read_request(struct ctx *c, FCGX_Request *q)
{
    struct request *r = &c->req;
    int64_t length;

    *r = (struct request){
        .method = handle_param(q, "REQUEST_METHOD"),
        .path = handle_param(q, "REQUEST_PATH"),
        .id = handle_request_id(handle_param(q, "REQUEST_ID"), c->arena),
        .is_private = handle_param(q, "PRIVATE").p != NULL,
        .body = {.source = handle_read_stdin, .broken = handle_stdin_broken, .arg = q, .content_length = -1},
    };
    for (char **param = q->envp; *param != NULL; param++)
        request_take_header(r, *param);
    if (str_to_i64(handle_param(q, "CONTENT_LENGTH"), &length))
        r->body.content_length = length;
    c->network = handle_network(handle_param(q, "REMOTE_ADDR"));
}

static void handle_allow_header(struct ctx *c, const struct route_match *m)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(256);

    for (size_t i = 0; i < m->allow_n; i++)
        buf_printf(&b, "%s%s", i == 0 ? "" : ", ", m->allow[i]);
    reply_header(&c->rep, "Allow", buf_str(&b));
}

/*
 * How long it has waited for a thread. SENT_AT is when nginx had the whole request and passed it on: seconds with three
 * decimals.
 */
static int64_t handle_waited_us(struct str sent_at)
{
    struct str sec;
    int64_t s, ms;
    struct timespec now;

    if (!str_cut(&sent_at, '.', &sec) || !str_to_i64(sec, &s) || !str_to_i64(sent_at, &ms))
        return 0;
    ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0); /* the clock that nginx uses; tests move only clock_now_us */
    return (now.tv_sec - s) * US_PER_SEC + now.tv_nsec / 1000 - ms * US_PER_MS;
}

static enum work_part handle_part_of(FCGX_Request *q)
{
    if (handle_param(q, "AUTHORIZE_ONLY").p != NULL)
        return PART_ASKED;
    return handle_param(q, "REFUSED").p != NULL ? PART_REFUSED : PART_ALL;
}

/* JSON brings no images, only the ids of some. */
static bool handle_is_light_json(struct ctx *c, const struct route *route)
{
    return route->json_max_bytes > 0 && str_eqc(request_media_type(&c->req, c->arena), "application/json");
}

/* A route without a body ignores what it is sent, unless it would be the one to let it onto nginx's disk. */
static bool handle_is_too_long(const struct ctx *c, enum work_part part)
{
    bool counts = c->req.body.max_bytes > 0 || part != PART_ALL;

    return counts && c->req.body.content_length > (int64_t)c->req.body.max_bytes;
}

/*
 * RFC 9110 8.4: encoded with what nobody here decodes. Without the header, or with identity, it is not. The header is a list, and
 * two of them are one list (5.3).
 */
static bool handle_is_encoded(const struct request *r)
{
    bool is_identity = r->content_encoding.n == 0 || str_ieq(r->content_encoding, STR("identity"));

    return !is_identity || r->content_encoding_times > 1;
}

/* What a body is must be said in one way: two types would be one for us, and another for whoever stands before us. */
static enum err handle_check_body(const struct request *r)
{
    if (r->content_type_times > 1)
        return ERR_TYPE_REPEATED;
    return handle_is_encoded(r) ? ERR_UNSUPPORTED_CODING : OK;
}

/* Enforces the columns of the route but its rate; the first error ends it. */
static enum err handle_check(struct work *w)
{
    const struct route_match *m = &w->match;
    struct ctx *c = &w->ctx;

    if (m->other != NULL)
        access_tell_who(c, m->other);
    if (m->route == NULL)
        return m->allow_n == 0 ? ERR_NOT_FOUND : ERR_METHOD_NOT_ALLOWED;
    memcpy(c->req.param, m->param, sizeof c->req.param);
    c->req.body.max_bytes = handle_is_light_json(c, m->route) ? m->route->json_max_bytes : m->route->body_max_bytes;
    enum err e = form_parse(c->arena, handle_param(&w->q, "QUERY_STRING"), &c->req.query);
    if (e != OK) {
        access_tell_who(c, m->route);
        return e;
    }
    e = access_check(c, m->route);
    if (e != OK)
        return e;
    if (m->route->creates && (e = idempotent_read(c)) != OK)
        return e;
    e = access_check_recent(c, m->route);
    if (e != OK && (e = idempotent_let_in(c, e)) != OK)
        return e;
    if (m->route->body_max_bytes > 0 && (e = handle_check_body(&c->req)) != OK)
        return e;
    return handle_is_too_long(c, w->part) ? ERR_BODY_TOO_LARGE : OK;
}

/* Who has waited for too long may be gone, and working on it would only make the next ones wait, too. */
static enum err handle_admit(struct work *w, int64_t wait_left_us)
{
    if (wait_left_us < 0)
        return ERR_BUSY;
    enum err e = handle_check(w);
    return rate_admit(&w->ctx, w->match.route, w->part == PART_ASKED, e);
}

static bool handle_only_reads(const struct ctx *c, const struct route *route)
{
    return route->effect == EFFECT_NONE && (str_eqc(c->req.method, "GET") || str_eqc(c->req.method, "HEAD"));
}

/*
 * A read that also writes a note (a job, say): to the one who asked, nothing has happened. And where a part has been done that
 * stays, nobody is told that nothing was changed.
 */
static enum err handle_run_handler(struct ctx *c, const struct route *route)
{
    enum err e = plan_told(c, route->creates ? idempotent_run(c, route) : route->handler(c));

    if (e == ERR_OUTCOME_UNKNOWN && handle_only_reads(c, route))
        return ERR_DB_UNAVAILABLE;
    return e == ERR_DB_UNAVAILABLE && c->problems.left_something ? ERR_UNAVAILABLE : e;
}

/*
 * A refused request that has nothing wrong about it now was refused for something that has passed, like a database that
 * was away. Its body is gone, so its sender must come again. But where no body is taken, nginx refuses only one that is
 * too long for it.
 */
static enum err handle_run(struct ctx *c, const struct route *route, enum work_part part)
{
    switch (part) {
    case PART_ALL:
        return handle_run_handler(c, route);
    case PART_ASKED:
        return reply_nothing(&c->rep);
    case PART_REFUSED:
        return route->body_max_bytes == 0 ? ERR_BODY_TOO_LARGE : ERR_BUSY;
    }
    return ERR_INTERNAL;
}

/*
 * Whether a person is told by a page. Not who has not signed in: the address in the browser still works after the sign-in,
 * so it stays.
 */
static bool handle_shows_page(const struct ctx *c, const struct route *route, enum err code)
{
    return route != NULL && route->browser_page != NULL && input_wants_html(c) && err_is_shown(code) &&
           code != ERR_INTERNAL && err_status(code) != 401;
}

static int64_t handle_wait_sec(const struct ctx *c)
{
    return MAX(1, c->retry_after_sec != 0 ? c->retry_after_sec : c->rate.wait_sec);
}

/* The header that belongs to an error: how to sign in, what the key lacks, which methods there are, how to encode, when to try again. */
static void handle_error_header(struct ctx *c, enum err code, const struct route_match *m)
{
    switch (err_status(code)) {
    case 401:
        reply_header(&c->rep, "WWW-Authenticate", STR("Bearer"));
        return;
    case 403:
        if (code == ERR_SCOPE_MISSING) /* RFC 6750 3.1 */
            reply_header(&c->rep, "WWW-Authenticate",
                         arena_printf(c->arena, "Bearer error=\"insufficient_scope\", scope=\"%s\"",
                                      scope_name(m->route->scope)));
        return;
    case 405:
        handle_allow_header(c, m);
        return;
    case 415:
        if (code == ERR_UNSUPPORTED_CODING) /* RFC 9110 15.5.16 */
            reply_header(&c->rep, "Accept-Encoding", STR("identity"));
        return;
    case 429:
        reply_header(&c->rep, "Retry-After", arena_printf(c->arena, "%lld", (long long)handle_wait_sec(c)));
        return;
    case 503:
        if (!c->problems.used_up)
            reply_header(&c->rep, "Retry-After", STR(RETRY_AFTER_SEC));
        return;
    default:
        return;
    }
}

static void handle_answer_error(struct ctx *c, enum err e, const struct route_match *m, enum work_part part)
{
    enum err code = e == ERR_VALIDATION && c->problems.n > 0 ? problems_err(&c->problems) : e;

    if (handle_shows_page(c, m->route, code)) {
        enum err sent =
            reply_redirect(&c->rep, arena_printf(c->arena, "%s?error=%s", m->route->browser_page, err_slug(code)));
        ASSERT(sent == OK);
        return;
    }
    if (c->app->answer_error != NULL && part != PART_ASKED) {
        c->app->answer_error(c, code);
        return;
    }
    caps_explain(c->conf, c->arena, e, &c->problems);
    reply_error(&c->rep, code, &c->problems);
    if (part == PART_ASKED)
        c->rep.status = ASKED_NO;
    else
        handle_error_header(c, code, m);
}

/* RFC 9110 15.3.2: where that is which was made, also when the answer is an earlier one. */
static void handle_say_where(struct ctx *c, const struct route *route)
{
    const struct str before_id = STR("{\"data\":{\"id\":\"");
    struct str body = buf_str(&c->rep.body);

    if (route->makes == NULL)
        return;
    ASSERT(str_starts(body, before_id));
    struct str id = str_head(str_skip(body, before_id.n), UUID_TEXT_SIZE - 1);
    reply_header(&c->rep, "Location", arena_printf(c->arena, "%s%.*s", route->makes, STR_FMT(id)));
}

static struct sent handle_send_stream(struct ctx *c, FCGX_Request *q, const struct route_match *m)
{
    ASSERT(m->route->streams);
    if (str_eqc(c->req.method, "HEAD"))
        return send_head(&c->rep, q);
    struct sent sent = send_stream(c->shared->streams, &c->rep, q);
    if (sent.e == OK || sent.cut)
        return sent;
    handle_answer_error(c, sent.e, m, PART_ALL);
    sent.bytes = send_whole(&c->rep, q).bytes;
    return sent;
}

/* The texts of these errors quote values from the statement. */
static bool handle_quotes_data(unsigned db_error_number)
{
    return db_error_number == 1062 || db_error_number == 1366;
}

/* The status that was sent; or that of an error of ours, when a stream broke off. A client may leave at any time. */
static int handle_outcome(const struct ctx *c, const struct sent *sent)
{
    bool broke = sent->cut && sent->e != ERR_CLIENT_GONE;

    return broke ? MAX(err_status(sent->e), err_status(ERR_INTERNAL)) : c->rep.status;
}

/* Reads that succeed at once are nearly all requests, and nginx's access log has a line for each of them. */
static enum log_level handle_level(const struct route *route, enum err e, int outcome, int64_t took_us)
{
    bool is_read = route != NULL && strcmp(route->method, "GET") == 0 && route->effect == EFFECT_NONE;

    if (outcome >= 500)
        return LOG_ERROR;
    return is_read && route->cost == COST_LIGHT && e == OK && outcome < 400 && took_us < SLOW_US ? LOG_DEBUG : LOG_INFO;
}

static void handle_log_request(struct ctx *c, const struct route *route, enum err e, const struct sent *sent,
                               int64_t started_us)
{
    int64_t took_us = clock_mono_us() - started_us;
    bool failed = handle_outcome(c, sent) >= 500;
    bool db_failed = failed && db_errno(c->db) != 0;
    struct uuid_text user = uuid_text(&c->caller.user_id), key = uuid_text(&c->caller.key_id);

    log_event(
        handle_level(route, e, handle_outcome(c, sent), took_us), "request", LOG_STR("request_id", c->req.id),
        LOG_STR("method", c->req.method), LOG_CSTR("route", route != NULL ? route->pattern : NULL),
        LOG_INT("status", c->rep.status), LOG_CSTR("code", e != OK ? err_slug(e) : NULL), LOG_CSTR("why", c->log_why),
        LOG_STR("about", c->log_about), LOG_INT("duration_us", took_us),
        LOG_CSTR("user_id", uuid_is_none(&c->caller.user_id) ? NULL : user.s),
        LOG_CSTR("key_id", uuid_is_none(&c->caller.key_id) ? NULL : key.s),
        LOG_INT("body_bytes", (int64_t)c->req.body.read_bytes), LOG_INT("sent_bytes", (int64_t)sent->bytes),
        LOG_STR("provider_request_id", c->provider_said.request_id), LOG_STR("provider_error", c->provider_said.error),
        LOG_CSTR("sent", sent->cut ? "in part" : NULL), LOG_INT("db_errno", db_failed ? db_errno(c->db) : 0),
        LOG_CSTR("db_error", db_failed && !handle_quotes_data(db_errno(c->db)) ? db_error(c->db) : NULL), LOG_END);
}

static struct turn handle_turn_of(struct work *w, int64_t until_us)
{
    const struct uuid *user = &w->ctx.caller.user_id;
    bool is_user = !uuid_is_none(user);

    return (struct turn){.user = is_user ? *user : w->ctx.network,
                         .places = is_user ? TURNS_LINE_USER : TURNS_LINE_NETWORK,
                         .until_us = until_us};
}

static enum route_cost handle_cost(struct ctx *c, const struct route *route)
{
    return route == NULL || handle_is_light_json(c, route) ? COST_LIGHT : route->cost;
}

/* How long it may wait for a thread. Who has sent images waits longer than it takes to be told to send them again. */
static int64_t handle_patience_us(const struct work *w, enum route_cost cost)
{
    const struct conf *conf = w->ctx.conf;
    bool has_images =
        w->part == PART_ALL && cost == COST_HEAVY && w->match.route->body_max_bytes > ROUTE_SMALL_BODY_BYTES;

    return (has_images ? conf->store_queue_sec : conf->service_queue_sec) * US_PER_SEC;
}

static void handle_note(struct work *w, enum err e, const struct sent *sent)
{
    struct ctx *c = &w->ctx;

    handle_log_request(c, w->match.route, e, sent, w->started_us);
    if (w->part != PART_ASKED && !uuid_is_none(&c->caller.key_id) && !serve_is_unchecked(c->shared))
        usage_note(c->shared->usage, &c->caller.key_id, handle_outcome(c, sent), clock_now_us());
    app_metrics_request(c->shared->metrics, w->match.route, w->part == PART_ASKED, handle_outcome(c, sent),
                        clock_mono_us() - w->started_us);
}

/*
 * What is better told before the body comes: that there would be no place for it later, or what the handler would refuse
 * anyway. A repeat gets its answer, whatever has become since of what its first was allowed.
 */
static enum err handle_before_body(struct work *w)
{
    struct ctx *c = &w->ctx;
    const struct route *route = w->match.route;

    if (!turns_have_room(c->shared->turns, &w->turn))
        return ERR_BUSY;
    enum err e = route->before_body == NULL ? OK : route->before_body(c);
    return e != OK && idempotent_repeats(c) ? OK : plan_told(c, e);
}

void handle_begin(struct shared *shared, struct db *db, struct work *w)
{
    struct ctx *c = &w->ctx;

    w->started_us = clock_mono_us();
    *c = (struct ctx){.app = shared->app,
                      .conf = shared->conf,
                      .db = db,
                      .arena = &w->arena,
                      .state = shared->state,
                      .shared = shared};
    handle_read_request(c, &w->q);
    reply_init(&c->rep, c->arena, c->req.id);
    w->match = route_find(shared->app->routes, c->req.method, c->req.path);
    w->part = handle_part_of(&w->q);
    enum route_cost cost = handle_cost(c, w->match.route);
    int64_t left_us = handle_patience_us(w, cost) - handle_waited_us(handle_param(&w->q, "SENT_AT"));
    w->e = handle_admit(w, left_us);
    w->turn = handle_turn_of(w, w->started_us + left_us);
    if (w->e != OK)
        return;
    w->turn.cost = cost;
    if (w->part == PART_ALL)
        return;
    w->e = handle_before_body(w);
    w->turn.cost = COST_LIGHT; /* its head alone */
}

/*
 * nginx counts by it the bodies that go to its disk, because one user may have many keys and sessions
 * (nginx/snippets/maps.conf). Small ones stay in its memory, and are over at once. It is not told whose a refused one is: it waits a
 * while for what is still sent of it, and a key that may send none would hold its user's places.
 */
static void handle_say_whose(struct ctx *c)
{
    struct uuid_text user = uuid_text(&c->caller.user_id);
    int64_t length = c->req.body.content_length;
    bool is_large = length < 0 || length > (int64_t)ROUTE_SMALL_BODY_BYTES;

    if (is_large && !uuid_is_none(&c->caller.user_id))
        reply_standing_header(&c->rep, "X-Uploader", arena_str(c->arena, str_from(user.s)));
}

bool handle_end(struct db *db, struct work *w)
{
    struct ctx *c = &w->ctx;
    enum err e = w->e;

    c->db = db;
    guard_go_on(&w->guard);
    if (e == OK)
        e = handle_run(c, w->match.route, w->part);
    rate_settle(c, e);
    if (e != OK)
        handle_answer_error(c, e, &w->match, w->part);
    else if (w->part == PART_ALL)
        handle_say_where(c, w->match.route);
    ASSERT(c->rep.status != 0);
    rate_put_headers(c);
    if (w->part == PART_ASKED && e == OK)
        handle_say_whose(c);
    body_drain(&c->req.body); /* on a kept connection, the rest would be taken for the next request */
    struct sent sent = c->rep.stream != NULL ? handle_send_stream(c, &w->q, &w->match) : send_whole(&c->rep, &w->q);
    if (sent.e != OK)
        e = sent.e;
    if (w->part != PART_ASKED || w->match.route != NULL) /* else somebody asks whether we are there (net/probe.h) */
        handle_note(w, e, &sent);
    reply_done(&c->rep);
    arena_clear(c->arena); /* now, and not when the next request comes: it may hold a password */
    return !sent.cut;
}
