#include <sched.h>
#include <stdlib.h>

#include "auth/auth.h"

/* A hash takes a processor for a quarter of a second; one is left to everything else. */
static int auth_heavy_max(const struct conf *conf)
{
    cpu_set_t set;

    (void)conf;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? MAX(1, CPU_COUNT(&set) - 1) : 1;
}

static enum err auth_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct keyring *ring;

    enum err e = keyring_read("totp-keys", &ring, why);
    if (e != OK)
        return e;
    struct auth_state *s = xcalloc(1, sizeof *s);
    s->ring = ring;
    s->throttle = throttle_new(conf);
    s->notices = guess_notices_new();
    *ret_state = s;
    return OK;
}

static void auth_stop(void *state)
{
    struct auth_state *s = state;

    guess_notices_free(s->notices);
    throttle_free(s->throttle);
    keyring_free(s->ring);
    free(s);
}

static void auth_background(const struct conf *conf, struct db *db, struct arena *arena, void *state,
                            const atomic_bool *stopping)
{
    struct auth_state *s = state;

    (void)conf;
    while (!atomic_load(stopping))
        guess_work(s->notices, db, arena);
}

const struct app app_auth = {
    .name = "auth",
    .routes =
        (const struct route *const[]){auth_register_routes, auth_verify_routes, auth_session_routes,
                                      auth_sessions_routes, auth_confirm_routes, auth_totp_routes, auth_me_routes,
                                      auth_password_routes, auth_email_routes, auth_activity_routes,
                                      auth_notifications_routes, auth_mails_routes, auth_unsubscribe_routes, NULL},
    .heavy_max = auth_heavy_max,
    .start = auth_start,
    .stop = auth_stop,
    .background = auth_background,
};
