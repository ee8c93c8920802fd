#include "fcgi/image_intake.h"
#include "posts.h"

const struct app app_posts = {
    .name = "posts",
    .routes = (const struct route *const[]){create_routes, post_routes, approve_routes, again_routes, usage_routes,
                                            usage_posts_routes, NULL},
    .start = image_intake_start,
    .fit = image_intake_fit,
    .stop = image_intake_stop,
};
