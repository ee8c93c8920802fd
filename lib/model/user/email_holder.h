/*
 * Who has an address, or is to get it back as long as a change of it can be undone (email_change.h): the one place to look before an
 * address is given to anybody. Nobody else may notice; there is only a mail to that address.
 *
 *    e = email_holder_find(db, arena, key, &holder);
 *    if (e == OK)
 *        e = uuid_is_none(&holder.user_id) ? ... : email_holder_tell(db, &holder, MAIL_ALREADY_REGISTERED, true, request_id);
 */
#pragma once

#include "model/mail/outbox.h"

struct email_holder {
    struct uuid user_id;   /* none: nobody, it is free */
    struct uuid change_id; /* none: the user has it now; else the change that took it from the user and can be undone */
    bool is_enabled;       /* the user is */
};
MUST_CHECK enum err email_holder_find(struct db *db, struct arena *arena, struct str email_key,
                                      struct email_holder *ret_holder);

/*
 * Somebody wants the address, or says that it is theirs: adds the mail that its holder gets, in the transaction of what they did.
 * Who has it gets template; who can get it back gets the link that does so once more. For nobody, for who is disabled, and where
 * it may not be (mail/allowance.h), the row is nobody's, which worker@mail drops: so all of them take the same time.
 */
MUST_CHECK enum err email_holder_tell(struct db *db, const struct email_holder *holder, enum mail_template template,
                                      bool may, struct str request_id);

/* Whether there is somebody who can be told. */
bool email_holder_is_there(const struct email_holder *holder);

/*
 * Call it in each transaction that gives a user an address, after that is written: a change that is made at the same moment is not
 * seen before. ERR_DB_DUPLICATE: it is kept for somebody else.
 */
MUST_CHECK enum err email_check_kept(struct db *db, struct str email_key, const struct uuid *user_id);
