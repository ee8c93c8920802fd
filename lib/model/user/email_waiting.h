/*
 * The change of address that a user has asked for, and that waits to be confirmed (email_change.h). Its link works without a
 * session, so whatever ends what others may do with the account ends it, too.
 */
#pragma once

#include "db/db.h"

/*
 * A part of a transaction that has locked the user: what waits is not to be confirmed any more, whatever the clock says, and its
 * links are good for nothing. A mail with another one is not sent.
 */
MUST_CHECK enum err email_waiting_stop(struct db *db, const struct uuid *user_id);

struct email_waiting {
    struct str email; /* the new address */
    int64_t created_at_us;
};

/* What waits; ERR_NOT_FOUND: nothing. */
MUST_CHECK enum err email_waiting_look(struct db *db, struct arena *arena, const struct uuid *user_id,
                                       struct email_waiting *ret_waiting);

/* The user does not want it any more. OK also when nothing waits. ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err email_waiting_give_up(struct db *db, struct arena *arena, const struct uuid *user_id);
