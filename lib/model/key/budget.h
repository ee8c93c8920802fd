/*
 * What an API key may post at most. One row of key_budgets for each key that has, or had, a limit: the limits, and the counter
 * of the day. A key's old secrets have no row of their own, so they share it.
 *
 *    e = budget_look(db, arena, &key_id, &account_id, &budget);    before the images are read: what would be refused anyway
 *    e = budget_take(db, arena, &user_id, &use, &needs_approval);  in the transaction that makes the post
 *    e = budget_check(db, arena, uses, n);                         in the one that hands posts over
 *
 * The number of a day is taken by a conditional UPDATE in the transaction that makes the post: so it is exact under simultaneous
 * requests, and what is not made is not counted. It counts posts that were accepted, whatever becomes of them: one that is
 * refused by its owner, or fails, is not given back.
 *
 * budget_check locks the keys, as whoever changes a budget does: so no hand-over is written down beyond a budget whose change
 * has been answered, be it the key's first, which has no row to lock before; one
 * that was written down before may still leave, within five seconds. It leaves the number of a day alone: that was taken when
 * the post was made. A key that has ended keeps its budget.
 */
#pragma once

#include "base/problem.h"
#include "db/db.h"
#include "json/json.h"

#define BUDGET_ACCOUNTS_MAX 100 /* as many as one user can connect (tiktok.accounts_max as it comes) */
#define BUDGET_POSTS_MAX 100000 /* more than the rate of posts lets through in a day */

struct budget {
    struct uuids accounts;
    bool by_account; /* else it may post to all accounts */
    int64_t posts_per_day;
    bool by_day;           /* else any number */
    int max_privacy_level; /* of privacy_level_names; PUBLIC_TO_EVERYONE, which is 0: no limit */
    bool needs_approval;
    bool is_limited;                  /* it has any of these limits; set by budget_read and budget_set */
    bool is_ahead;                    /* its count is of a day that has begun nowhere; likewise */
    int64_t posts_left, resets_at_us; /* of today, if by_day; likewise */
};

/* The row as it is read beside others: budget_of makes it a budget. */
struct budget_row {
    struct str accounts;
    int64_t posts_per_day, day, posts; /* 0: no limit */
    int max_privacy_level;
    bool needs_approval;
};
#define BUDGET_COLS "accounts, posts_per_day, max_privacy_level, needs_approval, day, posts"
#define BUDGET_DB_COLS(T, prefix) \
    DB_COL(T, prefix accounts, STR), DB_COL(T, prefix posts_per_day, I64), \
        DB_COL_ENUM(T, prefix max_privacy_level, privacy_level_names), DB_COL(T, prefix needs_approval, BOOL), \
        DB_COL(T, prefix day, I64), DB_COL(T, prefix posts, I64)
struct budget budget_of(struct arena *arena, const struct budget_row *row, int64_t now_us);

/* Of a key without a row: none. */
MUST_CHECK enum err budget_read(struct db *db, struct arena *arena, const struct uuid *key_id,
                                struct budget *ret_budget);

/* Does it allow what the other one does not? */
bool budget_is_wider(const struct budget *to, const struct budget *from);

/* May its key post at this level, which is absent for a draft: whoever posts that at TikTok chooses its level there. */
bool budget_allows_level(const struct budget *b, struct str privacy_level);

/* Adds what is wrong with its accounts to the problems: those that the user has never connected in the key's mode (ERR_NOT_FOUND),
 * and those that are there twice. A disconnected one is still the user's. */
MUST_CHECK enum err budget_check_accounts(struct db *db, const struct uuid *user_id, int mode, const struct budget *b,
                                          struct arena *arena, struct problems *problems);

/*
 * Replaces the limits, in a transaction that has locked the user and the key. The count of the day stays, and has all posts of
 * the day that the key made while it had no limit: the user's lock is that of who makes one. ret_widens: the new limits are
 * wider, which not everybody may do. ret_budget: as it is from then on.
 */
MUST_CHECK enum err budget_set(struct db *db, struct arena *arena, const struct uuid *user_id,
                               const struct uuid *key_id, const struct budget *to, bool *ret_widens,
                               struct budget *ret_budget);

/* A post that a key makes. */
struct budget_use {
    struct uuid key_id; /* none: a session made it, which has no budget */
    struct uuid account_id;
    struct str privacy_level; /* absent for a draft */
    bool is_approved;         /* by its owner */
};

/* ERR_BUDGET_ACCOUNT, ERR_BUDGET_POSTS. It takes nothing and promises nothing. */
MUST_CHECK enum err budget_look(struct db *db, struct arena *arena, const struct uuid *key_id,
                                const struct uuid *account_id, struct budget *ret_budget);

/* Of a key of that user, who is locked. Locks the row, which comes after the user's and before the account's. ERR_BUDGET_ACCOUNT,
 * ERR_BUDGET_PRIVACY, ERR_BUDGET_POSTS. */
MUST_CHECK enum err budget_take(struct db *db, struct arena *arena, const struct uuid *user_id,
                                const struct budget_use *use, bool *ret_needs_approval);

/* Of several, DB_MANY_MAX at most, in a transaction that has locked users at most. Of one of them: ERR_BUDGET_ACCOUNT,
 * ERR_BUDGET_PRIVACY; ERR_BUDGET_APPROVAL: it needs one by now, and has none. */
MUST_CHECK enum err budget_check(struct db *db, struct arena *arena, const struct budget_use *const *uses, size_t n);

/* The same for an approval, without the lock: the post is checked again when it is handed over. */
MUST_CHECK enum err budget_look_again(struct db *db, struct arena *arena, const struct budget_use *use);

/* The code that a post fails with which is beyond its key's budget; absent if the error is another. */
struct str budget_failure(enum err e);

/* Until the day is over, for Retry-After. */
int64_t budget_reset_sec(void);
