/*
 * Connected TikTok accounts, their sealed tokens and the creator snapshot.
 */
#pragma once

#include "base/conf.h"
#include "base/mode.h"
#include "base/retention.h"
#include "crypto/keyring.h"
#include "db/db.h"
#include "model/idempotency/idempotency.h"
#include "model/user/activity.h"

enum account_state { ACCOUNT_ACTIVE, ACCOUNT_NEEDS_RECONNECT, ACCOUNT_DISCONNECTED };
extern const char *const account_state_names[];

#define SNAPSHOT_FRESH_US (600 * INT64_C(1000000)) /* a new post is checked against one that is younger */
#define SNAPSHOT_KEPT_US RETENTION_US(CREATOR)     /* the privacy policy: then it is no longer shown, and purged */

int64_t account_snapshots_from_us(void); /* a snapshot that TikTok gave until then is not read any more */

#define CREATOR_SCOPE "video.publish" /* TikTok answers creator info only with it: without it there is no snapshot */

struct account {
    struct uuid id, user_id;
    struct str open_id, display_name, avatar_url, scopes;
    int state, mode;
    struct str state_reason;
    int64_t connected_at_us;
    int64_t
        canceled_to_us; /* posts made until then are still to be canceled, though it may be connected again; 0: none */
    struct uuid
        held_to_id; /* posts up to this one are on hold after a restore (post/hold.h); none: there is no such post */
    /* The snapshot, when there is one of the last 24 h: snapshot_at_us > 0 */
    struct str username, nickname, privacy_level_options, post_block;
    bool comment_disabled;
    int64_t snapshot_at_us;
};

/*
 * They are sealed for the account's mode: those that can be opened are of it, whatever anybody has written into the row. So
 * whoever calls with them takes the provider from here (tiktok/tiktok.h), and TikTok never gets the simulator's, or it TikTok's.
 */
struct account_tokens {
    struct secret access, refresh;
    int64_t access_expires_at_us, refresh_expires_at_us;
    int mode;
};
void account_tokens_done(struct account_tokens *t);

struct account_snapshot {
    struct str username, nickname, privacy_level_options, post_block;
    bool comment_disabled;
};

/* A user's connected accounts of one mode. ERR_NOT_FOUND for those that are disconnected, of the other mode or somebody else's. account_list returns
 * those whose ids are below that one, newest first. */
MUST_CHECK enum err account_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                const struct uuid *id, struct account *ret_account);
MUST_CHECK enum err account_list(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                 const struct uuid *below, size_t max, struct account **ret_accounts, size_t *ret_n);

/* For the worker: in any state, whoever's it is. */
MUST_CHECK enum err account_by_id(struct db *db, struct arena *arena, const struct uuid *id,
                                  struct account *ret_account);

/* Has TikTok given the snapshot within that time, with what it offers? One from the future has come before the clock was set back. */
bool account_snapshot_within(const struct account *a, int64_t age_us);

bool account_has_scope(const struct account *a, struct str scope);
bool account_offers(const struct account *a, struct str privacy_level); /* whether TikTok offers it, by the snapshot */

/* Opens the sealed pair. ERR_NOT_FOUND if there is none (disconnected), ERR_SEALED. */
MUST_CHECK enum err account_tokens(struct db *db, struct arena *arena, const struct keyring *ring,
                                   const struct uuid *id, struct account_tokens *ret_tokens);

/* What of the pair can be opened, for who ends the connection and wants no reason to keep it. ERR_NOT_FOUND. */
MUST_CHECK enum err account_tokens_left(struct db *db, struct arena *arena, const struct keyring *ring,
                                        const struct uuid *id, struct account_tokens *ret_tokens);

/* The same for a sealed access token (accounts.access_token) that a statement has read with other columns. */
MUST_CHECK enum err account_open_access(const struct keyring *ring, struct arena *arena, const struct uuid *id,
                                        int mode, struct str sealed, struct secret *ret_access);

/*
 * After consent: adds a row, or renews this user's row with the same open id, whose id stays; then its queue moves, and
 * TikTok is asked about posts whose end is not known, also those that were given up in the last 30 days. The grant is looked
 * at later when somebody else was ending it just now (grant_end.h).
 * ERR_ACCOUNTS_TOO_MANY, ERR_ACCOUNTS_A_DAY. The account is read before the commit: what fails after it would make a success look like a
 * failure. last (NULL: there is none) gets a const struct account *. ret_account is also set with ERR_OUTCOME_UNKNOWN, when the
 * account may exist.
 */
