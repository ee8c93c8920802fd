/*
 * The TikTok simulator's webhooks: events that it sends to us as TikTok does (docs/tiktok.md#webhooks), by the Stripe simulator's
 * sender, until they are taken. One client has a webhook: ours, where the simulator stands in for TikTok and has its secret. hooked is its
 * key; absent: nobody is told.
 *
 * Each is called in the transaction of what it tells.
 */
#pragma once

#include "model/sandbox/sandbox.h"

/* TikTok's numbers for why a grant ended. */
#define SANDBOX_REMOVED_BY_USER 1
#define SANDBOX_REMOVED_BY_APP 5

struct sandbox_hooked {
    struct str hooked, client_key;
    struct uuid creator_id;
    struct str username;
};
MUST_CHECK enum err sandbox_hook_removed(struct db *db, struct arena *arena, const struct sandbox_hooked *who,
                                         int reason);

/* Of a post that has just ended, as its row says; when it becomes public later, that is told then. */
MUST_CHECK enum err sandbox_hook_ended(struct db *db, struct arena *arena, struct str hooked, struct str publish_id);
