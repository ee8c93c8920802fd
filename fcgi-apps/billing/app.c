#include "billing_app.h"

const struct app app_billing = {.name = "billing", .routes = (const struct route *const[]){billing_routes, NULL}};
