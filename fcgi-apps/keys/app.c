#include "keys/keys.h"

const struct app app_keys = {
    .name = "keys",
    .routes = (const struct route *const[]){keys_routes, health_routes, NULL},
};
