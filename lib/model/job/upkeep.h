/*
 * What the worker looks after by itself every hour: rows whose time is over, tokens that would die unused, and posts
 * that have fallen out of the jobs table (which must not happen; an audit that proves it).
 */
#pragma once

#include "db/db.h"

/* TikTok sign-ins that were started and never finished. */
MUST_CHECK enum err upkeep_delete_states(struct db *db, int64_t now_us);

/* Active accounts with less than 30 days of refresh life that were not refreshed for a day: at most max ids. */
MUST_CHECK enum err upkeep_aging_accounts(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                          struct uuid **ret_ids, size_t *ret_n);

/* Posts that have not ended, were not touched for ten minutes and have no job that is ready. */
struct upkeep_post {
    struct uuid id;
    bool publish; /* the job it lacks: publish, else poll */
};
MUST_CHECK enum err upkeep_posts_without_job(struct db *db, struct arena *arena, int64_t now_us, size_t max,
                                             struct upkeep_post **ret_posts, size_t *ret_n);
