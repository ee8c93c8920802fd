#include <stdlib.h>

#include "base/log.h"
#include "billing/billing_app.h"
#include "billing/together.h"
#include "stripe/calls.h"

/* What is empty is not configured, and the routes that need it say so. */
static enum err billing_app_read(const struct conf *conf, struct app_state *s, struct buf *why)
{
    const char *fault = NULL;

    enum err e = secret_ring_read(STRIPE_KEY_CREDENTIAL, SECRET_RING_WORDS, &s->keys, why);
    if (e == OK)
        e = secret_ring_read(STRIPE_SECRETS_CREDENTIAL, SECRET_RING_WORDS, &s->secrets_ring, why);
    if (e != OK)
        return e;
    s->keys.tell = log_other_secret;
    if (!stripe_keys_fit(conf, &s->keys, &fault)) {
        buf_printf(why, "the credential " STRIPE_KEY_CREDENTIAL " cannot be used: %s", fault);
        return ERR_VALIDATION;
    }
    if (s->secrets_ring.n > 0 && !stripe_secrets_of(&s->secrets_ring, &s->secrets, &fault)) {
        buf_printf(why, "the credential " STRIPE_SECRETS_CREDENTIAL " cannot be used: %s", fault);
        return ERR_VALIDATION;
    }
    return OK;
}

static void billing_app_stop(void *arg)
{
    struct app_state *s = arg;

    together_free(s->together);
    secret_ring_done(&s->keys);
    secret_ring_done(&s->secrets_ring);
    free(s);
}

static enum err billing_app_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct app_state *s = xcalloc(1, sizeof(*s));

    s->together = together_new(webhook_add_all, DB_MANY_MAX);
    net_init();
    enum err e = billing_app_read(conf, s, why);
    if (e == OK)
        *ret_state = s;
    else
        billing_app_stop(s);
    return e;
}

const struct app app_billing = {
    .name = "billing",
    .routes = (const struct route *const[]){billing_routes, checkout_routes, portal_routes, sync_routes, webhook_routes,
                                            NULL},
    .start = billing_app_start,
    .stop = billing_app_stop,
    .webhook_names = webhook_names,
};
