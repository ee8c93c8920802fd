/*
 * Changes of a user's address. One is asked for, confirmed from the new address, and effective then; the old address can undo
 * it for EMAIL_UNDO_US.
 *
 *               ask            confirm: by the link to the new address        undo: by the link to the old one
 *    (no row) ─────► waiting ─────────────────────────────────────► made ───────────────────────────────────► undone
 *                       │ another is asked for or made, one is undone, sessions or the password
 *                       │ end (email_waiting.h), or EMAIL_CHANGE_WAITS_US
 *                       └────────────────────────────────────────────────────────────────────────────────────► over
 *
 * An old address is worth more than what came after it: undoing a change puts its old address back whatever the address is by
 * now, and undoes all changes of the user that were made after it, so their links do no more. As whoever made the change
 * knew the password, that is no longer good either, and a new one is chosen by the link of a mail to the old address. What they may
 * have left in the account goes, too (taken_over.h): a second factor and keys that came, or may do more, since EMAIL_OWN_US
 * before the change was asked for. A thief who knows that would set them up first. An older second factor stays: who reads the old mailbox, and
 * nothing more, must not get past it.
 *
 * So that the old address is there to be put back, nobody else gets it as long as its change can be undone
 * (email_holder.h).
 *
 * All transactions lock the user before they look at the rows. A row goes six days after it was made
 * (mail/tidy.h): then its change can neither be confirmed nor undone.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

struct session; /* user/session.h */

/* Two days of tries to send the mail, and the 24 hours of its link, which are all that users are told of (token_lifetime_us). */
#define EMAIL_CHANGE_WAITS_US (72 * 3600 * US_PER_SEC)
#define EMAIL_UNDO_US (72 * 3600 * US_PER_SEC)
/* What is older counts as the owner's. A thief who wants to keep something past the undo has to wait so long with the change, while
 * the owner has a mail that tells of the second factor, and cannot sign in. Longer, and a second factor that an owner has set up
 * against whoever reads their mail could be got rid of by its link, and more keys that nobody has stolen would stop. */
#define EMAIL_OWN_US (7 * US_PER_DAY)
#define EMAIL_CHANGES_PER_DAY 5 /* of a user: each is a mail to an address that may be somebody else's */

/* Who asks, and in which session: it must not end meanwhile. session_id NULL: an admin, for the user. */
struct email_asker {
    const struct uuid *user_id, *session_id;
    struct str sent; /* the session's token, or the one before */
    struct str request_id;
};

/*
 * Asks for a change, in place of any that waits. Does the same whether the address is free or not: where it is not, its holder
 * gets the mail. email has passed user_email_check. ERR_EMAIL_CHANGES (the user's), ERR_ADDRESS_MAILS (the address's, whoever has
 * it), both with how long to wait, and then nothing changes; ERR_ACCOUNT_DISABLED; ERR_SESSION_EXPIRED.
 */
MUST_CHECK enum err email_change_ask(struct db *db, struct arena *arena, const struct email_asker *asker,
                                     struct str email, int64_t *ret_wait_us);

struct email_changed {
    struct str email;         /* the user's address now */
    struct str session_token; /* of the session that goes on; absent: there is none */
};

/*
 * Makes the change whose token that is. own: the session of whoever has the link (NULL: none); if it is the user's it goes on with
 * a new token, and all others end. ERR_TOKEN; ERR_EMAIL_TAKEN: somebody else has the address by now, and the link stays good.
 */
MUST_CHECK enum err email_change_confirm(struct db *db, struct arena *arena, struct str token,
                                         const struct session *own, struct str request_id,
                                         struct email_changed *ret_changed);

/* By an admin who knows that the address is the user's: made at once, without a link to it. All sessions end. ERR_BAD_EMAIL;
 * ERR_EMAIL_TAKEN; ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err email_change_correct(struct db *db, struct arena *arena, const struct uuid *user_id,
                                         struct str email);

/*
 * Undoes the change whose token that is, also of a user who is disabled, who gets no mail. Ends all sessions and all that waits;
 * no_hash takes the place of the password: a bcrypt hash of what nobody knows. ERR_TOKEN; ERR_EMAIL_TAKEN. The caller then ends
 * the credential epoch, also after ERR_OUTCOME_UNKNOWN.
 */
MUST_CHECK enum err email_change_undo(struct db *db, struct arena *arena, struct str token, const char *no_hash,
                                      struct str request_id, struct email_changed *ret_changed);
