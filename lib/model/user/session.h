/*
 * Sessions of the dashboard. The token is 256 random bits in base62, stored as its SHA-256; the cookie is
 * __Host-session.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"
#include "model/billing/terms.h"

struct sha256; /* crypto/digest.h */

#define SESSION_COOKIE "__Host-session"
/* How long the token before goes on: longer than what a browser sent before the new one came. Requests begin quickly. */
#define SESSION_OVERLAP_US (20 * US_PER_SEC)
#define SESSION_RECENT_US (10 * 60 * US_PER_SEC) /* for how long a password that was typed opens what asks for it */

struct session {
    struct uuid id, user_id;
    int user_state;
    struct plan_terms plan; /* a copy of the user's */
    int64_t created_at_us, last_seen_at_us, expires_at_us;
    int64_t confirmed_at_us; /* when the password was typed again; 0: not since the sign-in */
    bool is_old_token;       /* it was read by the token that a confirmation has replaced */
};

int64_t session_lifetime_sec(const struct conf *conf); /* the cookie's Max-Age */
int64_t session_idle_us(const struct conf *conf);      /* one that was not used for this long is over */

/* Who signs in. */
struct session_new {
    const struct uuid *user_id;
    const struct sha256 *mark; /* of the password that was given: user_password_mark */
    struct str replaced;       /* the token of the session that the browser had; absent: none */
    /* What else happens in the same transaction, once the user's row is locked; NULL: nothing. */
    enum err (*also)(struct db *db, void *arg);
    void *arg;
};

/*
 * Also ends the session whose token is replaced, the user's own that are over and a few others that are,
 * and, at CAP_SESSIONS (user/caps.h), the one that was not used for longest, which is noted: a sign-in is never refused for the
 * number of sessions. It is noted in the user's activity. ERR_ACCOUNT_DISABLED if the user is disabled or gone (one who is being erased can sign in), ERR_BAD_CREDENTIALS
 * if the password is another by now, or the error of also: then none of the user's was ended.
 */
MUST_CHECK enum err session_create(struct db *db, struct arena *arena, const struct conf *conf,
                                   const struct session_new *new, struct str *ret_token);

/*
 * One indexed read of one table, and a second one for a token that it does not find: SESSION_OVERLAP_US after a confirmation the
 * one before is still good; last_seen_at_us is written if it is more than a minute old. ERR_SESSION_EXPIRED if
 * there is no such session, or it has been idle or alive for too long; ERR_ACCOUNT_DISABLED. A user who is being erased can have one: the
 * caller looks at user_state.
 */
MUST_CHECK enum err session_authenticate(struct db *db, struct arena *arena, const struct conf *conf, struct str token,
                                         struct session *ret_session);

/* Whether its password was typed within SESSION_RECENT_US, at the sign-in or since; by the old token only at the sign-in. */
bool session_is_recent(const struct session *session);

/*
 * The password was typed again: the session is recent from now until ret_until_us, and gets a new token in place of the old one,
 * which goes on for SESSION_OVERLAP_US, but is not recent by that. sent: its token, or the old one, of whoever lost the answer.
 * ERR_SESSION_EXPIRED if it is gone, or that is no token of it any more.
 */
MUST_CHECK enum err session_confirm(struct db *db, struct arena *arena, const struct uuid *id, struct str sent,
                                    struct str *ret_token, int64_t *ret_until_us);

/*
 * A new token in place of the old one, in the same way, because the session may do something else from now on; it is as recent
 * as before. Also within a transaction.
 */
MUST_CHECK enum err session_renew(struct db *db, struct arena *arena, const struct uuid *id, struct str sent,
                                  struct str *ret_token);

/* Somebody on the way has seen a token with this hash: ends the session whose it is, also by its old one while that is good, and
 * notes it in the activity. ERR_NOT_FOUND if there is none. */
MUST_CHECK enum err session_end_seen(struct db *db, struct arena *arena, const struct sha256 *hash);

MUST_CHECK enum err session_end(struct db *db, const struct uuid *id); /* deletes it; OK if it is gone already */

/* Those of a user that are not over, by falling id, from below on and at most max. */
MUST_CHECK enum err session_list(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct uuid *user_id, const struct uuid *below, size_t max,
                                 struct session **ret_sessions, size_t *ret_n);

/* One of the user's is ended from another one, by; which is noted in the activity. ERR_NOT_FOUND if it is none of the user's. */
MUST_CHECK enum err session_end_other(struct db *db, struct arena *arena, const struct uuid *user_id,
                                      const struct uuid *by, const struct uuid *id);

/* All of the user's but by, and the sign-ins that wait for a code, as the user asks for it: noted in the activity. */
MUST_CHECK enum err session_end_all_others(struct db *db, struct arena *arena, const struct uuid *user_id,
                                           const struct uuid *by);
