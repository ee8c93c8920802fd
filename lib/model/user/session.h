/*
 * Sessions of the dashboard. The token is 256 random bits in base62, stored as its SHA-256; the cookie is
 * __Host-session.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"

#define SESSION_COOKIE "__Host-session"
#define SESSION_RECENT_US (10 * 60 * US_PER_SEC) /* for how long a password that was typed opens what asks for it */

struct session {
    struct uuid id, user_id;
    int user_state;
    int64_t created_at_us, last_seen_at_us, expires_at_us;
    int64_t confirmed_at_us; /* when the password was typed again; 0: not since the sign-in */
};

int64_t session_lifetime_sec(const struct conf *conf); /* the cookie's Max-Age */
int64_t session_idle_us(const struct conf *conf);      /* one that was not used for this long is over */

/*
 * Also ends the session whose token is replaced (absent: none), the user's own that are over and a few others that are,
 * and, at CAP_SESSIONS (user/caps.h), the one that was not used for longest: a sign-in is never refused for the number
 * of sessions. ERR_ACCOUNT_DISABLED if the user is disabled or gone: then none of the user's was ended.
 */
MUST_CHECK enum err session_create(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct uuid *user_id, struct str replaced, struct str *ret_token);

/*
 * One indexed read of one table; last_seen_at_us is written if it is more than a minute old. ERR_SESSION_EXPIRED if
 * there is no such session, or it has been idle or alive for too long; ERR_ACCOUNT_DISABLED.
 */
MUST_CHECK enum err session_authenticate(struct db *db, struct arena *arena, const struct conf *conf, struct str token,
                                         struct session *ret_session);

/* Whether its password was typed within SESSION_RECENT_US, at the sign-in or since. */
bool session_is_recent(const struct session *session);

/*
 * The password was typed again: the session is recent from now until ret_until_us, and gets a new token in place of the old one.
 * ERR_SESSION_EXPIRED if it is gone, or has another token by now.
 */
MUST_CHECK enum err session_confirm(struct db *db, struct arena *arena, const struct uuid *id, struct str old_token,
                                    struct str *ret_token, int64_t *ret_until_us);

MUST_CHECK enum err session_end(struct db *db, const struct uuid *id); /* deletes it; OK if it is gone already */