struct account_connection {
    struct str open_id, display_name, avatar_url, scopes;
    struct account_tokens tokens;
    enum activity_by by; /* who did that, for the user's activity */
};
MUST_CHECK enum err account_connect(struct db *db, struct arena *arena, const struct conf *conf,
                                    const struct keyring *ring, const struct uuid *user_id,
                                    const struct account_connection *connection, struct str request_id,
                                    const struct last_step *last, struct account *ret_account);

/*
 * A TikTok grant belongs to an open id and our app, not to a row: several users may have connected the same account, and
 * revoking any one's token ends it for all of them. Is there a connection that works with it?
 */
MUST_CHECK enum err account_grant_in_use(struct db *db, struct str open_id, bool *ret_in_use);

/*
 * Wipes tokens, name, avatar and snapshot, and cancels posts that TikTok does not have yet (account_disconnected): some of
 * them; the account's turn cancels the others with account_cancel_posts, so no transaction grows with a queue. Posts that
 * TikTok has, and has not settled, end as unconfirmed when their polls find no tokens: a hundred at once, and the others
 * within the minutes until their next poll. Gives what is
 * needed to end the grant at TikTok after the commit; free the tokens by account_tokens_done. Of several that end
 * connections of one open id at the same time, the last one to commit is told that nobody else uses the grant.
 * ERR_NOT_FOUND.
 */
struct account_ended {
    struct account_tokens tokens; /* what of them can be opened */
    struct str open_id;           /* whose grant it is */
    bool in_use;                  /* another connection works with the grant */
};
MUST_CHECK enum err account_disconnect(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct keyring *ring, const struct uuid *user_id, int mode,
                                       const struct uuid *id, struct str request_id, struct account_ended *ret_ended);

/*
 * TikTok says that the grant of this open id has ended, at made_to_us by its clock: as after account_disconnect, for some of the live
 * connections that were made until then, whoever's they are, each in a transaction of its own; nothing is left to be revoked.
 * One that was made since lives on another grant, and stays. *ret_more: there may be others.
 */
MUST_CHECK enum err account_end_removed(struct db *db, struct arena *arena, const struct conf *conf, struct str open_id,
                                        int64_t made_to_us, struct str request_id, bool *ret_more);

/* After a restore: an account that was disconnected at that time is so again, unless it was connected later. The grant was ended at TikTok
 * then. ERR_NOT_FOUND: there is nothing to do. */
MUST_CHECK enum err account_end_again(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *user_id, const struct uuid *id, int64_t at_us);

/* In a transaction: TikTok is asked whether the grants live of connections that were made between these times. For those whose order with
 * the end of a grant the two clocks cannot tell. */
MUST_CHECK enum err account_doubt(struct db *db, struct arena *arena, struct str open_id, int64_t from_us,
                                  int64_t to_us, struct str request_id);

/*
 * Cancels some of the posts that TikTok does not have, in the caller's transaction: of an account that is disconnected all
 * of them, of one that was connected again those from before. *ret_more: there may be others. It locks the account, whose
 * state stays as it is.
 */
MUST_CHECK enum err account_cancel_posts(struct db *db, struct arena *arena, const struct conf *conf,
                                         const struct uuid *id, struct str request_id, bool *ret_more);

/* None of them is left. In that transaction. */
MUST_CHECK enum err account_end_cancel(struct db *db, const struct uuid *id);

/* It was connected again: is TikTok still to be asked about posts that were given up? account_connect makes the polls of the
 * newest due, and account_wake_more those of some others, in the caller's transaction. *ret_more: of not all yet. */
MUST_CHECK enum err account_has_to_wake(struct db *db, const struct uuid *id, bool *ret_has);
MUST_CHECK enum err account_wake_more(struct db *db, struct arena *arena, const struct uuid *id, struct str request_id,
                                      bool *ret_more);

/* Is this post to be canceled? */
bool account_has_canceled(const struct account *a, const struct uuid *post_id);

