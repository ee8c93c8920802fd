/* Users: all have confirmed their address (user/registration.h). Addresses are normalised, then compared byte for byte. */
#pragma once

#include "base/secret.h"
#include "db/db.h"
#include "model/user/activity.h"

#define EMAIL_MAX_BYTES 254 /* RFC 5321 4.5.3.1.3 */
#define USER_NAME_MAX_BYTES 100

enum user_state { USER_ACTIVE, USER_DISABLED, USER_ERASING }; /* erasing: privacy/erasure.h */
extern const char *const user_state_names[];

struct user {
    struct uuid id;
    struct str email, name; /* name: absent if there is none */
    struct str password_hash;
    int state;
    int64_t created_at_us;
    int64_t undeliverable_at_us; /* since when mail to the address comes back for good; 0: it does not */
};

/*
 * Accepts addresses as people have them: ASCII, a local part of 1 to 64 bytes without quotes, a domain of at least two
 * labels (other scripts as xn--), at most 254 bytes in all. ERR_BAD_EMAIL.
 */
MUST_CHECK enum err user_email_check(struct str email);

/*
 * The form in which addresses are compared: ASCII letters in lower case; no other folding, so that look-alikes stay
 * apart. ERR_BAD_EMAIL as above.
 */
MUST_CHECK enum err user_email_key(struct str email, struct arena *arena, struct str *ret_key);

/* A part of a transaction. ERR_DB_DUPLICATE if the address is taken, or kept for somebody (email_holder.h), which the caller must
 * not let show. hash is a bcrypt hash. */
MUST_CHECK enum err user_create(struct db *db, struct arena *arena, struct str email, struct str name, const char *hash,
                                struct uuid *ret_id);

/* Notes which versions of the terms and of the policy the user has accepted; absent: none. */
MUST_CHECK enum err user_accept(struct db *db, const struct uuid *id, struct str terms_version,
                                struct str policy_version);

/* ERR_NOT_FOUND. */
MUST_CHECK enum err user_by_id(struct db *db, struct arena *arena, const struct uuid *id, struct user *ret_user);

/* ERR_NOT_FOUND, also if email is not an address. */
MUST_CHECK enum err user_by_email(struct db *db, struct arena *arena, struct str email, struct user *ret_user);

/*
 * Call it first in a transaction that compares what a user has with a limit. It locks the user's row, so that two
 * requests cannot both take the last place. ERR_ACCOUNT_DISABLED, ERR_NOT_FOUND.
 */
MUST_CHECK enum err user_lock(struct db *db, struct arena *arena, const struct uuid *id);

/* The same lock for what is done to a user in any state. ERR_NOT_FOUND. user_lock_state also says which. */
MUST_CHECK enum err user_lock_any(struct db *db, const struct uuid *id);
MUST_CHECK enum err user_lock_state(struct db *db, struct arena *arena, const struct uuid *id,
                                    enum user_state *ret_state);

/* The same for what an admin puts right, also of who is disabled. ERR_ACCOUNT_ERASING. */
MUST_CHECK enum err user_lock_kept(struct db *db, struct arena *arena, const struct uuid *id);

/* The same for what lets somebody sign in, which a user who is being erased still can, to cancel that. ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err user_lock_enabled(struct db *db, struct arena *arena, const struct uuid *id);

/*
 * The same for what a password has opened: if it was changed since, that is over. mark: user_password_mark of the hash that
 * it matched. ERR_BAD_CREDENTIALS if the hash is another now. A user who is being erased can still
 * sign in, to see that and to cancel it: *ret_state says so.
 */
struct sha256; /* crypto/digest.h */
struct sha256 user_password_mark(struct str password_hash);
MUST_CHECK enum err user_lock_marked(struct db *db, struct arena *arena, const struct uuid *id,
                                     const struct sha256 *mark, enum user_state *ret_state);

/* The same password, hashed anew. ERR_CONFLICT if old_hash is not its hash any more: then nothing changes. */
MUST_CHECK enum err user_rehash(struct db *db, const struct uuid *id, struct str old_hash, const char *new_hash);

/* What users see of themselves: id, email, undeliverable_at_us, name, created_at_us. ERR_NOT_FOUND. */
MUST_CHECK enum err user_profile(struct db *db, struct arena *arena, const struct uuid *id, struct user *ret_user);

/* Changes the name; absent: removes it. by: who did, for the activity. ret_user: as user_profile. ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err user_rename(struct db *db, struct arena *arena, const struct uuid *id, struct str name,
                                enum activity_by by, struct user *ret_user);
