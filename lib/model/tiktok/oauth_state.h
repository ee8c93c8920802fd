/*
 * The state parameter of a TikTok connection in progress: 256 random bits, stored as their SHA-256, bound to the
 * session that started it, valid once and for ten minutes. It begins with what mode the account is to have, unless it is live.
 */
#pragma once

#include "base/mode.h"
#include "db/db.h"

#define OAUTH_STATE_TTL_US (600 * INT64_C(1000000))

MUST_CHECK enum err oauth_state_add(struct db *db, struct arena *arena, const struct uuid *session_id,
                                    const struct uuid *user_id, int mode, struct str *ret_state);

/* Would oauth_state_take take it now, and for an account of which mode is it? Uses nothing up. ERR_STATE_INVALID. */
MUST_CHECK enum err oauth_state_look(struct db *db, const struct uuid *session_id, struct str state, int *ret_mode);

/* Uses it up. ERR_STATE_INVALID if it is unknown, used, too old, or another session's (which then keeps it). */
MUST_CHECK enum err oauth_state_take(struct db *db, const struct uuid *session_id, struct str state);
