/*
 * A user's password: changed by who knows it, or reset by who has the link of a mail. Either ends the links to reset it that are
 * under way, and tells the user by mail. API keys go on working; the mail says so.
 *
 * Somebody else may know the password. They could change it whenever its owner has got a link to reset it, and strangers cause few
 * such links a day (mail/allowance.h). So each of these mails brings a link of its own (TOKEN_UNDO_PASSWORD), which chooses
 * another password within 72 hours of the change: it goes out however many mails there were, and no change in a session ends it. What ends
 * it is what takes more than the password: a reset by a link, the undoing of a change of address, an admin's reset.
 *
 * Which passwords may be chosen is crypto/password_rule.h; a hash is made before the transaction, because it takes a quarter of a
 * second.
 */
#pragma once

#include "db/db.h"

struct password_change {
    struct uuid user_id, session_id;
    struct str old_hash;  /* of the password that was typed */
    const char *new_hash; /* bcrypt */
    struct str request_id;
};

/*
 * Ends all other sessions; this one goes on with a new token. ERR_CONFLICT: old_hash is not the user's any more;
 * ERR_SESSION_EXPIRED; ERR_ACCOUNT_DISABLED.
 */
MUST_CHECK enum err password_change(struct db *db, struct arena *arena, const struct password_change *change,
                                    struct str *ret_session_token);

/*
 * Somebody who is not signed in has forgotten the password of an address: the link goes there, if that is the address of a user who
 * is enabled, as often in a day as mail/allowance.h says. The same is done for every address, and OK says nothing. ERR_BAD_EMAIL.
 */
MUST_CHECK enum err password_forgotten(struct db *db, struct arena *arena, struct str email, struct str request_id);

/*
 * The same for who has a link to reset it, also for a day and more after its time is over (TOKEN_KNOWN_US): they read the mail of
 * the address, so strangers cannot use up what they may ask for. ERR_TOKEN, also for who is disabled; ERR_ADDRESS_MAILS with how long to
 * wait.
 */
MUST_CHECK enum err password_forgotten_again(struct db *db, struct arena *arena, struct str token,
                                             struct str request_id, int64_t *ret_wait_us);

/* Whose link that is: to reset the password, or to choose another one after a change. It stays good. ERR_TOKEN. */
MUST_CHECK enum err password_look_link(struct db *db, struct arena *arena, struct str token, struct uuid *ret_user_id);

/* Resets the password of the user whose link that is, of either kind, and ends all sessions. ERR_TOKEN, also for who is disabled. */
MUST_CHECK enum err password_reset(struct db *db, struct arena *arena, struct str token, const char *hash,
                                   struct str request_id, struct uuid *ret_user_id);

/* A part of a transaction that has locked the user, of what takes more than the password: the hash is theirs from now on, whatever was
 * before. No link of either kind is good any more, and none is mailed that comes from before. Whoever calls it also ends the
 * sessions (session_others.h). */
MUST_CHECK enum err password_put(struct db *db, const struct uuid *user_id, const char *hash);
