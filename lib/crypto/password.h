/*
 * Passwords: bcrypt ($2b$) by libxcrypt, at most 72 bytes and no NUL, because bcrypt ignores what follows. At cost 12
 * one call takes a processor for 0.2 s: the caller must limit how many run at a time, as the auth app does with the cost
 * of its routes (lib/fcgi/turns.h).
 */
#pragma once

#include "base/err.h"
#include "base/secret.h"

#define PASSWORD_HASH_SIZE 64 /* room for 60 characters and a NUL */
#define PASSWORD_MIN_CHARS 10
#define PASSWORD_MAX_BYTES 72

/* password, which is valid UTF-8, in normalization form C. */
struct secret password_nfc(struct str password);

/*
 * One password can be typed in several ways: a keyboard sends e with acute as one character or as two. All that is
 * hashed is in normalization form C, and the limits are those of that form.
 *
 * Whether it can be hashed; whether it may be chosen, password_rule.h says.
 * ERR_PASSWORD_TOO_SHORT (in characters), ERR_PASSWORD_TOO_LONG, ERR_PASSWORD_NUL, ERR_BAD_UTF8.
 */
MUST_CHECK enum err password_check(struct str password);

MUST_CHECK enum err password_hash(const struct secret *password, int cost, char ret_hash[static PASSWORD_HASH_SIZE]);

enum password_match {
    PASSWORD_WRONG,
    PASSWORD_RIGHT,
    PASSWORD_OUTDATED, /* right, but to be hashed anew: its hash has a lower cost, or was made of what is not in form C */
};

/*
 * cost is the configured one. Takes the same time for each hash that does not match, as long as its cost is not higher: one of a
 * lower cost is followed by work for nothing, and if hash is NULL, there is only that. A password that is not in form C is
 * then tried as it was sent, because old hashes were made so.
 */
enum password_match password_match(const struct secret *password, const char *hash, int cost);

static inline bool password_verify(const struct secret *password, const char *hash, int cost)
{
    return password_match(password, hash, cost) != PASSWORD_WRONG;
}
