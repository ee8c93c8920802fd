/* What the files of app auth share. */
#pragma once

#include "fcgi/app.h"
#include "crypto/password.h"
#include "model/user/user.h"

extern const struct route auth_register_routes[], auth_session_routes[], auth_me_routes[];

/* The user as the API shows it, over struct user. */
extern const struct json_field auth_user_fields[];

/* Both pass the gate: ERR_BUSY when the line is full. hash NULL stands for nobody: takes as long and does not match. */
MUST_CHECK enum err auth_hash(struct ctx *c, const struct secret *password, char ret_hash[static PASSWORD_HASH_SIZE]);
MUST_CHECK enum err auth_verify(struct ctx *c, const struct secret *password, const char *hash, bool *ret_matches);
