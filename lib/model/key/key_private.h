/* What the key*.c files share. */
#pragma once

#include "model/key/key.h"
#include "model/user/activity.h"

/* A new secret in the arena. */
struct str key_new_text(struct arena *arena, int mode);

/* By one of its secrets. ERR_NOT_FOUND. */
MUST_CHECK enum err key_by_hash(struct db *db, struct arena *arena, const struct sha256 *hash, struct key *ret_key);

/* Whether it may be used now: ERR_KEY_EXPIRED, ERR_KEY_ROTATED, ERR_INVALID_KEY, ERR_KEY_SEEN, ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err key_check(const struct key *k);

/* Puts into its owner's activity what they did with a key. */
MUST_CHECK enum err key_note(struct db *db, enum activity_what what, const struct key *k);

/* A row as struct key. A SET as a number has a bit for each of its members. */
#define KEY_COLS \
    "COALESCE(of_key_id, id), of_key_id IS NOT NULL, user_id, user_state, name, prefix, CAST(scopes AS UNSIGNED)," \
    " created_at_us, expires_at_us, old_secret_expires_at_us, last_used_at_us, revoked_at_us, revoked_reason, mode," \
    " EXISTS (SELECT 1 FROM key_budgets b WHERE b.key_id = COALESCE(of_key_id, id)), " PLAN_TERMS_COLS("")
extern const struct db_col key_cols[];

/* The rows of keys that their owners see, and not those of old secrets. */
#define KEY_IS_SHOWN "of_key_id IS NULL AND (revoked_at_us IS NULL OR revoked_reason IS NOT NULL)"

/*
 * UPDATE KEY_ALL_ROWS SET … WHERE KEY_ARE_ITS_ROWS, with the user, the key and the key again: all rows of a key that was not
 * revoked. They are found among the few of the user that were not.
 */
#define KEY_ALL_ROWS "api_keys FORCE INDEX (by_user_live)"
#define KEY_ARE_ITS_ROWS "user_id = ? AND revoked_at_us IS NULL AND ((id = ? AND of_key_id IS NULL) OR of_key_id = ?)"
