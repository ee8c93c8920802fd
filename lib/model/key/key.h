/*
 * API keys: "mk_live_" or "mk_test_" (base/mode.h), 43 base62 characters (256 random bits) and 6 base62 characters of checksum,
 * 57 in all: ^mk_(live|test)_[0-9A-Za-z]{49}$. The checksum is the first 64 bits of the SHA-256 of everything before it, modulo 62^6, so
 * that a mistyped key is refused without a query. Only the SHA-256 of the whole key is stored.
 */
#pragma once

#include "base/conf.h"
#include "base/mode.h"
#include "base/scope.h"
#include "db/db.h"
#include "model/billing/terms.h"
#include "model/idempotency/idempotency.h"
#include "model/key/budget.h"

#define KEY_PREFIX_BYTES 8 /* of "mk_live_" */
#define KEY_CHARS 57
#define KEY_PREFIX_CHARS 12
#define KEY_NAME_MAX_BYTES 100
#define KEY_OLD_SECRETS_MAX 3 /* of a key, that still work: one, and two for those who lost the answer to a rotation */

struct key_cache; /* key_cache.h */
struct sha256;    /* crypto/digest.h */

struct key {
    struct uuid id, user_id;
    bool is_old_secret; /* it was read by a secret that a rotation has replaced; expires_at_us is that secret's */
    int user_state, mode;
    struct plan_terms plan;  /* a copy of the user's; of a new key, it is not read */
    struct str name, prefix; /* prefix: "mk_live_Ab3x", 12 characters */
    int64_t scopes;          /* what it may do (base/scope.h) */
    int64_t created_at_us, expires_at_us, last_used_at_us, revoked_at_us; /* 0: never */
    int64_t old_secret_expires_at_us; /* the last of them; 0: it was never rotated */
    struct str revoked_reason;        /* why, if not by its owner: "seen_in_clear" */
    bool has_budget;                  /* or had one: there is something to read */
    struct budget budget;             /* of a key that was authenticated, it is not read */
};

bool key_is_wellformed(struct str text); /* checks shape and checksum, without a query */

/* The first that is well-formed in *rest, wherever it stands; *rest is then what follows it. */
bool key_find(struct str *rest, struct str *ret_text);

/* What its owner says about a key. */
struct key_terms {
    struct str name;
    int64_t scopes, expires_at_us; /* 0: it does not expire */
    int mode;                      /* of a new key; it stays */
    struct budget budget;
    bool has_budget; /* budget is what it is to be; else it stays as it is */
};

/* Whose key it is, and the session that asks: if that has ended meanwhile, or got another token than the one that was sent,
 * nothing is made that outlives it. */
struct key_asker {
    const struct uuid *user_id, *session_id;
    struct str sent;
};

/* A key that was made, or rotated. */
struct new_key {
    struct key key;
    struct str text; /* the key itself, which is shown once */
};

/* terms->budget has passed budget_check_accounts. ERR_TOO_MANY at conf.keys_max_per_user, counted in the same transaction, of which last gets a const struct new_key *; the key
 * that expired first makes room. ERR_SESSION_EXPIRED. ret_key is also set with ERR_OUTCOME_UNKNOWN, when the key may exist. */
MUST_CHECK enum err key_create(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                               const struct key_terms *terms, const struct last_step *last, struct new_key *ret_key);

/*
 * One indexed read of one table, or none if the cache has the key; last_used_at_us may then be a second old.
 * ERR_BAD_KEY (not well-formed), ERR_INVALID_KEY (unknown, revoked), ERR_ACCOUNT_DISABLED. ERR_KEY_EXPIRED, ERR_KEY_ROTATED, to the moment: a
 * cached key is asked for its time, too. They are told to whoever has the whole key, and to nobody else.
 */
MUST_CHECK enum err key_authenticate(struct db *db, struct key_cache *cache, struct arena *arena, struct str text,
                                     struct key *ret_key);

/* Keys whose ids are below that one, newest first: those that their owner has not revoked. */
MUST_CHECK enum err key_list(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *below,
                             size_t max, struct key **ret_keys, size_t *ret_n);

/* One that key_list gives, too. ERR_NOT_FOUND. */
MUST_CHECK enum err key_get(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id,
                            struct key *ret_key);

/*
 * Changes the name, unless that of to is absent, the scopes, unless those of to are none, and the budget if to has one.
 * ERR_RECENT_AUTH if a scope is added or the budget is wider, unless may_widen; ERR_NOT_FOUND; ERR_KEY_ENDED; ERR_SESSION_EXPIRED; ERR_KEY_CHANGES_A_DAY. The caller then
 * ends the credential epoch, also after ERR_OUTCOME_UNKNOWN.
 */
MUST_CHECK enum err key_change(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                               const struct uuid *id, const struct key_terms *to, bool may_widen, struct key *ret_key);

/*
 * Somebody on the way has seen one of its secrets, which has this hash: revokes the key if it is live, also of a disabled user.
 * Its owner is told by mail, and sees it until they revoke it, too. ERR_NOT_FOUND if there is none that is live. The caller then ends the credential
 * epoch.
 */
MUST_CHECK enum err key_revoke_seen(struct db *db, struct arena *arena, const struct sha256 *hash, struct key *ret_key);

/* ERR_NOT_FOUND. The caller then ends the credential epoch: programs may still have the key in their caches. */
MUST_CHECK enum err key_revoke(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id);

/* The same after a restore: the user may be in any state. */
MUST_CHECK enum err key_revoke_again(struct db *db, struct arena *arena, const struct uuid *user_id,
                                     const struct uuid *id);

/* A part of a transaction that has locked the user: revokes the keys that were made, rotated or widened at that time or later, with
 * a row of activity for each. The caller then ends the credential epoch. */
MUST_CHECK enum err key_revoke_since(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t since_us);

/*
 * Deletes at most max rows, of keys and of old secrets, that ended before that time: were revoked, or expired. ret_n: how many; max:
 * there may be more. Their usage must be gone: it is shown with the key's name.
 */
MUST_CHECK enum err key_purge(struct db *db, struct arena *arena, int64_t before_us, size_t max, size_t *ret_n);

/*
 * A new secret for the same key; last gets a const struct new_key *. The one before, and all that still work of those before it, end at the latest when
 * the overlap is over (0: now, by whatever clock), or with the key. So whoever lost the answer rotates again, and what works in the meantime goes
 * on working. ERR_NOT_FOUND; ERR_KEY_ENDED; ERR_OLD_SECRETS_TOO_MANY, not with an overlap of 0; ERR_ACCOUNT_DISABLED; ERR_SESSION_EXPIRED;
 * ERR_KEY_CHANGES_A_DAY. The caller then ends the credential epoch, also after ERR_OUTCOME_UNKNOWN.
 */
MUST_CHECK enum err key_rotate(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                               const struct uuid *id, int64_t overlap_us, const struct last_step *last);
