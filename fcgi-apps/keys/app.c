#include <stdlib.h>

#include "http/security_txt.h"
#include "keys/clear.h"
#include "keys/keys.h"
#include "keys/ready.h"

static enum err keys_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    const char *fault = security_txt_fault(conf);

    if (fault != NULL) {
        buf_puts(why, fault);
        return ERR_VALIDATION;
    }
    struct keys_state *s = xcalloc(1, sizeof *s);
    s->ready = ready_new(conf);
    s->clear = clear_new(conf);
    *ret_state = s;
    return OK;
}

static void keys_app_stop(void *state)
{
    struct keys_state *s = state;

    ready_free(s->ready);
    clear_free(s->clear);
    free(s);
}

/* Keys that were noted before the stop are still looked at. */
static void keys_app_clear(struct keys_state *s, struct db *db, struct arena *arena, const atomic_bool *stopping)
{
    while (!atomic_load(stopping))
        clear_work(s->clear, db, arena);
    clear_work(s->clear, db, arena);
}

/* Two threads: a look at who is there may take seconds, and no key waits for that. */
static void keys_app_background(const struct conf *conf, struct db *db, struct arena *arena, void *state,
                                const atomic_bool *stopping)
{
    struct keys_state *s = state;

    (void)conf;
    if (atomic_fetch_add(&s->background_begun, 1) == 0) {
        keys_app_clear(s, db, arena, stopping);
        return;
    }
    while (!atomic_load(stopping))
        ready_look(s->ready, db, arena);
}

static int keys_app_background_n(const struct conf *conf)
{
    (void)conf;
    return 2;
}

const struct app app_keys = {
    .name = "keys",
    .routes = (const struct route *const[]){keys_routes, clear_routes, health_routes, well_known_routes, NULL},
    .start = keys_app_start,
    .stop = keys_app_stop,
    .background = keys_app_background,
    .background_n = keys_app_background_n,
};
