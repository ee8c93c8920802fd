/* What the files of app tiktok share. */
#pragma once

#include "fcgi/app.h"
#include "model/tiktok/account.h"
#include "tiktok/tiktok.h"

/* Made once at start, read by all threads. */
struct app_state {
    struct keyring *ring;
    struct secret client_secret;
};

static inline const struct app_state *app_state(const struct ctx *c)
{
    return c->state;
}

static inline struct tiktok app_tiktok_of(const struct ctx *c)
{
    return (struct tiktok){.conf = c->conf, .client_secret = &app_state(c)->client_secret};
}

/* The account as GET /accounts/{id} shows it. */
MUST_CHECK enum err account_reply(struct ctx *c, const struct account *a);

/* Tries once to end the grant at TikTok, for at most 5 s. False when too many threads wait already, or TikTok does not
 * answer or says no. */
bool account_revoke(struct ctx *c, struct str access_token);

extern const struct route connect_routes[], account_routes[];
