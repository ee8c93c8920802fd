/*
 * Registrations: who registers has no user until they follow the mailed link. Until then there is a row of seven days, and
 * an address can have several of them, because nobody knows who has made them: so nobody can sit on an address that is
 * not theirs. The link of one of them makes the user, and drops the others with their links.
 *
 *                create             confirm: the link, with the password
 *      (no row) ────────► pending ──────────────────────────────────────► (no row, a user)
 *                           │ another one of the address is confirmed
 *                           ├──────────────────────────────────────────► (no row)
 *                           │ seven days, or too many wrong passwords
 *                           └──────────────────────────────────────────► (no row)
 *
 *    e = registration_create(db, arena, &(struct registration_new){.email = email, .password_hash = hash, ...});
 *
 *    e = registration_by_token(db, arena, token, &r);
 *    if (e == OK && r.password_hash.p != NULL)
 *        e = registration_count_try(db, &r);    and compare what was typed with it
 *    e = registration_confirm(db, arena, token, &r, hash, &user);
 *
 * Whoever registers can learn nothing about an address: create and resend do the same statements whether it has a user, a
 * pending registration, or neither.
 *
 * A row is made only with its mail, so mail/allowance.h bounds how many an address has. None of them pushes out another: the
 * link of one that was made with a password is of no use to somebody else, so these leave a place to the others, and the
 * address's owner always gets a link with which they choose the password: theirs, or one that a stranger has caused.
 */
#pragma once

#include "base/retention.h"
#include "db/db.h"
#include "model/user/user.h"

#define REGISTRATION_LIFETIME_US RETENTION_US(REGISTRATION)
#define REGISTRATION_TRIES_MAX 10 /* few enough for guesses, and enough for somebody who looks for theirs */

struct registration_new {
    struct str email, name;                   /* name: absent if there is none */
    const char *password_hash;                /* NULL: it is chosen with the link */
    struct uuid invitation_id;                /* none: none is needed */
    struct str terms_version, policy_version; /* that were accepted; absent: none */
    struct str request_id;
};

struct registration {
    struct uuid id;
    struct str email_key, email, name, password_hash; /* absent as above */
    struct uuid invitation_id;
    struct str terms_version, policy_version;
    int64_t created_at_us;
};

/*
 * OK also when the address has a user, who is then told by mail that somebody has tried; and when strangers have caused
 * all mails that they can in a day: then nothing is made. ERR_BAD_EMAIL.
 */
MUST_CHECK enum err registration_create(struct db *db, struct arena *arena,
                                        const struct registration_new *registration);

/* Mails the link of the address's newest registration once more, of those without a password if there are any; a user is told
 * as above. OK also if there is neither. ERR_BAD_EMAIL. */
MUST_CHECK enum err registration_resend(struct db *db, struct arena *arena, struct str email, struct str request_id);

/* That of a link, which stays good. ERR_TOKEN. */
MUST_CHECK enum err registration_by_token(struct db *db, struct arena *arena, struct str token,
                                          struct registration *ret_registration);

/* Call it before a typed password is compared, so that many at once are no more than one after the other. ERR_TOKEN: there
 * were REGISTRATION_TRIES_MAX; then the registration is gone, and its links with it. */
MUST_CHECK enum err registration_count_try(struct db *db, const struct registration *registration);

/*
 * Makes the user, with that bcrypt hash, in one transaction with the use of the token. ERR_TOKEN: another request was
 * quicker, or the address has got a user in another way. ERR_INVITATION: others have used up the invitation, or it was
 * revoked; the link stays good.
 */
MUST_CHECK enum err registration_confirm(struct db *db, struct arena *arena, struct str token,
                                         const struct registration *registration, const char *hash,
                                         struct user *ret_user);

/*
 * For an admin, who vouches for an address, in a transaction. registration_admit makes the user of the registration that
 * registration_resend would mail, with that bcrypt hash: not with what was typed at the registration, because anybody could have typed it. No invitation
 * is asked for. ERR_NOT_FOUND; ERR_BAD_EMAIL; ERR_DB_DUPLICATE if the address has a user.
 * registration_drop_all is for who makes a user in another way.
 */
MUST_CHECK enum err registration_admit(struct db *db, struct arena *arena, struct str email, const char *hash,
                                       struct uuid *ret_user_id);
MUST_CHECK enum err registration_drop_all(struct db *db, struct arena *arena, struct str email);
