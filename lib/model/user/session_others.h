/* What a change of the password, the address or the second factor does to the user's sessions. Call these in its transaction, the user being locked. */
#pragma once

#include "db/db.h"

/*
 * Ends all sessions of a user but that one (none: all of them), the sign-ins that wait for a code, and the change of address that
 * waits, whoever has asked for it.
 */
MUST_CHECK enum err session_end_others(struct db *db, struct arena *arena, const struct uuid *user_id,
                                       const struct uuid *id);

/*
 * A new token for a session whose password was typed, or whose link was opened, just now; it is recent then, unless the user has
 * a second factor, which neither of these is. The one before is over at once: whoever
 * had stolen it is what the change is against. ERR_SESSION_EXPIRED if the session is gone.
 */
MUST_CHECK enum err session_change_token(struct db *db, struct arena *arena, const struct uuid *id,
                                         struct str *ret_token);

/*
 * Whether a request still has the session that it came with: it may have ended, or got another token, while the request waited
 * for the user. sent: the token that came, or the one before, as long as that is good. ERR_SESSION_EXPIRED.
 */
MUST_CHECK enum err session_check_still(struct db *db, const struct uuid *id, struct str sent);
