/*
 * Passwords: bcrypt ($2b$) by libxcrypt, at most 72 bytes and no NUL, because bcrypt ignores what follows. At cost 12
 * one call takes a processor for 0.2 s: the caller must limit how many run at a time, as the auth app does with its
 * gate (lib/base/gate.h).
 */
#pragma once

#include "base/err.h"
#include "base/secret.h"

#define PASSWORD_HASH_SIZE 64 /* room for 60 characters and a NUL */
#define PASSWORD_MIN_CHARS 10
#define PASSWORD_MAX_BYTES 72

/* ERR_PASSWORD_TOO_SHORT (in characters), ERR_PASSWORD_TOO_LONG, ERR_PASSWORD_NUL, ERR_BAD_UTF8. */
MUST_CHECK enum err password_check(struct str password);

MUST_CHECK enum err password_hash(const struct secret *password, int cost, char ret_hash[static PASSWORD_HASH_SIZE]);

/* Takes the same time whether the password matches or not. If hash is NULL, it computes a hash at that cost anyway and
 * returns false. */
bool password_verify(const struct secret *password, const char *hash, int cost);
