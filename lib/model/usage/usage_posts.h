/*
 * What became of a user's posts, by the day (UTC) on which they ended and by account.
 *
 *    e = usage_posts_by_day(db, arena, &user_id, mode, from_us, to_us, MAX, &rows, &n);
 *
 * Read from the posts themselves, along the index of those that have ended. So a post that is corrected or tried again counts where
 * it has ended at last, and nothing is counted twice.
 */
#pragma once

#include "base/mode.h"
#include "db/db.h"

#define USAGE_POSTS_DAYS 31 /* what can be asked for at once: a month */

struct usage_posts {
    int64_t starts_at_us; /* the day */
    struct uuid account_id;
    int64_t published, in_inbox, failed, canceled;
    int64_t deferred; /* of these, those that TikTok had put off before */
    int64_t p50_us,
        p95_us; /* of the published ones, from when they were due to the end: half, and 95 of 100, took no longer; 0: none was */
};

/* from_us, to_us: beginnings of days. The newest first; max at most, which may be less than there are. */
MUST_CHECK enum err usage_posts_by_day(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                       int64_t from_us, int64_t to_us, size_t max, struct usage_posts **ret_rows,
                                       size_t *ret_n);
