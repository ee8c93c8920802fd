/*
 * The codes of authenticator apps (TOTP, RFC 6238; by liboath): HMAC-SHA-1, six digits, a new one every 30 seconds, which is
 * what every such app can do.
 *
 *    rand_bytes(secret, sizeof secret);
 *    uri = totp_uri(arena, "example.com", email, str_of(secret, sizeof secret));    // the app reads it as a picture
 *
 *    if (totp_find(secret, STR("287082"), clock_now_us(), &step))
 *        ... right; and once, if step is kept and an older or equal one is refused from then on
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

#define TOTP_SECRET_BYTES 20 /* RFC 4226 4, R6: what it recommends, and the length of HMAC-SHA-1 */
#define TOTP_DIGITS 6
#define TOTP_STEP_SEC 30
#define TOTP_SKEW_STEPS 1 /* RFC 6238 5.2: for a clock that is off, and for the time it takes to type */

int64_t totp_step(int64_t now_us); /* the 30 seconds that it is, counted from 1970 */

/* Is it the code of now, or of one step before or after? digits: TOTP_DIGITS of them. The time it takes tells nothing. */
MUST_CHECK bool totp_find(struct str secret, struct str digits, int64_t now_us, int64_t *ret_step);

/* As people type it into an app: base32 (RFC 4648) in capitals, without padding. */
struct str totp_base32(struct arena *arena, struct str secret);

/* otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=ISSUER&algorithm=SHA1&digits=6&period=30, as apps read it (the format is
 * described at https://github.com/google/google-authenticator/wiki/Key-Uri-Format). */
struct str totp_uri(struct arena *arena, struct str issuer, struct str account, struct str secret);
