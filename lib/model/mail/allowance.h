/*
 * How many mails strangers can cause to an address. What they can ask for is counted for each kind of wish apart, so that
 * nobody who wastes one kind keeps the owner from another: the mail to reset a password comes however often somebody has
 * registered the address today.
 *
 *    e = mail_take_allowance(db, MAIL_WISH_RESET, email_key, &may);
 *    if (e == OK && may)
 *        e = mail_add(...);
 *
 * Call it in the transaction that adds the mail, which it makes wait for others of the same address. The caller must not let
 * ret_may show to who is not signed in: it is the same for known and unknown addresses.
 */
#pragma once

#include "db/db.h"

/* What allowance_wishes in allowance.c says of each: how many in a UTC day. */
enum mail_wish {
    MAIL_WISH_REGISTER,          /* without a password: a registration's first mail, and its mail once more */
    MAIL_WISH_REGISTER_PASSWORD, /* the same with one: no use to an owner who did not choose it */
    MAIL_WISH_RESET,
    MAIL_WISH_CHANGE_EMAIL,
    MAIL_WISH_REFUSED,      /* nobody asks for these two: they tell that sign-ins were refused, */
    MAIL_WISH_REFUSED_CODE, /* and that somebody knows the password */
    MAIL_WISH__MAX
};

/* email_key: as user_email_key makes it. ret_may: false if no more may be sent today. */
MUST_CHECK enum err mail_take_allowance(struct db *db, enum mail_wish wish, struct str email_key, bool *ret_may);
