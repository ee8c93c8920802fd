/*
 * An account's queue: its posts are handed to TikTok one after another, the oldest first, by one job "turn" of the
 * account. So they keep their order, and a long queue is one job. Users take turns, however many accounts they have
 * (struct job_round).
 *
 *    e = turn_next(db, arena, &account_id, clock_now_us(), &turn);    // which, and not before turn.at_us
 *
 * A post that TikTok has deferred (a cap that resets) steps aside until its time; one that is tried again does not, and
 * those behind it wait.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

#define TURN_KIND "turn"

/* No post is deferred for longer: a time that is further ahead was written before the clock was set back. */
#define TURN_DEFERRED_FAR_US (US_PER_DAY + 2 * 3600 * US_PER_SEC)

struct turn {
    struct uuid post_id;
    int64_t at_us;         /* 0: now */
    bool is_minute;        /* it waits for TikTok's minute, or no longer than that: so do those behind it */
    struct str request_id; /* that made the post; absent if none is known */
};

/* ERR_NOT_FOUND if no post of the account waits. A post that is publishing comes first: its worker has died, or has lost its lease. */
MUST_CHECK enum err turn_next(struct db *db, struct arena *arena, const struct uuid *account_id, int64_t now_us,
                              struct turn *ret_turn);

/* When that is, and nothing else; now_us or later. */
MUST_CHECK enum err turn_time(struct db *db, struct arena *arena, const struct uuid *account_id, int64_t now_us,
                              int64_t *ret_at_us);

/* The same for several accounts, DB_MANY_MAX at most; 0 where no post waits. */
MUST_CHECK enum err turn_times(struct db *db, struct arena *arena, const struct uuid *account_ids, size_t n,
                               int64_t now_us, int64_t *ret_at_us);

/* Makes the queue of a user's account move, in a transaction. */
MUST_CHECK enum err turn_add(struct db *db, const struct uuid *user_id, const struct uuid *account_id, int64_t at_us,
                             struct str request_id);

/* Shows the posts that wait for TikTok's minute when it ends: as many as can go then. One that is tried again later keeps
 * its own time. */
MUST_CHECK enum err turn_show(struct db *db, const struct uuid *account_id, int64_t at_us);

/*
 * Older programs make a job "publish" for each post, and may be running it. Is there one? Then it is up to that job what
 * becomes of the post.
 */
MUST_CHECK enum err turn_has_old_job(struct db *db, const struct uuid *post_id, bool *ret_has);
