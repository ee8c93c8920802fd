/*
 * Connected TikTok accounts, their sealed tokens and the creator snapshot.
 */
#pragma once

#include "base/conf.h"
#include "crypto/keyring.h"
#include "db/db.h"

enum account_state { ACCOUNT_ACTIVE, ACCOUNT_NEEDS_RECONNECT, ACCOUNT_DISCONNECTED };
extern const char *const account_state_names[];

#define SNAPSHOT_FRESH_US (600 * INT64_C(1000000))  /* create and validate accept it without a refresh */
#define SNAPSHOT_KEPT_US (86400 * INT64_C(1000000)) /* the policy: not shown and purged after this */

#define CREATOR_SCOPE "video.publish" /* without it TikTok does not answer creator info, so there is no snapshot */

struct account {
    struct uuid id, user_id;
    struct str open_id, display_name, avatar_url, scopes;
    int state;
    struct str state_reason;
    int64_t connected_at_us;
    /* The snapshot, when there is one of the last 24 h: snapshot_at_us > 0 */
    struct str username, nickname, privacy_level_options, post_block;
    bool comment_disabled;
    int64_t snapshot_at_us;
};

struct account_tokens {
    struct secret access, refresh;
    int64_t access_expires_at_us, refresh_expires_at_us;
};
void account_tokens_done(struct account_tokens *t);

struct account_snapshot {
    struct str username, nickname, privacy_level_options, post_block;
    bool comment_disabled;
};

/* Connected accounts of a user; of account_list those with ids below that one, newest first. ERR_NOT_FOUND for accounts
 * that are disconnected or somebody else's. */
MUST_CHECK enum err account_get(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id,
                                struct account *ret_account);
MUST_CHECK enum err account_list(struct db *db, struct arena *arena, const struct uuid *user_id,
                                 const struct uuid *below, size_t max, struct account **ret_accounts, size_t *ret_n);

/* For the worker: any state, without the user. */
MUST_CHECK enum err account_by_id(struct db *db, struct arena *arena, const struct uuid *id,
                                  struct account *ret_account);

bool account_has_scope(const struct account *a, struct str scope);
bool account_offers(const struct account *a, struct str privacy_level); /* TikTok does, by the snapshot */

/* Opens the sealed pair. ERR_NOT_FOUND when there is none (disconnected), ERR_SEALED. */
MUST_CHECK enum err account_tokens(struct db *db, struct arena *arena, const struct keyring *ring,
                                   const struct uuid *id, struct account_tokens *ret_tokens);

/* After consent: a new row, or the row of the same open id of this user anew (id kept). ERR_ACCOUNTS_TOO_MANY. */
struct account_connection {
    struct str open_id, display_name, avatar_url, scopes;
    struct account_tokens tokens;
};
MUST_CHECK enum err account_connect(struct db *db, struct arena *arena, const struct conf *conf,
                                    const struct keyring *ring, const struct uuid *user_id,
                                    const struct account_connection *connection, struct str request_id,
                                    struct uuid *ret_id);

/* Wipes tokens, name, avatar and snapshot; cancels posts not yet handed to TikTok (failure account_disconnected). */
MUST_CHECK enum err account_disconnect(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct uuid *user_id, const struct uuid *id, struct str request_id);

/*
 * Refreshing tokens: one holder at a time over all workers. account_lease answers ERR_AGAIN while somebody else holds
 * it. account_store_tokens writes the new pair where the lease token still matches, or where the stored pair is still
 * the one that was refreshed: a refresh token works once, so a new pair must not be lost because its lease was over.
 * ERR_CONFLICT otherwise. It ends the lease; an empty token is never stored.
 *
 * A pair is known by the time at which its access token ends: pair_expires_at_us.
 */
MUST_CHECK enum err account_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token,
                                  int64_t until_us);
MUST_CHECK enum err account_store_tokens(struct db *db, struct arena *arena, const struct keyring *ring,
                                         const struct uuid *id, const struct uuid *lease_token,
                                         int64_t pair_expires_at_us, const struct account_tokens *tokens,
                                         struct str scopes);
MUST_CHECK enum err account_end_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token);
/* TikTok has refused this pair. Nothing happens when another is stored by now: the account was connected anew. */
MUST_CHECK enum err account_needs_reconnect(struct db *db, const struct uuid *id, int64_t pair_expires_at_us,
                                            const char *reason);

MUST_CHECK enum err account_store_snapshot(struct db *db, const struct uuid *account_id,
                                           const struct account_snapshot *s);
MUST_CHECK enum err account_purge_snapshots(struct db *db, int64_t now_us); /* older than 24 h; 1000 at a time */

/* A transaction of its own that makes a job "creator" due. */
MUST_CHECK enum err account_refresh_snapshot(struct db *db, const struct uuid *account_id, struct str request_id);

/*
 * Takes one of the calls that TikTok allows an account in a minute (docs/tiktok.md#limits: init 6, creator info 20,
 * status 30), shared by all workers. ERR_AGAIN with the time from which the next one is free. Not inside a transaction:
 * it would read the same old log again and again.
 */
enum account_call { ACCOUNT_CALL_INIT, ACCOUNT_CALL_CREATOR, ACCOUNT_CALL_POLL };
MUST_CHECK enum err account_take_call(struct db *db, struct arena *arena, const struct uuid *id, enum account_call call,
                                      int64_t now_us, int64_t *ret_free_at_us);
