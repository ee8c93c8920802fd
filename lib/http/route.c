#include "http/route.h"

static bool route_is_param(struct str segment)
{
    return segment.n > 2 && segment.p[0] == '{' && segment.p[segment.n - 1] == '}';
}

/* Does path fit pattern? ret_param gets what stands for each {name}. */
static bool route_fits(struct str pattern, struct str path, struct str ret_param[static ROUTE_PARAMS_MAX])
{
    struct str want, have;
    size_t n = 0;

    while (str_next(&pattern, '/', &want)) {
        if (!str_next(&path, '/', &have))
            return false;
        if (!route_is_param(want)) {
            if (!str_eq(want, have))
                return false;
            continue;
        }
        ASSERT(n < ROUTE_PARAMS_MAX);
        if (have.n == 0)
            return false;
        ret_param[n++] = have;
    }
    return path.p == NULL;
}

/* Of two patterns that fit the same path: is a the one with a literal where they first differ? */
static bool route_is_closer(struct str a, struct str b)
{
    struct str in_a, in_b;

    while (str_next(&a, '/', &in_a) && str_next(&b, '/', &in_b))
        if (route_is_param(in_a) != route_is_param(in_b))
            return route_is_param(in_b);
    return false;
}

static bool route_takes(const struct route *r, struct str method)
{
    bool head_of_get = str_eqc(method, "HEAD") && str_eqc(STR("GET"), r->method) && r->effect != EFFECT_GET;

    return str_eqc(method, r->method) || head_of_get;
}

static void route_allow_method(struct route_match *m, const char *method)
{
    for (size_t i = 0; i < m->allow_n; i++)
        if (str_eqc(str_from(method), m->allow[i]))
            return;
    if (m->allow_n < ARRAY_LEN(m->allow))
        m->allow[m->allow_n++] = method;
}

static void route_allow(struct route_match *m, const struct route *r)
{
    route_allow_method(m, r->method);
    if (route_takes(r, STR("HEAD")))
        route_allow_method(m, "HEAD");
}

static void route_consider(struct route_match *m, const struct route *r, struct str method, struct str path)
{
    struct str param[ROUTE_PARAMS_MAX] = {0};

    if (!route_fits(str_from(r->pattern), path, param))
        return;
    route_allow(m, r);
    if (m->other == NULL)
        m->other = r;
    if (!route_takes(r, method))
        return;
    if (m->route != NULL && !route_is_closer(str_from(r->pattern), str_from(m->route->pattern)))
        return;
    m->route = r;
    memcpy(m->param, param, sizeof param);
}

struct route_match route_find(const struct route *const *tables, struct str method, struct str path)
{
    struct route_match m = {0};

    for (; *tables != NULL; tables++)
        for (const struct route *r = *tables; r->method != NULL; r++)
            route_consider(&m, r, method, path);
    if (m.route != NULL) {
        m.allow_n = 0;
        m.other = NULL;
    }
    return m;
}

const char *route_auth_name(enum route_auth auth)
{
    static const char *const names[] = {[AUTH_UNSET] = "unset",
                                        [AUTH_NONE] = "none",
                                        [AUTH_SESSION] = "session",
                                        [AUTH_ANY] = "any",
                                        [AUTH_FOREIGN] = "foreign"};

    ASSERT((size_t)auth < ARRAY_LEN(names));
    return names[auth];
}

const char *route_rate_name(enum route_rate rate)
{
    static const char *const names[] = {
        [RATE_UNSET] = "unset",       [RATE_READ] = "read", [RATE_IMAGES] = "images", [RATE_WRITE] = "write",
        [RATE_POST] = "post",         [RATE_AUTH] = "auth", [RATE_HEALTH] = "health", [RATE_SIGNED] = "signed",
        [RATE_DELIVERY] = "delivery", [RATE_NONE] = "none"};

    ASSERT((size_t)rate < ARRAY_LEN(names));
    return names[rate];
}

const char *route_cost_name(enum route_cost cost)
{
    static const char *const names[] = {[COST_LIGHT] = "light", [COST_HEAVY] = "heavy", [COST_OUTSIDE] = "outside"};

    ASSERT((size_t)cost < ARRAY_LEN(names));
    return names[cost];
}
