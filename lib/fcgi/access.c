/* Who asks, and whether they may: a route's auth, enforced before its handler runs. */
#include "base/clock.h"
#include "base/log.h"
#include "http/authorization.h"
#include "http/cookie.h"
#include "model/key/key.h"
#include "model/user/session.h"
#include "model/user/user.h"
#include "fcgi/serve.h"

static bool access_is_safe(struct str method)
{
    return str_eqc(method, "GET") || str_eqc(method, "HEAD");
}

static const struct plan *access_plan(const struct ctx *c, const struct plan_terms *terms)
{
    return plan_now(plans_of(c->conf), terms, clock_now_us()).plan;
}

static enum err access_by_key(struct ctx *c, struct str text)
{
    struct key key;

    enum err e = key_authenticate(c->db, c->shared->key_cache, c->arena, text, &key);
    if (e != OK)
        return e;
    c->caller = (struct caller){.kind = CALLER_KEY,
                                .mode = key.mode,
                                .user_id = key.user_id,
                                .key_id = key.id,
                                .key_name = key.name,
                                .key_prefix = key.prefix,
                                .key_scopes = key.scopes,
                                .key_has_budget = key.has_budget,
                                .plan = access_plan(c, &key.plan),
                                .key_expires_at_us = key.expires_at_us};
    return OK;
}

static enum err access_by_session(struct ctx *c, struct str token)
{
    struct session session;

    enum err e = session_authenticate(c->db, c->arena, c->conf, token, &session);
    if (e != OK)
        return e;
    c->caller = (struct caller){.kind = CALLER_SESSION,
                                .user_id = session.user_id,
                                .session_id = session.id,
                                .session_token = token,
                                .plan = access_plan(c, &session.plan),
                                .is_erasing = session.user_state == USER_ERASING,
                                .is_recent = session_is_recent(&session)};
    return OK;
}

/*
 * Authorization wins over the cookie: whoever sends a key wants it to be used. nginx counts what is taken here and nothing
 * else ($mcli_caller in nginx/snippets/maps.conf).
 */
static enum err access_identify(struct ctx *c)
{
    struct str token;

    if (c->req.authorization.p != NULL) {
        bool is_bearer = authorization_cut(c->req.authorization, STR("Bearer"), &token);
        return is_bearer ? access_by_key(c, token) : ERR_UNAUTHENTICATED;
    }
    enum err e = cookie_get(c->req.cookie, STR(SESSION_COOKIE), &token);
    if (e != OK)
        return e;
    return token.p == NULL ? ERR_UNAUTHENTICATED : access_by_session(c, token);
}

/*
 * A form on somebody else's page can make a browser send our cookie, or sign a user in to somebody else's account.
 * Browsers say where a request comes from (Origin, Sec-Fetch-Site). A request with our cookie must say it (must_say);
 * one without need not, but is refused as well if it names another origin. Sec-Fetch-Site: none is no page at all, as
 * when an address is typed; no such thing sends more than a GET.
 */
static bool access_is_cross_origin(const struct ctx *c, bool must_say)
{
    const struct request *r = &c->req;

    if (access_is_safe(r->method))
        return false;
    if (r->origin.p != NULL)
        return !str_eq(r->origin, c->conf->service_url);
    if (r->sec_fetch_site.p != NULL)
        return !str_eqc(r->sec_fetch_site, "same-origin");
    return must_say;
}

/* Says which scope is missing; the header that goes with it is in handle.c. */
static enum err access_by_scope(struct ctx *c, enum key_scope scope)
{
    if (serve_is_unchecked(c->shared) || scope_in(c->caller.key_scopes, scope))
        return OK;
    problem_add_text(
        &c->problems, ERR_SCOPE_MISSING, (struct str){0},
        arena_printf(c->arena, "This API key may not do this: it does not have the scope %s.", scope_name(scope)));
    return ERR_SCOPE_MISSING;
}

/*
 * Where the route has a mode, a session says which: ?mode=test, or live without it. A key has one, and may say so; what it asks
 * for in the other one is a mistake, and not answered with something else.
 */
static enum err access_mode(struct ctx *c, const struct route *route)
{
    struct str text = form_get(&c->req.query, "mode");
    int mode = MODE_LIVE;

    c->takes_mode = route->by_mode;
    if (!route->by_mode || text.p == NULL)
        return OK;
    while (mode < MODE__MAX && !str_eqc(text, mode_names[mode]))
        mode++;
    if (mode == MODE__MAX) {
        problem_add_text(&c->problems, ERR_FIELD_VALUE, STR("mode"), STR("This must be live or test."));
        return ERR_VALIDATION;
    }
    if (c->caller.kind == CALLER_KEY && mode != c->caller.mode) {
        problem_add_text(
            &c->problems, ERR_FIELD_VALUE, STR("mode"),
            arena_printf(c->arena, "This key is for %s data only, and need not say so.", mode_names[c->caller.mode]));
        return ERR_VALIDATION;
    }
    c->caller.mode = mode;
    return OK;
}

static enum err access_by_columns(struct ctx *c, const struct route *route)
{
    if (route->auth == AUTH_FOREIGN)
        return OK;
    if (route->auth == AUTH_NONE)
        return access_is_cross_origin(c, false) ? ERR_CROSS_ORIGIN : OK;
    enum err e = access_identify(c);
    if (e != OK)
        return e;
    if (c->caller.is_erasing && !route->while_erasing)
        return ERR_ACCOUNT_ERASING;
    if (c->caller.kind == CALLER_SESSION)
        return access_is_cross_origin(c, true) ? ERR_CROSS_ORIGIN : OK;
    return route->auth == AUTH_SESSION ? ERR_SESSION_REQUIRED : access_by_scope(c, route->scope);
}

void access_tell_who(struct ctx *c, const struct route *route)
{
    bool identifies = route->auth == AUTH_ANY || route->auth == AUTH_SESSION;

    if (!identifies || access_identify(c) != OK)
        c->caller = (struct caller){0};
}

enum err access_check(struct ctx *c, const struct route *route)
{
    enum err e = access_by_columns(c, route);

    return e == OK ? access_mode(c, route) : e;
}

enum err access_check_recent(const struct ctx *c, const struct route *route)
{
    return route->recent_auth && !c->caller.is_recent ? ERR_RECENT_AUTH : OK;
}
