/* What the files of the app billing share. */
#pragma once

#include "fcgi/app.h"
#include "stripe/signature.h"

/* Made once at start, read by all threads. */
struct app_state {
    struct secret secrets_text;
    struct stripe_secrets secrets;  /* they live in secrets_text */
    struct together *together;      /* events that come at once */
    atomic_int signatures_bad;      /* one after another (webhook.c) */
};

static inline struct app_state *app_state(const struct ctx *c)
{
    return c->state;
}

extern const char *const webhook_names[];
extern const struct route billing_routes[], webhook_routes[];
