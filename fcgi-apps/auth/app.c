#include <sched.h>

#include "auth/auth.h"
#include "base/gate.h"
#include "crypto/password.h"

#define LINE_MAX_MS 5000

static int auth_processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static enum err auth_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    (void)why;
    *ret_state = gate_of_threads((int)conf->service_threads, MAX(1, auth_processors() - 1), LINE_MAX_MS);
    return OK;
}

static void auth_stop(void *state)
{
    gate_free(state);
}

enum err auth_hash(struct ctx *c, const struct secret *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
    enum err e = gate_enter(c->state);

    if (e != OK)
        return e;
    e = password_hash(password, (int)c->conf->password_bcrypt_cost, ret_hash);
    gate_leave(c->state);
    return e;
}

enum err auth_verify(struct ctx *c, const struct secret *password, const char *hash, bool *ret_matches)
{
    enum err e = gate_enter(c->state);

    if (e != OK)
        return e;
    *ret_matches = password_verify(password, hash, (int)c->conf->password_bcrypt_cost);
    gate_leave(c->state);
    return OK;
}

const struct app app_auth = {
    .name = "auth",
    .routes = (const struct route *const[]){auth_register_routes, auth_session_routes, auth_me_routes, NULL},
    .start = auth_start,
    .stop = auth_stop,
};
