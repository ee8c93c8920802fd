#include "keys/keys.h"
#include "keys/ready.h"

static enum err keys_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    (void)why;
    *ret_state = ready_new(conf);
    return OK;
}

static void keys_app_stop(void *state)
{
    ready_free(state);
}

static void keys_app_background(const struct conf *conf, struct db *db, struct arena *arena, void *state,
                                const atomic_bool *stopping)
{
    (void)conf;
    ready_run(state, db, arena, stopping);
}

const struct app app_keys = {
    .name = "keys",
    .routes = (const struct route *const[]){keys_routes, health_routes, NULL},
    .start = keys_app_start,
    .stop = keys_app_stop,
    .background = keys_app_background,
};
