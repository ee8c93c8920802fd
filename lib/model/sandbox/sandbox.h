/*
 * The TikTok simulator's clients, creators, codes, grants and tokens: its rules and its SQL. What its tables are for is
 * in sql/0018_sandbox_clients.sql; posts are in model/sandbox/sandbox_publish.h. Facts: docs/tiktok.md#tokens (access
 * 2 h, refresh as configured, single use) and the limits per user of the Content Posting API (6, 20, 30 a minute).
 *
 *    sandbox_consent(db, arena, &consent, &code);            // the consent page
 *    sandbox_exchange(db, arena, &client, code, uri, &tokens);    // POST /v2/oauth/token/
 *    sandbox_caller_find(db, arena, access_token, &caller);        // every call with a Bearer token
 *
 * Codes and tokens are stored as SHA-256 only.
 */
#pragma once

#include "base/retention.h"
#include "db/db.h"

#define SANDBOX_USERNAME_MAX 24
#define SANDBOX_TEST_PREFIX \
    "test." /* of creators that POST /api/v1/sandbox/accounts makes: whoever types a name has others */
#define SANDBOX_CODE_US (300 * US_PER_SEC) /* not documented; clients report about five minutes */
#define SANDBOX_ACCESS_SEC 7200
#define SANDBOX_REFRESH_DAYS_MAX 365
#define SANDBOX_KEEP_US RETENTION_US(SIMULATED) /* posts, images, codes */
/* Clients, creators and grants, after they were last renewed: a refresh token lives no longer. */
#define SANDBOX_KEEP_CONNECTION_US ((SANDBOX_REFRESH_DAYS_MAX + 1) * US_PER_DAY)

/* 1 to 24 of a-z 0-9 . _ */
bool sandbox_username_is_valid(struct str username);

/* The id of a creator, as one client sees it; still the same if the creator is made again. Begins with "-000". */
struct str sandbox_open_id(struct arena *arena, struct str client_key, struct str username);

/* A client as it names itself. Its key is bound to the secret with which it first exchanged a code: before, there is no row of it, so nobody
 * makes rows with made-up keys. */
struct sandbox_client {
    struct str key, secret;
    bool is_known; /* otherwise than by its secret: whoever came first with its key, when everybody could, has no say */
};

/* ERR_BAD_CREDENTIALS: it has another secret. ERR_NOT_FOUND: it has not exchanged a code yet. */
MUST_CHECK enum err sandbox_client_check(struct db *db, struct arena *arena, const struct sandbox_client *client);

struct sandbox_consent {
    struct str client_key, redirect_uri, username;
    struct str scopes;     /* granted, separated by commas */
    struct str post_block; /* absent: none */
    bool private_account, comment_disabled;
};
/* Makes the creator or changes its settings, and makes a code. */
MUST_CHECK enum err sandbox_consent(struct db *db, struct arena *arena, const struct sandbox_consent *consent,
                                    struct str *ret_code);

struct sandbox_tokens {
    struct uuid grant_id;
    struct str access, refresh, scopes, username;
};
/* Both: the new refresh token lives refresh_days (1 to SANDBOX_REFRESH_DAYS_MAX). ERR_BAD_CREDENTIALS if the code or token is unknown, used, expired, revoked or another client's. */
MUST_CHECK enum err sandbox_exchange(struct db *db, struct arena *arena, const struct sandbox_client *client,
                                     struct str code, struct str redirect_uri, int64_t refresh_days,
                                     struct sandbox_tokens *ret_tokens);
MUST_CHECK enum err sandbox_refresh(struct db *db, struct arena *arena, struct str client_key, struct str refresh,
                                    int64_t refresh_days, struct sandbox_tokens *ret_tokens);

/*
 * Ends every grant that the client has from the creator of this access token: the app disappears from the user's
 * connected apps. Posts in progress fail with auth_removed. ERR_BAD_CREDENTIALS as above.
 */
MUST_CHECK enum err sandbox_revoke(struct db *db, struct arena *arena, struct str client_key, struct str access,
                                   struct str hooked);
/* The same by the user, in TikTok's settings. ERR_NOT_FOUND: there is no such creator. The app is told (sandbox_hook.h). */
MUST_CHECK enum err sandbox_remove(struct db *db, struct arena *arena, struct str client_key, struct str username,
                                   struct str hooked);

/* Whom an access token stands for. */
struct sandbox_caller {
    struct uuid creator_id;
    struct str client_key, scopes, username, post_block;
    bool private_account, comment_disabled;
};
MUST_CHECK enum err sandbox_caller_find(struct db *db, struct arena *arena, struct str access,
                                        struct sandbox_caller *ret_caller); /* ERR_NOT_FOUND */

/* The privacy levels that creator_info offers, separated by commas. */
struct str sandbox_privacy_options(const struct sandbox_caller *caller);

/* Counts one call. ERR_RATE_LIMITED if this minute's calls are used up; then it is not counted. */
enum sandbox_call { SANDBOX_CALL_CREATOR_INFO, SANDBOX_CALL_INIT, SANDBOX_CALL_STATUS };
MUST_CHECK enum err sandbox_take_call(struct db *db, struct arena *arena, const struct uuid *creator_id,
                                      enum sandbox_call call);

/* Deletes what is older than these, and tokens that are over, a little at a time; of test accounts everything after 31 days. */
MUST_CHECK enum err sandbox_purge(struct db *db, struct arena *arena, int64_t now_us);
