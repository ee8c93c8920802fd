/*
 * What a user is told of their own mails: those that did not reach them, because the relay has refused them for good or for two days, or
 * because they came back. Mails to an address that is not known to be the user's are none of these: what became of them would tell
 * something about the address.
 */
#pragma once

#include "db/db.h"

#define MAIL_UNDELIVERED_MAX 100 /* the newest of the 90 days for which rows are kept */

struct mail_undelivered {
    struct str template_name; /* of model/mail/mail.def */
    int64_t created_at_us;
    int64_t failed_at_us;
    bool came_back;
};

MUST_CHECK enum err mail_list_undelivered(struct db *db, struct arena *arena, const struct uuid *user_id,
                                          struct mail_undelivered **ret_rows, size_t *ret_n);
