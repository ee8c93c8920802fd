#include <stdlib.h>

#include "tiktok/tiktok_app.h"

static enum err tiktok_app_read_client_secret(const struct conf *conf, struct secret *ret_secret, struct buf *why)
{
    enum err e = credential_read("tiktok-client-secret", ret_secret);

    if (conf->tiktok_client_key.n == 0 && (e == OK || e == ERR_NOT_FOUND))
        return OK; /* TikTok is not configured, and connect says so */
    if (e == OK && ret_secret->n == 0)
        e = ERR_VALIDATION;
    if (e != OK)
        buf_puts(
            why,
            "the credential tiktok-client-secret is missing, empty or cannot be read, and tiktok.client_key is set");
    return e;
}

static enum err tiktok_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct app_state state = {0};

    net_init();
    enum err e = keyring_read("token-keys", &state.ring, why);
    if (e != OK)
        return e;
    e = tiktok_app_read_client_secret(conf, &state.client_secret, why);
    if (e != OK) {
        keyring_free(state.ring);
        return e;
    }
    struct app_state *s = xcalloc(1, sizeof(*s));
    *s = state;
    *ret_state = s;
    return OK;
}

static void tiktok_app_stop(void *arg)
{
    struct app_state *s = arg;

    keyring_free(s->ring);
    secret_done(&s->client_secret);
    free(s);
}

const struct app app_tiktok = {
    .name = "tiktok",
    .routes = (const struct route *const[]){connect_routes, account_routes, avatar_routes, test_account_routes,
                                            tiktok_webhook_routes, NULL},
    .start = tiktok_app_start,
    .stop = tiktok_app_stop,
    .webhook_names = webhook_names,
};
