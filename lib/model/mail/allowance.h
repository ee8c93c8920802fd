/*
 * How many mails strangers, who are not signed in, can cause to an address in a UTC day. Two things are counted:
 *
 * - what they ask for, each kind of wish apart. Beyond its number nothing is done. It is the same for every address.
 * - what is mailed because of them: three in all. Whether an address has a user counts here, and must not show: so a mail for which
 *   there is no place is added all the same, as nobody's, and worker@mail drops it.
 *
 *    e = mail_take_allowance(db, MAIL_WISH_RESET, email_key, &may);
 *    if (e == OK && may)
 *        e = mail_take_place(db, MAIL_PLACE_LINK, email_key, email_holder_is_there(&holder), &is_mailed);
 *    if (e == OK && may)
 *        e = email_holder_tell(db, &holder, MAIL_RESET_PASSWORD, is_mailed, request_id);
 *
 * The three are kept for what the owner of the address needs, so that nobody who wastes them keeps the owner out:
 *
 *    of a user:  two that bring a link, whatever they were asked for; and a place that is left for the warning that sign-ins are
 *                refused
 *    of nobody:  three registrations, of which two ask for a password that a stranger may have chosen
 *
 * So where all are used up, one that arrived has a link, and that shows who reads the address's mail: a registration's is good for
 * seven days, and who has one to reset the password gets another by it, when its time is over (password_forgotten_again), which is
 * no stranger's wish any more. Whoever knows the password can end these links, by changing it: then the mail that tells of the
 * change has one that they cannot end (user/password_change.h), and counts nowhere.
 *
 * A change of address is no stranger's wish, because somebody asks for it who is signed in; nor is a code after the right
 * password. These have numbers of their own.
 *
 * Call both in the transaction that adds the mail, which they make wait for others of the same address, in this order. The caller
 * must not let the results show to who is not signed in.
 */
#pragma once

#include "db/db.h"

/* What allowance_wishes in allowance.c says of each: how many in a UTC day. */
enum mail_wish {
    MAIL_WISH_REGISTER,          /* without a password: a registration's first mail, and its mail once more */
    MAIL_WISH_REGISTER_PASSWORD, /* the same with one: no use to an owner who did not choose it */
    MAIL_WISH_RESET,
    MAIL_WISH_RESET_AGAIN, /* by a link: no stranger's */
    MAIL_WISH_CHANGE_EMAIL,
    MAIL_WISH_REFUSED,      /* nobody asks for these two: they tell that sign-ins were refused, */
    MAIL_WISH_REFUSED_CODE, /* and that somebody knows the password */
    MAIL_WISH__MAX
};

/* What allowance_places in allowance.c says of each: how many mails there may be before. */
enum mail_place {
    MAIL_PLACE_REGISTRATION,          /* the link of one, without a password */
    MAIL_PLACE_REGISTRATION_PASSWORD, /* the same with one */
    MAIL_PLACE_LINK,                  /* to a user, or to who can get the address back */
    MAIL_PLACE_WARNING,               /* to a user: its place is left by the one before, and its wish is one a day */
    MAIL_PLACE__MAX
};

/* email_key: as user_email_key makes it. ret_may: false if no more may be sent today. */
MUST_CHECK enum err mail_take_allowance(struct db *db, enum mail_wish wish, struct str email_key, bool *ret_may);

/* wanted: there is somebody to whom it would go. If not, the same is done where it counts for nothing. ret_may: it is wanted, and
 * has a place today. */
MUST_CHECK enum err mail_take_place(struct db *db, enum mail_place place, struct str email_key, bool wanted,
                                    bool *ret_may);

/* The link of a registration of that time is followed: it was no stranger's wish, and its place is free again, if that is today. */
MUST_CHECK enum err mail_give_place_back(struct db *db, struct str email_key, int64_t created_at_us);