/* In a transaction, before a post is locked: the account is disconnected, and stays so until the end. Else ERR_CONFLICT. */
MUST_CHECK enum err account_stay_disconnected(struct db *db, const struct uuid *id);

/*
 * Refreshing tokens: over all workers, one at a time holds an account's lease. account_lease returns ERR_AGAIN while
 * somebody else holds it, which ends at lapsed_us if nobody holds it longer; one that ends
 * too far ahead (JOB_LEASE_FAR_US) is nobody's, except while lapsed_us is 0. account_store_tokens writes the new pair if the lease token still matches, or if the stored
 * pair is still the one that was refreshed: a refresh token works once, so a new pair must not be lost because the
 * lease ran out. Otherwise it returns ERR_CONFLICT. It ends the lease. An empty token is never stored. An account that
 * was needs_reconnect because the pair before was refused is active again, and its queue moves; one that was for another
 * reason, such as a scope that was not granted, stays so. In a transaction of its own.
 *
 * A pair is identified by the time at which its access token expires: pair_expires_at_us.
 */
MUST_CHECK enum err account_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token,
                                  int64_t lapsed_us, int64_t until_us);
/* Extends it, in a transaction. ERR_CONFLICT if it has ended or is somebody else's; ERR_AGAIN while somebody has locked the
 * row, which is not waited for. */
MUST_CHECK enum err account_hold_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token,
                                       int64_t until_us);
MUST_CHECK enum err account_store_tokens(struct db *db, struct arena *arena, const struct keyring *ring,
                                         const struct uuid *id, const struct uuid *lease_token,
                                         int64_t pair_expires_at_us, const struct account_tokens *tokens,
                                         struct str scopes);
MUST_CHECK enum err account_end_lease(struct db *db, const struct uuid *id, const struct uuid *lease_token);
/* TikTok refused this pair. Does nothing if another pair is stored by now: the account was connected again. */
MUST_CHECK enum err account_needs_reconnect(struct db *db, const struct uuid *id, int64_t pair_expires_at_us,
                                            const char *reason);

MUST_CHECK enum err account_store_snapshot(struct db *db, const struct uuid *account_id,
                                           const struct account_snapshot *s);
/* TikTok said that the creator cannot post, and nothing else. */
MUST_CHECK enum err account_store_block(struct db *db, const struct uuid *account_id, struct str post_block);
MUST_CHECK enum err account_purge_snapshots(struct db *db, int64_t now_us); /* older than 24 h; 1000 at a time */

/* Makes a "creator" job due, in a transaction of its own. */
MUST_CHECK enum err account_refresh_snapshot(struct db *db, const struct uuid *account_id, struct str request_id);

/*
 * Takes one of the calls that TikTok allows an account in a minute (docs/tiktok.md#limits: init 6, creator info 20,
 * status 30); all workers share them. ERR_AGAIN with the time at which the next one is free. Do not call it in a
 * transaction: that would read the same old log again and again.
 */
enum account_call { ACCOUNT_CALL_INIT, ACCOUNT_CALL_CREATOR, ACCOUNT_CALL_POLL };
/* Polls are many beside each other: each reserves the next free place once, and comes when that is. ERR_AGAIN: it is too far
 * ahead; ret_at_us is when to ask for one again. */
MUST_CHECK enum err account_reserve_poll(struct db *db, struct arena *arena, const struct uuid *id, int64_t now_us,
                                         int64_t *ret_at_us);
MUST_CHECK enum err account_take_call(struct db *db, struct arena *arena, const struct uuid *id, enum account_call call,
                                      int64_t now_us, int64_t *ret_free_at_us);

/*
 * The same in two steps, for several accounts at once: log is what a statement has read (accounts.init_calls,
 * accounts.poll_calls), and account_write_taken writes it in a transaction if it is still that, DB_MANY_MAX at most. Else
 * ERR_CONFLICT, and the transaction must be taken back. Two of one account: the second takes from the first one's after.
 */
struct account_taken {
    struct uuid id;
    struct str before, after;
};
bool account_take_from(struct arena *arena, const struct uuid *id, enum account_call call, struct str log,
                       int64_t now_us, struct account_taken *ret_taken); /* false: none is free now */
MUST_CHECK enum err account_write_taken(struct db *db, enum account_call call, const struct account_taken *taken,
                                        size_t n);
