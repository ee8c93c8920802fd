#include "uploads/uploads.h"

#include <unistd.h>

#include "store/store.h"

/* A folder that is missing or closed is a mistake of the installation; better to say so now than with each upload. */
static enum err uploads_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    const char *const dirs[] = {conf->store_dir.p, conf->store_spool_dir.p};

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        if (access(dirs[i], R_OK | W_OK | X_OK) == 0)
            continue;
        buf_printf(why, "the folder %s is missing or this user may not write to it", dirs[i]);
        return ERR_STORE;
    }
    *ret_state = NULL;
    return OK;
}

const struct app app_uploads = {
    .name = "uploads",
    .routes = (const struct route *const[]){uploads_routes, NULL},
    .start = uploads_app_start,
};
