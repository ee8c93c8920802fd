#include "privacy/privacy_app.h"

const struct app app_privacy = {
    .name = "privacy",
    .routes = (const struct route *const[]){data_routes, erasure_routes, NULL},
};
