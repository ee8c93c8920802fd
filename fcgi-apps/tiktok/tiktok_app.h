/* What the files of app tiktok share. */
#pragma once

#include "fcgi/webhook.h"
#include "model/tiktok/account.h"
#include "tiktok/tiktok.h"
#include "tiktok/webhook.h"

/* Made once at start, shared by all threads. */
struct app_state {
    struct keyring *ring;
    struct secret_ring client_secrets;
    struct webhook_bad signatures_bad;
};

static inline struct app_state *app_state(const struct ctx *c)
{
    return c->state;
}

/* TikTok or the simulator: that of the tokens, or of who asks while there are none. */
static inline struct tiktok app_tiktok_of(const struct ctx *c, int mode)
{
    return (struct tiktok){.conf = c->conf, .client_secrets = &app_state(c)->client_secrets, .mode = mode};
}

/* The account as GET /accounts/{id} shows it. account_created_answer is the last step of what makes one (fcgi/idempotent.h). */
MUST_CHECK enum err account_reply(struct ctx *c, const struct account *a);
MUST_CHECK enum err account_created_answer(const void *made, void *arg);

/*
 * From the code that a consent gave to the account, in the caller's mode: the calls for which the user waits, and
 * account_connect. What fails in between leaves no grant behind.
 */
MUST_CHECK enum err connect_by_code(struct ctx *c, struct str code, const struct last_step *last,
                                    struct account *ret_account);

/*
 * Ends the grant at TikTok, which belongs to the open id, unless a connection of ours works with it. Absent when TikTok confirmed
 * it; else why not, as the API shows it. An access token that is over is refreshed first. The stored tokens must be wiped before, or
 * not stored yet. Each call may take seconds, in which somebody else may connect; so the database is asked before each, and who
 * connects during a call is looked at afterwards (model/tiktok/grant_end.h).
 */
struct str revoke_grant(struct ctx *c, struct str open_id, const struct account_tokens *tokens);

/*
 * Asks TikTok, one last time before the tokens go, about the posts of an account that it has and has not settled, and ends
 * those of which it tells the end. At most as many as TikTok answers in a minute, all at once, in ASK_SEC at most: the user
 * waits. What TikTok does not tell now is left as it is.
 */
#define ASK_SEC 5
void ask_once_more(struct ctx *c, const struct uuid *account_id);

extern const struct route connect_routes[], account_routes[], avatar_routes[], test_account_routes[],
    tiktok_webhook_routes[];
