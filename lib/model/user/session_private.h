/* What the session*.c files share. */
#pragma once

#include "model/user/session.h"

/* The token before is good: its hash, and SESSION_OLD_TOKEN_ARGS. One that would be for longer than it can was given before the clock
 * was set back. */
#define SESSION_OLD_TOKEN "old_token_hash = ? AND old_token_until_us > ? AND old_token_until_us <= ?"
#define SESSION_OLD_TOKEN_IN "bii"
#define SESSION_OLD_TOKEN_ARGS(now_us) db_i64(now_us), db_i64((now_us) + 2 * SESSION_OVERLAP_US)
