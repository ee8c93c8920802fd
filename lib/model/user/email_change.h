/*
 * Changes of a user's address. One is asked for, confirmed from the new address, and effective then; the old address can undo
 * it for EMAIL_UNDO_US.
 *
 *               ask            confirm: by the link to the new address        undo: by the link to the old one
 *    (no row) ─────► waiting ─────────────────────────────────────► made ───────────────────────────────────► undone
 *                       │ another is asked for or made, one is undone, or EMAIL_CHANGE_WAITS_US
 *                       └────────────────────────────────────────────────────────────────────────────────────► over
 *
 * An old address is worth more than what came after it: undoing a change puts its old address back whatever the address is by
 * now, and undoes all changes of the user that were made after it, so their links do no more. As whoever made the change
 * knew the password, that is no longer good either, and a new one is chosen by the link of a mail to the old address.
 *
 * So that the old address is there to be put back, nobody else gets it as long as its change can be undone: user_email_owner
 * (user.h) says so.
 *
 * A row goes EMAIL_CHANGE_KEPT_US after it was made.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

#define EMAIL_CHANGE_WAITS_US (72 * 3600 * US_PER_SEC) /* two days of tries to send the mail, and the 24 hours of its link */
#define EMAIL_UNDO_US (72 * 3600 * US_PER_SEC)
#define EMAIL_CHANGE_KEPT_US (EMAIL_CHANGE_WAITS_US + EMAIL_UNDO_US)
#define EMAIL_CHANGES_PER_DAY 5 /* that a user can ask for: each is a mail to an address that may be somebody else's */
