/*
 * The state parameter of a TikTok connection under way: 256 random bits, kept as their SHA-256, bound to the session
 * that started it, good for ten minutes and for one use.
 */
#pragma once

#include "db/db.h"

#define OAUTH_STATE_TTL_US (600 * INT64_C(1000000))

MUST_CHECK enum err oauth_state_add(struct db *db, struct arena *arena, const struct uuid *session_id,
                                    const struct uuid *user_id, struct str *ret_state);

/* Uses it up. ERR_STATE_INVALID: unknown, used, too old, or of another session (which then keeps it). */
MUST_CHECK enum err oauth_state_take(struct db *db, const struct uuid *session_id, struct str state);
