/*
 * Posts that wait for their owner's word: those of keys whose budget says so (model/key/budget.h).
 *
 *    e = post_approve(db, arena, conf, &by, digest, &last);    it is queued, and goes to TikTok
 *    e = post_refuse(db, arena, conf, &by, &last);             it is canceled
 *
 * Of several at once one wins; what has been decided is not decided again. last gets the receipt as it is then (const struct
 * post_receipt *), before the COMMIT. A post nobody decides about is canceled after POST_AWAITING_US, so that its images go
 * within the 30 days of the privacy policy: 23, the six after its end (upload_due_at), and a day that is left for outages.
 */
#pragma once

#include "base/clock.h"
#include "model/post/post.h"

#define POST_AWAITING_US (23 * US_PER_DAY)

/* Who decides about which post, and the session that asks: if that has ended meanwhile, or got another token than the one that was
 * sent, nothing is decided. */
struct post_decider {
    const struct uuid *user_id, *session_id;
    struct str sent;
    int mode;
    const struct uuid *id;
    struct str request_id;
};

/* digest: 64 hexadecimal digits, those of post_digest. ERR_NOT_FOUND; ERR_NOT_AWAITING; ERR_APPROVAL_DIGEST; ERR_SESSION_EXPIRED;
 * ERR_ACCOUNT_DISABLED; ERR_ACCOUNT_NEEDS_RECONNECT: a post that is held keeps its images no longer for having waited; ERR_BUDGET_ACCOUNT,
 * ERR_BUDGET_PRIVACY: its key may by now not post this. */
MUST_CHECK enum err post_approve(struct db *db, struct arena *arena, const struct conf *conf,
                                 const struct post_decider *by, struct str digest, const struct last_step *last);

/* ERR_NOT_FOUND; ERR_NOT_AWAITING; ERR_SESSION_EXPIRED; ERR_ACCOUNT_DISABLED. */
MUST_CHECK enum err post_refuse(struct db *db, struct arena *arena, const struct conf *conf,
                                const struct post_decider *by, const struct last_step *last);

/* Some of those that have waited for too long, each in a transaction of its own. *ret_more: there may be others. */
MUST_CHECK enum err post_expire_approvals(struct db *db, struct arena *arena, const struct conf *conf, int64_t now_us,
                                          bool *ret_more);
