#include "media/media.h"

#include <stdlib.h>
#include <unistd.h>

#include "net/call.h"

/* A folder that is missing or closed is a mistake of the installation; better to say so now than with each fetch. */
static enum err media_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct media *m = xcalloc(1, sizeof *m);

    enum err e = store_init(&m->store, conf, why);
    if (e == OK && conf->store_kind == STORE_DIRECTORY && access(conf->store_dir.p, R_OK | X_OK) != 0) {
        buf_printf(why, "the folder %s is missing or this user may not read it", conf->store_dir.p);
        store_done(&m->store);
        e = ERR_STORE;
    }
    if (e != OK) {
        free(m);
        return e;
    }
    net_init();
    outage_init(&m->outage);
    *ret_state = m;
    return OK;
}

static void media_app_stop(void *state)
{
    struct media *m = state;

    outage_done(&m->outage);
    store_done(&m->store);
    free(m);
}

const struct app app_media = {
    .name = "media",
    .routes = (const struct route *const[]){delivery_routes, NULL},
    .start = media_app_start,
    .stop = media_app_stop,
};
