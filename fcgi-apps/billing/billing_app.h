/* What the files of the app billing share. */
#pragma once

#include "fcgi/webhook.h"
#include "stripe/signature.h"

/* Made once at start, shared by all threads. */
struct app_state {
    struct secret_ring keys, secrets_ring;
    struct stripe_secrets secrets; /* they live in secrets_ring */
    struct together *together;     /* events that come at once */
    struct webhook_bad signatures_bad;
};

static inline struct app_state *app_state(const struct ctx *c)
{
    return c->state;
}

/* Can Stripe be asked? */
static inline bool app_has_key(const struct ctx *c)
{
    return app_state(c)->keys.n > 0;
}

/* May anything be bought here? Who pays must have it, so there must be events of what becomes of it. */
static inline bool app_sells(const struct ctx *c)
{
    return app_has_key(c) && app_state(c)->secrets.n > 0;
}

/* The answer of GET /billing, of the rows as they are now. */
MUST_CHECK enum err billing_answer(struct ctx *c);

/* Stores events that came at once (together.h): leader is a struct ctx, v are struct event_new. */
MUST_CHECK enum err webhook_add_all(void *leader, void *const *v, size_t n);

extern const struct route billing_routes[], checkout_routes[], portal_routes[], sync_routes[], webhook_routes[];
