/* What the files of app auth share. */
#pragma once

#include "auth/throttle.h"
#include "fcgi/app.h"
#include "model/user/user.h"

struct auth_state {
    struct throttle *throttle;
};

extern const struct route auth_register_routes[], auth_verify_routes[], auth_session_routes[], auth_confirm_routes[],
    auth_me_routes[], auth_notifications_routes[], auth_unsubscribe_routes[];

#define AUTH_FIELD_MAX_BYTES 1024 /* of what is compared: far above what can match; longer ones are simply wrong */

/*
 * Sets the session's cookie, or with an empty token removes it. RFC 6265bis 4.1.3.2: the prefix __Host- binds it to this very
 * host, over TLS, for every path.
 */
void auth_set_cookie(struct ctx *c, struct str token, int64_t max_age_sec);

/* The user as the API shows it, over struct user. */
extern const struct json_field auth_user_fields[];
