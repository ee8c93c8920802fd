/*
 * How many posts a user has had accepted this month, in UTC: a row of plan_counters for each user whose plan limits that.
 *
 *    e = plan_posts_take(db, &user_id, plan, month);    in the transaction that makes the post, whose plan_month is that month
 *    e = plan_posts_give_back(db, &post_id);            in the one that ends a post which is not sent
 *
 * A post is taken by one statement that decides, under the lock of its user: so the count is exact under simultaneous requests,
 * and what is not made is not counted. It is given back once at most, because its own row says in which month it was counted, and
 * in the same statement does not any more. A month that is over is not looked at again. Without a limit nothing is counted, and a
 * limit that comes in the middle of a month counts from then on.
 *
 * The row is locked after the post's and before its images' (docs/architecture.md#one-order-of-locks).
 */
#pragma once

#include "base/plans.h"
#include "db/db.h"

int64_t plan_month_now(void);              /* months since 1970, in UTC */
int64_t plan_month_end_us(int64_t now_us); /* when the month of that time is over */

/* The month in which a post of that plan is counted now; 0: it is not. */
int64_t plan_posts_month(const struct plan *plan);

/* month: of plan_posts_month; with 0 nothing happens. Under the lock of the user. ERR_PLAN_POSTS. */
MUST_CHECK enum err plan_posts_take(struct db *db, const struct uuid *user_id, const struct plan *plan, int64_t month);

/* Of a post that is locked, and is not sent; nothing if it was not counted, or if TikTok has, or may have, taken an attempt of before a retry. */
MUST_CHECK enum err plan_posts_give_back(struct db *db, const struct uuid *post_id);

/* Does one more fit, beside what a row of plan_counters says, which may be another month's? ERR_PLAN_POSTS. */
MUST_CHECK enum err plan_posts_fit(const struct plan *plan, int64_t month, int64_t posts);
