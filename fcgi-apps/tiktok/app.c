#include <stdlib.h>

#include "base/log.h"
#include "tiktok/tiktok_app.h"

static enum err tiktok_app_read_client_secrets(const struct conf *conf, struct secret_ring *ret, struct buf *why)
{
    _cleanup_(buf_done) struct buf ignored = BUF_MAX(256);
    bool is_configured = conf->tiktok_client_key.n > 0;

    enum err e = secret_ring_read("tiktok-client-secret", SECRET_RING_WORDS, ret, is_configured ? why : &ignored);
    ret->tell = log_other_secret;
    if (!is_configured && (e == OK || e == ERR_NOT_FOUND))
        return OK; /* connect says so */
    if (!is_configured)
        buf_putstr(why, buf_str(&ignored));
    if (e == OK && ret->n == 0) {
        buf_puts(why, "the credential tiktok-client-secret is empty, and tiktok.client_key is set");
        return ERR_VALIDATION;
    }
    return e;
}

static void tiktok_app_stop(void *arg)
{
    struct app_state *s = arg;

    keyring_free(s->ring);
    secret_ring_done(&s->client_secrets);
    free(s);
}

static enum err tiktok_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct app_state *s = xcalloc(1, sizeof(*s));

    net_init();
    enum err e = keyring_read("token-keys", &s->ring, why);
    if (e == OK)
        e = tiktok_app_read_client_secrets(conf, &s->client_secrets, why);
    if (e == OK)
        *ret_state = s;
    else
        tiktok_app_stop(s);
    return e;
}

const struct app app_tiktok = {
    .name = "tiktok",
    .routes = (const struct route *const[]){connect_routes, account_routes, avatar_routes, test_account_routes,
                                            tiktok_webhook_routes, NULL},
    .start = tiktok_app_start,
    .stop = tiktok_app_stop,
    .webhook_names = webhook_names,
};
