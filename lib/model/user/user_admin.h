/*
 * What an admin does with the accounts of others (marketingcli-admin user). Whatever is read or changed here is noted in the
 * user's activity, by an admin, in the same transaction: nobody looks at an account without its owner seeing it.
 *
 *    e = user_admin_find(db, arena, STR("ada@example.com"), &user);
 *    if (e == OK)
 *        e = user_admin_show(db, arena, conf, &id, &shown);
 */
#pragma once

#include "model/key/key.h"
#include "model/post/post.h"
#include "model/tiktok/account.h"
#include "model/user/caps.h"
#include "model/user/second_factor.h"
#include "model/user/session.h"
#include "model/user/user.h"

/* By an address or an id. Nothing of the user is shown, so the activity is silent. ERR_NOT_FOUND. */
MUST_CHECK enum err user_admin_find(struct db *db, struct arena *arena, struct str who, struct user *ret_user);

/* hash: of the password. What was registered with the address is dropped. ERR_BAD_EMAIL; ERR_DB_DUPLICATE if the address is
 * taken. */
MUST_CHECK enum err user_admin_create(struct db *db, struct arena *arena, struct str email, struct str name,
                                      const char *hash, struct uuid *ret_id);

/* Of the newest registration of an address (registration_admit). ERR_NOT_FOUND; ERR_BAD_EMAIL; ERR_DB_DUPLICATE. */
MUST_CHECK enum err user_admin_verify(struct db *db, struct arena *arena, struct str email, const char *hash,
                                      struct uuid *ret_id);

/* Users in the order of their addresses, max of them (USER_ADMIN_LIST_MAX at most): those after that address whose address
 * begins so, in any state unless one is given. ret_users: without their hashes. ERR_BAD_EMAIL: of after. */
#define USER_ADMIN_LIST_MAX 1000
struct user_admin_filter {
    struct str begins, after; /* absent: all; from the first */
    const enum user_state *state;
    size_t max;
};
MUST_CHECK enum err user_admin_list(struct db *db, struct arena *arena, const struct user_admin_filter *filter,
                                    struct user **ret_users, size_t *ret_n);

/* What the service knows of a user, without secrets. */
struct user_admin_count { /* of posts that have not ended */
    int state;
    int64_t n;
};
struct user_admin_shown {
    struct user user;
    struct cap_use caps[CAP__MAX];
    struct user_admin_count *posts;
    struct key *keys;
    struct account *accounts;
    struct second_factor factor;
    size_t posts_n, keys_n, accounts_n; /* the newest USER_ADMIN_SHOWN_MAX of each */
};
#define USER_ADMIN_SHOWN_MAX 100
MUST_CHECK enum err user_admin_show(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                                    struct user_admin_shown *ret_shown);

/* Those that are not over; end: ends all. */
MUST_CHECK enum err user_admin_sessions(struct db *db, struct arena *arena, const struct conf *conf,
                                        const struct uuid *id, bool end, struct session **ret_sessions, size_t *ret_n);

/* A password that the admin hands over. All sessions end, links that were mailed to reset it are void, and the user is told
 * by mail. API keys go on. */
MUST_CHECK enum err user_admin_reset_password(struct db *db, struct arena *arena, const struct uuid *id,
                                              const char *hash);

/* Mail to the address arrives again (model/mail/bounced.h). *ret_was: it was marked as undeliverable. */
MUST_CHECK enum err user_admin_deliverable(struct db *db, struct arena *arena, const struct uuid *id, bool *ret_was);

/* Signing in needs no code any more, the recovery codes are gone, and all sessions end. The user is told by mail. ERR_TOTP_OFF: it
 * needs none, and nothing ends. */
MUST_CHECK enum err user_admin_reset_totp(struct db *db, struct arena *arena, const struct uuid *id);
