/* What the files of app auth share. */
#pragma once

#include "auth/guess.h"
#include "auth/throttle.h"
#include "crypto/password.h"
#include "fcgi/app.h"
#include "model/user/second_factor.h"
#include "model/user/user.h"

struct auth_state {
    struct throttle *throttle;
    struct guess_notices *notices;
    struct keyring *ring; /* of second factors */
};

extern const struct route auth_register_routes[], auth_verify_routes[], auth_session_routes[], auth_sessions_routes[],
    auth_confirm_routes[], auth_totp_routes[], auth_me_routes[], auth_password_routes[], auth_email_routes[],
    auth_activity_routes[], auth_notifications_routes[], auth_mails_routes[], auth_unsubscribe_routes[];

#define AUTH_FIELD_MAX_BYTES 1024 /* of what is compared: far above what can match; longer ones are simply wrong */

/* The rest of the row of a field that takes a code (model/user/second_code.h). */
#define AUTH_CODE_FIELD \
    .max = AUTH_FIELD_MAX_BYTES, \
    .help = "What your authenticator app shows, or a recovery code; spaces and hyphens do not count", \
    .policy = "account.second_factor"

/* Of one that takes an address, and of one that takes the token of a mailed link. */
#define AUTH_EMAIL_FIELD .required = true, .check = auth_check_email
#define AUTH_LINK_FIELD \
    .required = true, .max = AUTH_FIELD_MAX_BYTES, .help = "What comes after the # in the mailed link", \
    .policy = "account.token"

/* A check of json_field: value is a struct str, and must be an address (model/user/user.h). */
enum err auth_check_email(const void *value);

/*
 * Sets the session's cookie for as long as a session lives, or with an empty token removes it. RFC 6265bis 4.1.3.2: the
 * prefix __Host- binds it to this very host, over TLS, for every path.
 */
void auth_set_cookie(struct ctx *c, struct str token);

/* Who changes the second factor, or confirms with it: the caller, from its session. */
struct second_factor_change auth_change_by(const struct ctx *c);

/* The user as the API shows it, over struct user. */
extern const struct json_field auth_user_fields[];

/*
 * The password of whoever asks, as the throttle lets them try it: ERR_WRONG_PASSWORD; ERR_WRONG_TOO_OFTEN, with how long to wait.
 * user is of user_by_id.
 */
MUST_CHECK enum err auth_try_password(struct ctx *c, const struct user *user, struct str text);
MUST_CHECK enum err auth_caller_user(struct ctx *c,
                                     struct user *ret_user); /* ERR_ACCOUNT_DISABLED, also if it is gone */

/* Adds the problem of a password that this user may not choose (crypto/password_rule.h), unless it is absent. */
void auth_check_password(struct ctx *c, const char *param, struct str text, const struct user *user);
MUST_CHECK enum err auth_hash_password(struct ctx *c, struct str text, char ret_hash[static PASSWORD_HASH_SIZE]);

/* Says the same, whatever is known of an address, so that nobody learns who has an account; after the same work. */
MUST_CHECK enum err auth_reply_accepted(struct ctx *c);
