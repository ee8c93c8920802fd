#include "sandbox/sandbox.h"

static const struct route *const sandbox_routes[] = {oauth_routes,   consent_routes, user_routes,
                                                     publish_routes, page_routes,    NULL};

extern const struct app app_sandbox;
const struct app app_sandbox = {
    .name = "sandbox",
    .routes = sandbox_routes,
    .background = puller_run,
    .answer_error = answer_error,
};
