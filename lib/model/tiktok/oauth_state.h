/*
 * The state parameter of a TikTok connection in progress: 256 random bits, stored as their SHA-256, bound to the
 * session that started it, valid once and for ten minutes.
 */
#pragma once

#include "db/db.h"

#define OAUTH_STATE_TTL_US (600 * INT64_C(1000000))

MUST_CHECK enum err oauth_state_add(struct db *db, struct arena *arena, const struct uuid *session_id,
                                    const struct uuid *user_id, struct str *ret_state);

/* Would oauth_state_take take it now? Uses nothing up. ERR_STATE_INVALID. */
MUST_CHECK enum err oauth_state_look(struct db *db, const struct uuid *session_id, struct str state);

/* Uses it up. ERR_STATE_INVALID if it is unknown, used, too old, or another session's (which then keeps it). */
MUST_CHECK enum err oauth_state_take(struct db *db, const struct uuid *session_id, struct str state);
