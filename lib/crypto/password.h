/*
 * Passwords: bcrypt ($2b$) by libxcrypt, at most 72 bytes and no NUL, because bcrypt ignores what is beyond either.
 * One call takes 0.2 s of a processor at cost 12: callers hold the semaphore of app auth.
 */
#pragma once

#include "base/err.h"
#include "base/secret.h"

#define PASSWORD_HASH_SIZE 64 /* 60 characters and the NUL fit */
#define PASSWORD_MIN_CHARS 10
#define PASSWORD_MAX_BYTES 72

/* ERR_PASSWORD_TOO_SHORT (in characters), ERR_PASSWORD_TOO_LONG, ERR_PASSWORD_NUL, ERR_BAD_UTF8. */
MUST_CHECK enum err password_check(struct str password);

MUST_CHECK enum err password_hash(const struct secret *password, int cost, char ret_hash[static PASSWORD_HASH_SIZE]);

/* Takes the same time whether it matches or not. hash NULL: compares with a hash of nothing at that cost, and says no.
 */
bool password_verify(const struct secret *password, const char *hash, int cost);
