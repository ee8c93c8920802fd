/*
 * Mail that came back for good (RFC 3464): its row in the outbox says so. If that is about the address, and not about this mail
 * alone, or if the relay refuses the address at once, the user's address is marked as undeliverable, which the user sees at sign-in and in GET /api/v1/me. From then on optional mail (notice.h) is dropped; mail about the account
 * is still tried, because it may be the only way back to it. The mark goes when the address changes, and when somebody uses a link
 * that only a mail to it can have told them; or an admin takes it away (user_admin.h).
 *
 *    e = mail_bounced(db, arena, &mail_id, STR("5.1.1 no such user"), true, &marked);
 *
 * The mail's id is all that says which mail is meant, and the relay's word is not signed. It stands in the envelope's sender of
 * that one mail and nowhere else, and 62 bits of it are random: nobody can guess it, and only who handles a user's mail knows it.
 */
#pragma once

#include "db/db.h"

/*
 * A part of a transaction that has not locked the mail yet: no mail reaches the address that this one went to. It locks and marks
 * the user whose it is. ret_marked: not if it is another address: one that was never the user's, or no longer is, because it was
 * changed after the mail was made. ERR_NOT_FOUND: there is no such mail, or not any more.
 */
MUST_CHECK enum err mail_mark_address(struct db *db, struct arena *arena, const struct uuid *mail_id, bool *ret_marked);

/*
 * of_address: what came back says that no mail reaches the address (net/bounce.h).
 * ret_marked: whether the user's address is undeliverable because of it (mail_mark_address). A repeat changes nothing.
 * ERR_NOT_FOUND: there is no such mail, or not any more.
 */
MUST_CHECK enum err mail_bounced(struct db *db, struct arena *arena, const struct uuid *mail_id, struct str why,
                                 bool of_address, bool *ret_marked);

/* The user has a link that was mailed to the address, or an admin says so: mail arrives there. Call it in a transaction that has
 * locked the user. ret_was: it was marked; may be NULL. */
MUST_CHECK enum err mail_arrived(struct db *db, const struct uuid *user_id, bool *ret_was);
