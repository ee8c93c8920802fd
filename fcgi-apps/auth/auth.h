/* What the files of app auth share. */
#pragma once

#include "auth/guess.h"
#include "auth/throttle.h"
#include "fcgi/app.h"
#include "model/user/second_factor.h"
#include "model/user/user.h"

struct auth_state {
    struct throttle *throttle;
    struct guess_notices *notices;
    struct keyring *ring; /* of second factors */
};

extern const struct route auth_register_routes[], auth_verify_routes[], auth_session_routes[], auth_sessions_routes[],
    auth_confirm_routes[], auth_totp_routes[], auth_me_routes[];

#define AUTH_FIELD_MAX_BYTES 1024 /* of what is compared: far above what can match; longer ones are simply wrong */

/* The rest of the row of a field that takes a code (model/user/second_code.h). */
#define AUTH_CODE_FIELD \
    .max = AUTH_FIELD_MAX_BYTES, \
    .help = "What your authenticator app shows, or a recovery code; spaces and hyphens do not count", \
    .policy = "account.second_factor"

/*
 * Sets the session's cookie, or with an empty token removes it. RFC 6265bis 4.1.3.2: the prefix __Host- binds it to this very
 * host, over TLS, for every path.
 */
void auth_set_cookie(struct ctx *c, struct str token, int64_t max_age_sec);

/* The token that the browser sent; absent: none, or several. */
struct str auth_sent_token(const struct ctx *c);

/* Who changes the second factor, or confirms with it: the caller, from its session. */
struct second_factor_change auth_change_by(const struct ctx *c);

/* The user as the API shows it, over struct user. */
extern const struct json_field auth_user_fields[];
