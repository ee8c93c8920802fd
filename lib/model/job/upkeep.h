/*
 * What the worker looks after every hour: rows whose time is over, tokens that would expire unused, and posts that have
 * fallen out of the jobs table. That must not happen; the audit proves it.
 */
#pragma once

#include "db/db.h"

/* Deletes TikTok connections that were begun and never finished, an hour after their time was over. */
MUST_CHECK enum err upkeep_delete_states(struct db *db, int64_t now_us);

/* Active accounts whose refresh token expires within 30 days, and which have not been refreshed for a day; and those whose
 * refresh token's end TikTok did not say, and which have not been refreshed for 30 days: at most max ids. */
MUST_CHECK enum err upkeep_aging_accounts(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                          struct uuid **ret_ids, size_t *ret_n);

/*
 * Jobs of worker@publish whose time is further ahead than it can be: the clock was set back since. A turn may wait for days,
 * but not while its account has posts to send that are not held. At most max of them.
 */
struct upkeep_job {
    struct str kind;
    struct uuid subject_id;
};
MUST_CHECK enum err upkeep_late_jobs(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                     struct upkeep_job **ret_jobs, size_t *ret_n);

/* Posts that have not ended, have not been touched for ten minutes and have no live job. */
struct upkeep_post {
    struct uuid id, user_id, account_id;
    bool publish; /* its account lacks a job "turn"; false: it lacks a job "poll" */
};
MUST_CHECK enum err upkeep_posts_without_job(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                             struct upkeep_post **ret_posts, size_t *ret_n);
