/*
 * The state machine of a post: one table, at the end of post_state.c. tests/lint/pictures checks that the table and
 * this picture agree. [a state that goes on]  (one that has ended)  -the event that leads there->
 *
 *           +--------------------+-------------deferred------------+
 *           |          +---------+                                 |
 *           |          |         v                                 |
 *           |          +---- [deferred] --+                        |
 *           |                             |                        |
 *       [queued] -------------------------+------attempt----> [publishing] --accepted--> [processing] --+
 *        ^    ^                                                 |       |                 |       |     |
 *        |    +-------------refused_retry, not_sent-------------+       |                 |       |   inbox
 *     created                                                           |                 |       |     |
 *        |                                                       outcome_unknown       undone     |     v
 *      [new]                                                            |                 |       | (in_inbox)
 *                                                                       v                 |       |     |
 *                                                                   (failed) <------------+       |     |
 *                                                                                                 |     |
 *                                                                                   +-published---+-----+
 *                                                                                   |             |
 *                                                                                   v             |
 *                                                                              (published) -------+
 *
 *    [new] --submitted--> [awaiting_approval] --approved--> [queued]
 *                         [awaiting_approval] --refused, approval_expired--> (canceled)
 *
 *    [queued] ---+--earlier_accepted--> [processing]
 *    [deferred] -+
 *
 *    [queued] ---+--earlier_published--> (published)
 *    [deferred] -+
 *
 *    [queued] ---+--earlier_inbox--> (in_inbox)
 *    [deferred] -+
 *
 *    (failed) ---+
 *    (canceled) -+--retried--> [queued]
 *
 *    [queued] ---+
 *    [deferred] -+--over_budget, not_as_approved, user_disabled--> (failed)
 *
 *    (failed) --late_accepted--> (failed)
 *    (failed) --late_published if unsettled--> (published)
 *    (failed) --late_inbox if unsettled--> (in_inbox)
 *    (failed) --late_failed if unsettled--> (failed)
 *
 *    [queued] ---------+                             [draft] -------------+
 *    [deferred] -------+                             [awaiting_approval] -+
 *    [publishing] -----+--given_up--> (failed)       [scheduled] ---------+--withdrawn--> (canceled)
 *    [processing] -----+                             [queued] ------------+
 *                                                    [deferred] ----------+
 *
 *    [draft] -------------+
 *    [awaiting_approval] -+
 *    [scheduled] ---------+--lost_by_restore--> (failed)
 *    [queued] ------------+
 *    [deferred] ----------+
 *
 *    undone = platform_failed, confirmation_timeout, unconfirmed
 *    given_up = rejected, needs_reconnect, tiktok_unreachable, service_fault, images_gone, privacy_not_offered, worker_crashed
 *    withdrawn = canceled, account_disconnected
 *
 * Nothing leads to draft and scheduled yet: the schema has them for posts that are planned, and they come with the endpoints for
 * these.
 *
 * canceled, retried: by its owner, or a key (post_again.h, which says of which posts). earlier_...: it was retried, and TikTok says now that
 * it has an attempt of before that: so this one is not sent.
 *
 * submitted: instead of created, by a key whose posts need an approval. over_budget: the budget of its key was changed, and
 * no longer allows it. not_as_approved: this is not what its owner approved. user_disabled: its owner was, until the time of
 * its images was over.
 *
 * lost_by_restore: an administrator has given it up, because the database was restored from a backup that may not know that it was sent
 * (hold.h).
 *
 * service_fault: something of this installation stood in the way, until the time of its images was over. refused_retry,
 * not_sent: nothing was posted. deferred: a cap at TikTok that resets. outcome_unknown: the init may have
 * left, so the post is never sent again by itself. published comes again when TikTok names more ids. unconfirmed: the
 * account was disconnected before TikTok told the end. unsettled: the post has failed only because we gave up waiting
 * for its end (POST_UNCONFIRMED, POST_TIMED_OUT); when TikTok tells that after all, an event late_... corrects it. late_accepted: what was
 * an unknown outcome is known after all, so TikTok can be asked: it is unsettled from then on.
 */
#pragma once

#include "model/post/post.h"

#define POST_STATE_NONE POST_STATE__MAX /* the state before "created" */

/* Events, and the failure codes that they leave: we gave up waiting for TikTok's word. */
#define POST_UNCONFIRMED "unconfirmed"
#define POST_TIMED_OUT "confirmation_timeout"

/* Has it failed only because we gave up waiting for TikTok's word? failure_code is the post's own. */
bool post_state_is_unsettled(enum post_state s, struct str failure_code);

/* Does an event that ends a post from that state end one that TikTok does not have? So it does not count against a plan. */
bool post_state_was_unsent(struct str event, enum post_state from);

/* The state to which event leads from a state. failure_code is the post's own; a late confirmation depends on it.
 * ERR_CONFLICT if the event is not allowed there. An event that is not in the table at all is a bug (ASSERT). */
MUST_CHECK enum err post_state_next(struct str event, enum post_state from, struct str failure_code,
                                    enum post_state *ret_to);
