/*
 * Posts on hold. A database that was restored from a backup does not know what was sent since then, and would send it a second time. So a
 * restore holds every post that waits, by one column of its account (accounts.held_to_id): the posts with ids up to that one. Turns pass
 * over them (turn.c, ready.c), newer ones go, and their owners may cancel them. An administrator lets them go, or gives them up.
 *
 *    e = hold_all(db, &held);                                             // before any program runs
 *    ...
 *    e = hold_release(db, arena, &UUID_NONE, &accounts);
 *
 * A post that was being sent is not held: nobody knows what became of it, so its worker ends it so (attempt_take_over). One that TikTok
 * has is asked about as ever.
 */
#pragma once

#include "model/post/post.h"

bool hold_has(const struct account *account, const struct uuid *post_id);

/* In a transaction of its own, while no program runs. Their receipts say so. ret_n: how many are on hold. */
MUST_CHECK enum err hold_all(struct db *db, int64_t *ret_n);

/* How many are on hold, counted up to that many. */
MUST_CHECK enum err hold_count(struct db *db, int64_t max, int64_t *ret_n);

struct held_post {
    struct uuid id, user_id, account_id;
    int state, mode;
    int64_t created_at_us;
};

/* Those with ids above that one, of a user or (none) of all, the oldest first. */
MUST_CHECK enum err hold_list(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *above,
                              size_t max, struct held_post **ret_posts, size_t *ret_n);

/*
 * Of a user, or (none) of all: lets them go in the order in which they were made, or ends them as outcome_unknown, which sends nothing. An
 * account is a transaction, so one that is interrupted is said again. ret_n: how many posts.
 */
MUST_CHECK enum err hold_release(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t *ret_n);
MUST_CHECK enum err hold_give_up(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct uuid *user_id, int64_t *ret_n);
