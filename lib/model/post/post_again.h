/*
 * A post that its owner, or a key, cancels; and one that has ended and is tried again.
 *
 *    e = post_cancel(db, arena, conf, &by, &last);                 no call is under way: it is canceled
 *    e = post_retry(db, arena, conf, &by, &wish, &last);   it is queued, as it was made
 *
 * Both may be repeated: what is canceled is canceled again, and what is queued again is so. last gets the receipt as it is then (const struct
 * post_receipt *), before the COMMIT. The receipt says who did it: the event's code is "by_session" or "by_key".
 *
 * A retry is the same post. What is known of its newest attempt decides:
 *
 *    none, or TikTok refused all, or none left     it is tried again
 *    TikTok said that the post failed              likewise: it has it no more; also after late_accepted and earlier_accepted
 *    nobody knows whether TikTok has it            only if whoever asks has looked: wish.confirm_not_published
 *    TikTok has it                                 never
 *
 * An attempt of before a retry is over: its number is not above posts.retried_after, so its images are not handed out any more, and TikTok
 * cannot make a post of it that it has not fetched. Its results are fenced as any (attempt.h), and what TikTok says of its publish_id is
 * not taken for the new one's (of_publish_id of struct post_move): see post_hear_earlier.
 *
 * A retry takes what a new post takes: a place among those under way, one of the budget of the key that asks, and one of the plan's month, unless
 * the post is still counted in one. Its images must be there, for RETRY_IMAGES_US more; they go when they would have gone, or when it ends
 * again, if that is later.
 */
#pragma once

#include "base/clock.h"
#include "model/post/post.h"

#define POST_RETRIES_MAX 20                 /* of a post, so that nobody fills the tables with one */
#define RETRY_IMAGES_US (3600 * US_PER_SEC) /* what TikTok takes at most to fetch them */

/* Who asks, about which post. */
struct post_asker {
    const struct uuid *user_id, *key_id; /* key_id: none for a session */
    int mode;
    const struct uuid *id;
    struct str request_id;
};

/* ERR_NOT_FOUND; ERR_POST_UNDER_WAY; ERR_POST_ENDED; ERR_BUDGET_ACCOUNT: of the key that asks. */
MUST_CHECK enum err post_cancel(struct db *db, struct arena *arena, const struct conf *conf,
                                const struct post_asker *by, const struct last_step *last);

struct post_wish {
    bool confirm_not_published;
    int64_t ended_at_us; /* the end that is meant; 0: the last one, whichever that is */
};

/* ERR_NOT_FOUND; ERR_POST_UNDER_WAY; ERR_NOT_RETRYABLE; ERR_RETRY_UNCONFIRMED; ERR_RETRY_OTHER_END; ERR_RETRIES_TOO_MANY; ERR_IMAGES_GONE;
 * ERR_ACCOUNT_NEEDS_RECONNECT; ERR_CONFLICT: a disconnect is still canceling its account's posts; the errors of CAPS_OF_RETRY, of budget_take and
 * of plan_posts_take; ERR_RETRY_APPROVAL. */
MUST_CHECK enum err post_retry(struct db *db, struct arena *arena, const struct conf *conf, const struct post_asker *by,
                               const struct post_wish *wish, const struct last_step *last);

/*
 * In a transaction that got ERR_CONFLICT for told.move of a post that was read before: if the post has been retried meanwhile, its receipt
 * tells what TikTok said of the attempt before, and a retry that has not left yet does not leave. ERR_CONFLICT: it was not retried, or TikTok
 * does not have that one.
 */
MUST_CHECK enum err post_hear_earlier(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *post_id, const struct post_move *told);

/*
 * Likewise for an attempt of before a retry that TikTok has, as its result tells that came too late to be written, or a webhook. accepted: the
 * move "accepted" that was not made. A post that was not retried since, and that failed because nobody knew, is unsettled then. *ret_polls: it waits
 * for TikTok's word now, so there must be a job that asks.
 */
MUST_CHECK enum err post_hear_accepted(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct uuid *post_id, const struct post_move *accepted, bool *ret_polls);

/*
 * In a transaction, before a post is sent that was sent before: what TikTok told of an attempt of before its retry came while an init was
 * under way, which then did not reach TikTok, or was refused. Then it is not sent again, but waits for TikTok's word, as with
 * post_hear_accepted; there must be a job that asks. ERR_NOT_FOUND: nothing was told since it was last retried, or it does not wait.
 */
MUST_CHECK enum err post_heed_earlier(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *post_id, struct str request_id);
