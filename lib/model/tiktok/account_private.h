/* What the account_*.c files share. */
#pragma once

#include "model/tiktok/account.h"

struct account_sealed {
    struct str access, refresh; /* absent if there is nothing to seal */
};

/* To which a sealed token is bound. Those of test accounts have another name, by which no row opens them as a live account's. */
struct str account_tokens_place(struct arena *arena, const char *column, int mode, const struct uuid *id);

/* Seals into the arena. Each value is bound to its column and to the id of its row. */
MUST_CHECK enum err account_seal(const struct keyring *ring, struct arena *arena, const struct uuid *id,
                                 const struct account_tokens *tokens, struct account_sealed *ret_sealed);

/*
 * In the transaction that changes a connection: makes the polls due of the posts whose end TikTok has not told, so that
 * they are asked about, or ended, at once. late: also of those whose end we had given up.
 */
MUST_CHECK enum err account_wake_polls(struct db *db, struct arena *arena, const struct uuid *id, bool late,
                                       struct str request_id);

/* Up to which time a disconnect cancels: that of the account's newest post, which may be ahead of the clock (base/uuid.h), and
 * now at least. The account is locked. */
MUST_CHECK enum err account_find_cancel_end(struct db *db, struct arena *arena, const struct uuid *id, int64_t now_us,
                                            int64_t *ret_until_us);

/*
 * In the transaction that ends a connection, with the user and the account locked: its tokens, name, avatar and snapshot go, posts that
 * TikTok does not have are canceled, some of them at once, and the user is told in the activity. ERR_CONFLICT: it has ended already.
 */
struct account_ending {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *user_id, *id;
    enum activity_what what;
    enum activity_by by;
    struct str request_id;
};
MUST_CHECK enum err account_end_connection(struct db *db, const struct account_ending *ending);
