#include "fcgi/image_intake.h"
#include "uploads/uploads.h"

const struct app app_uploads = {
    .name = "uploads",
    .routes = (const struct route *const[]){uploads_routes, image_routes, NULL},
    .start = image_intake_start,
    .fit = image_intake_fit,
    .stop = image_intake_stop,
};
