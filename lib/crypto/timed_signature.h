/*
 * How providers sign their webhooks: a header t=<seconds>,<name>=<64 hex digits>[,...], an HMAC-SHA-256 over "<t>.<body>". Stripe's
 * name is v1 (docs/stripe.md#signature), TikTok's s (docs/tiktok.md#webhooks). Nothing here does I/O.
 *
 *    static const struct timed_signature_form form = {.name = "v1", .age_sec = 300, .ahead_sec = 300};
 *    enum timed_signature verdict = timed_signature_check(&form, header, body, secrets, n, clock_now_us());
 *    if (verdict != TIMED_SIGNATURE_GOOD)
 *        log(timed_signature_word(verdict)), answer 400
 *
 * The body is the bytes as they came: one that was parsed and written again has another signature.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define TIMED_SIGNATURE_HEADER_MAX_BYTES 2048 /* one with 20 signatures has 1400 */

struct timed_signature_form {
    const char *name;  /* of the items that are signatures */
    int64_t age_sec;   /* how old t may be */
    int64_t ahead_sec; /* how far ahead of our clock */
};

/* In the order in which they are found. The last two are said of what is signed rightly: a clock is wrong, or it is a
 * replay. */
enum timed_signature {
    TIMED_SIGNATURE_GOOD,
    TIMED_SIGNATURE_MISSING,       /* no header, or an empty one */
    TIMED_SIGNATURE_TOO_LONG,      /* of more than TIMED_SIGNATURE_HEADER_MAX_BYTES */
    TIMED_SIGNATURE_MALFORMED,     /* an item without '=' */
    TIMED_SIGNATURE_TIME_REPEATED, /* two t: libraries do not agree which of them counts */
    TIMED_SIGNATURE_TIME_MISSING,
    TIMED_SIGNATURE_TIME_INVALID, /* not a number as it is written */
    TIMED_SIGNATURE_NONE,         /* no item of the name */
    TIMED_SIGNATURE_WRONG,        /* none fits any secret */
    TIMED_SIGNATURE_TOO_OLD,
    TIMED_SIGNATURE_TOO_NEW,
    TIMED_SIGNATURE__MAX
};

/* header absent: there was none. Every signature is compared with every secret, in a time that does not depend on their bytes. */
enum timed_signature timed_signature_check(const struct timed_signature_form *form, struct str header, struct str body,
                                           const struct str *secrets, size_t n, int64_t now_us);
const char *timed_signature_word(enum timed_signature s); /* "too_old": for the log and the metrics */

/* The header of a body that is signed now, with each of the secrets: for the simulators. */
struct str timed_signature_make(struct arena *arena, const char *name, const struct str *secrets, size_t n,
                                struct str body, int64_t now_us);
