/*
 * The second factor of a user's sign-in: the codes of an authenticator app (crypto/totp.h), and ten recovery codes for who has
 * lost it. The app's secret is sealed under the ring totp-keys; of recovery codes only hashes are kept.
 *
 *              enrol                 enable: a code of it
 *    (no row) ───────► shown ─────────────────────► on ─────┐ use: a code, once
 *      ▲   ▲            │ │ ▲ enrol: another secret  │ ▲────┘
 *      │   └── an hour ─┘ └─┘                        │
 *      └──────────────────── disable ────────────────┘
 *
 * A code works once: the step of the newest one that was used is kept, and older ones are refused. A step that is further
 * ahead than a code can be was kept before the clock was set back, and is not believed.
 */
#pragma once

#include "crypto/keyring.h"
#include "crypto/totp.h"
#include "db/db.h"
#include "model/user/second_code.h"

#define RECOVERY_CODES 10
#define SECOND_FACTOR_SHOWN_US (3600 * US_PER_SEC) /* to confirm a secret that was shown; then mail/tidy.h deletes it */

struct second_factor {
    bool is_on;
    int64_t enabled_at_us;
    int64_t recovery_codes_left;
};

MUST_CHECK enum err second_factor_read(struct db *db, struct arena *arena, const struct uuid *user_id,
                                       struct second_factor *ret_factor);

/* Shows a new secret, for the app; one that was shown before and not confirmed is forgotten. ERR_TOTP_ON. */
MUST_CHECK enum err second_factor_enrol(struct db *db, struct arena *arena, const struct keyring *ring,
                                        const struct uuid *user_id, uint8_t ret_secret[static TOTP_SECRET_BYTES]);

/* Who changes it, from a session, which gets a new token: it is worth something else from now on. */
struct second_factor_change {
    const struct uuid *user_id, *session_id;
    struct str sent; /* the session's token, or the one before: see session_renew */
    struct str request_id;
};

/* As they are shown, once. */
struct recovery_codes {
    char v[RECOVERY_CODES][SECOND_CODE_SHOWN_CHARS + 1];
};

/*
 * The app works: its codes count from now on, and all other sessions end, which none was given for. The user is mailed. ERR_WRONG_CODE, ERR_TOTP_ON, ERR_TOTP_NOT_SHOWN (nothing was
 * shown within an hour), ERR_SESSION_EXPIRED.
 */
MUST_CHECK enum err second_factor_enable(struct db *db, struct arena *arena, const struct keyring *ring,
                                         const struct second_factor_change *change, struct str code,
                                         struct recovery_codes *ret_codes, struct str *ret_token);

/* Also ends the sign-ins that wait for a code. The user is mailed. ERR_TOTP_OFF, ERR_SESSION_EXPIRED. */
MUST_CHECK enum err second_factor_disable(struct db *db, struct arena *arena, const struct second_factor_change *change,
                                          struct str *ret_token);

/* Ten new recovery codes; the old ones work no more. ERR_TOTP_OFF, ERR_SESSION_EXPIRED. */
MUST_CHECK enum err second_factor_renew_codes(struct db *db, struct arena *arena,
                                              const struct second_factor_change *change,
                                              struct recovery_codes *ret_codes, struct str *ret_token);

/*
 * Uses up a code of either kind. Call it in the transaction of what the code is for, when the user is locked; the user is
 * mailed about a recovery code. ERR_WRONG_CODE: it is none, or was used. ERR_TOTP_OFF: the user needs none.
 */
MUST_CHECK enum err second_factor_use(struct db *db, struct arena *arena, const struct keyring *ring,
                                      const struct uuid *user_id, struct str code, struct str request_id);

/* As session_confirm, of a user who needs a code: which is used up. ERR_WRONG_CODE, ERR_TOTP_OFF, ERR_SESSION_EXPIRED. */
MUST_CHECK enum err second_factor_confirm(struct db *db, struct arena *arena, const struct keyring *ring,
                                          const struct second_factor_change *by, struct str code, struct str *ret_token,
                                          int64_t *ret_until_us);

/* Within a transaction that has locked the user: without mail and activity. ret_was_on may be false. */
MUST_CHECK enum err second_factor_remove(struct db *db, struct arena *arena, const struct uuid *user_id,
                                         bool *ret_was_on);
