/*
 * marketingcli-admin routes: METHOD PATH AUTH SCOPE SUMMARY of every app, one a line, no header. The rows are the
 * programs' own: every app is linked in.
 */
#include <stdio.h>

#include "admin.h"
#include "fcgi/app.h"

#define APP(name) extern const struct app app_##name;
#include "apps.h"
#undef APP

static const struct app *const routes_apps[] = {
#define APP(name) &app_##name,
#include "apps.h"
#undef APP
    NULL,
};

/* Calls show with every route of every app. */
static void routes_each_route(void (*show)(const struct route *r))
{
    for (const struct app *const *a = routes_apps; *a != NULL; a++)
        for (const struct route *const *table = (*a)->routes; *table != NULL; table++)
            for (const struct route *r = *table; r->method != NULL; r++)
                show(r);
}

static void routes_show_policy(const struct route *r)
{
    printf("%s %s %s %s %s\n", r->method, r->pattern, route_auth_name(r->auth), r->scope == NULL ? "-" : r->scope,
           r->summary == NULL ? "" : r->summary);
}

static void routes_show_limit(const struct route *r)
{
    printf("%s %s %llu %s\n", r->method, r->pattern, (unsigned long long)r->body_max_bytes,
           r->effect == EFFECT_GET ? "effect" : "-");
}

int verb_routes(int argc, char **argv)
{
    if (!options_read(argc, argv, (const struct option[]){{NULL, NULL}}))
        return EXIT_USAGE;
    routes_each_route(routes_show_policy);
    return EXIT_DONE;
}

int verb_limits(int argc, char **argv)
{
    if (!options_read(argc, argv, (const struct option[]){{NULL, NULL}}))
        return EXIT_USAGE;
    routes_each_route(routes_show_limit);
    return EXIT_DONE;
}
