/*
 * Sign-ins to an account are refused for a while, because too many passwords or codes were wrong: its owner is told, by a mail and
 * in the activity. The mail is one that a stranger causes (mail/allowance.h), unless whoever guesses knows the password.
 */
#pragma once

#include "db/db.h"

/* email_key: as user_email_key makes it. OK if nobody has that address, or who has it is disabled: then nothing happens.
 * knows_password: whoever guesses has sent codes with the right password. */
MUST_CHECK enum err refused_tell(struct db *db, struct arena *arena, struct str email_key, bool knows_password,
                                 struct str request_id);
