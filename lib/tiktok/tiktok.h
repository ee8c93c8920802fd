/*
 * TikTok's API v2 as we use it: requests are built as struct net_call, answers are parsed into structs. Nothing here
 * does I/O, so the app (blocking) and the worker (many at a time) share it. Facts and sources: docs/tiktok.md.
 *
 *    struct net_call call;
 *    tiktok_refresh(&t, arena, refresh_token, &call);
 *    net_call_run(arena, &call, &result);
 *    e = tiktok_read_tokens(&result, arena, &tokens, &error);
 */
#pragma once

#include "base/conf.h"
#include "base/mode.h"
#include "net/call.h"

/*
 * The provider of one mode: TikTok itself, as section tiktok of the configuration says (a server's tests and the development stack
 * have the simulator there, by its public name), or the simulator of this machine, by its socket (sandbox.socket). Which one a
 * call goes to is decided by the mode of the account's tokens (model/tiktok/account.h), and here alone.
 */
struct tiktok {
    const struct conf *conf;
    struct secret_ring *client_secrets; /* of MODE_LIVE. What signs in with them is tried with each (net/call.h) */
    int mode;
};

/* Our client key at the simulator of this machine, where it needs no secret: it takes it by the socket alone. */
#define TIKTOK_TEST_CLIENT "marketingcli-test"

/* The address of the consent page: authorize_url with client_key, scope, response_type, redirect_uri and state. */
struct str tiktok_authorize_url(const struct tiktok *t, struct arena *arena, struct str state);
struct str tiktok_redirect_uri(const struct tiktok *t, struct arena *arena); /* service.url /api/v1/tiktok/callback */

void tiktok_exchange(const struct tiktok *t, struct arena *arena, struct str code, struct net_call *ret_call);
void tiktok_refresh(const struct tiktok *t, struct arena *arena, struct str refresh_token, struct net_call *ret_call);
void tiktok_revoke(const struct tiktok *t, struct arena *arena, struct str access_token, struct net_call *ret_call);
void tiktok_user_info(const struct tiktok *t, struct arena *arena, struct str access_token, struct net_call *ret_call);
/* The picture at an account's avatar_url. False: that is no address to fetch from. */
MUST_CHECK bool tiktok_avatar(const struct tiktok *t, struct arena *arena, struct str url, size_t max_bytes,
                              struct net_call *ret_call);
void tiktok_creator_info(const struct tiktok *t, struct arena *arena, struct str access_token,
                         struct net_call *ret_call);
void tiktok_init(const struct tiktok *t, struct arena *arena, struct str access_token, struct str payload,
                 struct net_call *ret_call); /* a fresh connection; timeout conf.tiktok_timeout_sec */
void tiktok_status(const struct tiktok *t, struct arena *arena, struct str access_token, struct str publish_id,
                   struct net_call *ret_call);

/*
 * Of the simulator alone (MODE_TEST): what its consent page does for a person in a browser. The creator is made if there is
 * none of that name. The reader gives the code for tiktok_exchange, or the errors of other readers.
 */
struct tiktok_test_creator {
    struct str username;   /* 1 to 24 of a-z 0-9 . _ */
    struct str post_block; /* TikTok's code that says why it cannot post; absent: it can */
    bool private_account, comment_disabled;
};
void tiktok_test_consent(const struct tiktok *t, struct arena *arena, const struct tiktok_test_creator *creator,
                         struct net_call *ret_call);
MUST_CHECK enum err tiktok_read_test_consent(const struct net_result *r, struct arena *arena, struct str *ret_code);

/* What a refusal says. */
struct tiktok_error {
    struct str code, log_id, message; /* absent if no such answer could be read */
    int http_status;
};

/*
 * Readers return OK with the struct filled, the ERR_NET_* of the result, ERR_TIKTOK_REFUSED if TikTok's answer names a
 * code other than ok (error filled), or ERR_NET_UNKNOWN if the answer cannot be used (not JSON, fields missing, 5xx).
 */
struct tiktok_tokens {
    struct str open_id, scope, access_token, refresh_token;
    int64_t expires_in_sec, refresh_expires_in_sec;
};
MUST_CHECK enum err tiktok_read_tokens(const struct net_result *r, struct arena *arena, struct tiktok_tokens *ret,
                                       struct tiktok_error *ret_error);

