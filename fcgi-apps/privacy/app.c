#include "privacy/privacy_app.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/privacy/published.h"

/* A fresh installation has no policy; whoever runs it is told so with each start. */
static enum err app_look_for_policy(struct db *db, void *state, struct buf *why)
{
    struct published p;
    struct arena arena;

    (void)state, (void)why;
    arena_init(&arena, 64u << 10);
    if (published_in_force(db, &arena, clock_now_us(), &p) == ERR_NOT_FOUND)
        log_event(LOG_WARNING, "no_policy_in_force", LOG_CSTR("do", "marketingcli-admin policy publish"), LOG_END);
    arena_done(&arena);
    return OK;
}

const struct app app_privacy = {
    .name = "privacy",
    .routes = (const struct route *const[]){data_routes, policy_routes, NULL},
    .fit = app_look_for_policy,
};
