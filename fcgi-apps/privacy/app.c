#include <stdlib.h>

#include "privacy/privacy_app.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/privacy/published.h"

/* Exports, which last as long as their readers take. */
#define APP_EXPORTS_MAX 2

static int privacy_outside_max(const struct conf *conf)
{
    return (int)MIN(conf->service_outside_max, APP_EXPORTS_MAX);
}

static enum err privacy_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct privacy *p = xcalloc(1, sizeof *p);

    enum err e = store_init(&p->store, conf, why);
    if (e != OK) {
        free(p);
        return e;
    }
    p->store.secrets.tell = log_other_secret;
    p->store.spool_dir = conf->privacy_spool_dir.p; /* it may not write where images arrive */
    *ret_state = p;
    return OK;
}

static void privacy_stop(void *state)
{
    struct privacy *p = state;

    store_done(&p->store);
    free(p);
}

/* A fresh installation has no policy; whoever runs it is told so with each start. */
static enum err privacy_look_for_policy(struct db *db, void *state, struct buf *why)
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
    .routes = (const struct route *const[]){data_routes, export_routes, erasure_routes, policy_routes, NULL},
    .outside_max = privacy_outside_max,
    .start = privacy_start,
    .stop = privacy_stop,
    .fit = privacy_look_for_policy,
};