struct tiktok_user {
    struct str open_id, display_name, avatar_url;
};
MUST_CHECK enum err tiktok_read_user(const struct net_result *r, struct arena *arena, struct tiktok_user *ret,
                                     struct tiktok_error *ret_error);

struct tiktok_creator {
    struct str username, nickname, privacy_level_options; /* options: separated by commas */
    bool comment_disabled;
    struct str
        post_block; /* the code when TikTok says with 200 that the creator cannot post now; then OK is returned */
};
MUST_CHECK enum err tiktok_read_creator(const struct net_result *r, struct arena *arena, struct tiktok_creator *ret,
                                        struct tiktok_error *ret_error);

/* A refusal that names a publish_id all the same says nothing about the post: ERR_NET_UNKNOWN, with error filled. */
MUST_CHECK enum err tiktok_read_init(const struct net_result *r, struct arena *arena, struct str *ret_publish_id,
                                     struct tiktok_error *ret_error);

enum tiktok_publish_status { TIKTOK_PROCESSING, TIKTOK_INBOX, TIKTOK_COMPLETE, TIKTOK_FAILED };
struct tiktok_status {
    enum tiktok_publish_status status;
    struct str status_text, fail_reason;
    struct str post_ids; /* every digit kept, separated by commas */
    struct str log_id;
};
MUST_CHECK enum err tiktok_read_status(const struct net_result *r, struct arena *arena, struct tiktok_status *ret,
                                       struct tiktok_error *ret_error);

MUST_CHECK enum err tiktok_read_revoke(const struct net_result *r, struct arena *arena, struct tiktok_error *ret_error);

/* The body of init (docs/tiktok.md#init). Both brand toggles are always sent with DIRECT_POST. */
struct tiktok_post {
    bool direct;
    struct str title, description, privacy_level;
    bool disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc;
    int64_t photo_cover_index;
    struct str *image_urls;
    size_t image_urls_n;
};
struct str tiktok_init_payload(struct arena *arena, const struct tiktok_post *post);

/*
 * What to do about a code of init or status, by the tables of tiktok_codes.c (docs/tiktok.md#init, docs/tiktok.md#status).
 * For a code that is in none the caller decides; after an init, tiktok_init_refusal.
 */
enum tiktok_action {
    TIKTOK_FINAL,        /* the post failed; the user is told */
    TIKTOK_RETRY,        /* nothing was posted: try again later, unasked */
    TIKTOK_DEFER,        /* a cap that resets: wait retry_after_sec, and show the user why */
    TIKTOK_REFRESH,      /* the access token is dead: refresh it, then try again */
    TIKTOK_REFRESH_ONCE, /* it may be dead: the same; if a fresh one is refused too, it is about the call */
    TIKTOK_RECONNECT,    /* the user must connect again */
};
struct tiktok_code {
    const char *code; /* TikTok's */
    int http_status;  /* that TikTok documents for it; 0: a fail_reason of status */
    enum tiktok_action action;
    const char *failure; /* our failure code of the post: "url_ownership_unverified" */
    int64_t retry_after_sec;
    const char *message; /* for the user: what it means and what to do */
};
const struct tiktok_code *tiktok_code_find(struct str code); /* NULL: in no table */

/*
 * What to do after an init for which tiktok_read_init returned ERR_TIKTOK_REFUSED. NULL: the answer does not say that
 * nothing was posted, so the outcome is unknown. Why which answer says so: docs/tiktok.md#refusals.
 */
const struct tiktok_code *tiktok_init_refusal(const struct tiktok_error *error);

/* Is this code TikTok's word for "our fault"? Then it is no refusal: something may have been done, and it passes. */
bool tiktok_is_outage(struct str code);

/* Does this code of /v2/oauth/token/ say that it is about the app, its key, its secret or how it asks, and no user? */
bool tiktok_is_about_app(struct str code);

/* Does it say that the client secret is wrong, or the key, so that nothing was looked at? */
bool tiktok_is_wrong_client(struct str code);

/* The message for one of our failure codes, including those that never come from TikTok (outcome_unknown,
 * confirmation_timeout, account_disconnected, worker_crashed, images_gone). NULL: there is none. */
const char *tiktok_failure_message(struct str failure);
bool tiktok_failure_retryable(struct str failure); /* may the user send the same post again as it is? */
