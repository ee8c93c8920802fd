/*
 * The Stripe-Signature header of a webhook: t=<seconds>,v1=<64 hex digits>[,v1=...] over "<t>.<body>". Nothing here
 * does I/O. Facts and sources: docs/stripe.md#signature.
 *
 *    struct stripe_secrets secrets;
 *    if (!stripe_secrets_of(&ring, &secrets, &why)) ...          // at start
 *    enum timed_signature verdict = stripe_signature_check(header, body, &secrets, clock_now_us());
 *    if (verdict != TIMED_SIGNATURE_GOOD)
 *        log(timed_signature_word(verdict)), answer 400
 *
 * The body is the bytes as they came: one that was parsed and written again has another signature.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/secret_ring.h"
#include "crypto/timed_signature.h"

#define STRIPE_SIGNATURE_AGE_SEC 300 /* as Stripe's libraries have it, in both directions */

/* The signing secrets of the endpoint, newest first: two while one is rolled; a second endpoint has its own. */
struct stripe_secrets {
    struct str v[SECRET_RING_MAX];
    size_t n;
};

/* Those of a ring (SECRET_RING_WORDS), in which they live: at least one, each whsec_ and what follows it. False: ret_why says what is
 * wrong. */
MUST_CHECK bool stripe_secrets_of(const struct secret_ring *ring, struct stripe_secrets *ret_secrets,
                                  const char **ret_why);

/* header absent: there was none. Every v1 is compared with every secret, in a time that does not depend on their bytes. */
enum timed_signature stripe_signature_check(struct str header, struct str body, const struct stripe_secrets *secrets,
                                            int64_t now_us);
