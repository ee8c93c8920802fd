/* What the files of erasures share. */
#pragma once

#include "model/privacy/erasure.h"

#define ERASURE_MAIL_WAIT_US US_PER_DAY /* the last mail is waited for, but no user's data for a mail server */
#define ERASURE_ACCOUNTS_MAX 10000      /* the most that tiktok.accounts_max allows */

/* The TikTok accounts of a user that are not disconnected. */
MUST_CHECK enum err erasure_accounts(struct db *db, struct arena *arena, const struct uuid *user_id,
                                     struct uuid **ret_ids, size_t *ret_n);

/* Has worker@publish end those, in a transaction. */
MUST_CHECK enum err erasure_end_accounts(struct db *db, struct arena *arena, const struct uuid *user_id,
                                         const struct uuid *ids, size_t n);

/* What the first mail says of the posts that remain at TikTok: the addresses of the newest, where they are known, and how many these are of
 * all. Both absent: none has one. They cannot be told later, because what they are made of goes at once. */
MUST_CHECK enum err erasure_posts_left(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct uuid *user_id, struct str *ret_addresses, struct str *ret_why);

/* The page of the receipt. */
struct str erasure_link(struct arena *arena, const struct conf *conf, const struct uuid *id);

/*
 * Deletes rows of a user in every table but users, some hundreds of each at most; last: also those that the last mail needs. *ret_more: there
 * may be others. In transactions of its own.
 */
MUST_CHECK enum err erasure_rows(struct db *db, struct arena *arena, const struct uuid *user_id, bool last,
                                 bool *ret_more);
