#include "sandbox/sandbox.h"

static const struct route *const sandbox_routes[] = {oauth_routes,   consent_routes, user_routes,
                                                     publish_routes, page_routes,    NULL};

extern const struct app app_sandbox;
const struct app app_sandbox = {
    .name = "sandbox",
    .routes = sandbox_routes,
    .start = puller_start,
    .stop = puller_stop,
    .background = puller_run,
    .background_n = puller_n,
    .answer_error = answer_error,
};
