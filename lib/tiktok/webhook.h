/*
 * TikTok's webhooks: the signature and the event, reduced to what is needed. Nothing here does I/O. Facts and sources:
 * docs/tiktok.md#webhooks.
 *
 *    s = tiktok_signature_check(r->tiktok_signature, body, &client_secrets, clock_now_us());
 *    e = tiktok_read_event(arena, body, &event, &why);    // after its signature was found good
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/secret_ring.h"
#include "crypto/timed_signature.h"

#define TIKTOK_EVENT_MAX_BYTES (64u << 10) /* they have a few hundred bytes */
#define TIKTOK_EVENT_NAME_MAX_BYTES 64
#define TIKTOK_OPEN_ID_MAX_BYTES 128
#define TIKTOK_PUBLISH_ID_MAX_BYTES 64

/* TikTok tries for 72 hours, and it is not documented whether it signs each try anew; an hour more, for a try that was slow. */
#define TIKTOK_SIGNATURE_AGE_SEC (73 * 3600)
#define TIKTOK_SIGNATURE_AHEAD_SEC 300

/* TikTok-Signature: t=<seconds>,s=<64 hex digits>, made with the client secret, old or new. There must be one. */
enum timed_signature tiktok_signature_check(struct str header, struct str body,
                                            const struct secret_ring *client_secrets, int64_t now_us);

/* What an event is for here; all others are kept, and that is all. */
enum tiktok_use {
    TIKTOK_USE_NONE,
    TIKTOK_USE_REMOVED, /* the user has ended the grant at TikTok: the tokens are dead */
    TIKTOK_USE_POST,    /* something became of a post: ask about it */
};

struct tiktok_event {
    struct str client_key, name;
    enum tiktok_use use;
    struct str open_id;    /* absent: it is about nobody */
    struct str publish_id; /* these three from its content; absent: not said, or nothing that can be used */
    struct str post_id;
    struct str reason;
    int64_t created_us;
};

/* The reason with which TikTok tells that we ourselves have revoked the grant. */
#define TIKTOK_REASON_OURS "5"

/*
 * ERR_BODY_TOO_LARGE; ERR_BAD_JSON, ERR_BAD_UTF8 or ERR_JSON_TOO_DEEP for what is no JSON object; ERR_VALIDATION when it is none of
 * TikTok's events: ret_why says what, in words for the log. Fields that are unknown do not matter, nor does content that cannot be read:
 * who lost a grant is told without it.
 */
MUST_CHECK enum err tiktok_read_event(struct arena *arena, struct str body, struct tiktok_event *ret,
                                      const char **ret_why);
