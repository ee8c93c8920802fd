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
 *                                                                       |                         |     |
 *                                                                       |           +-published---+-----+
 *                                                                       |           |             |
 *                                                                       |           v             |
 *                                                                       |      (published) -------+
 *                                                                       |           ^
 *                                                                       |           |
 *                                                                       +-published if confirmation_timeout
 *
 *    [queued] ---------+                             [draft] -------------+
 *    [deferred] -------+                             [awaiting_approval] -+
 *    [publishing] -----+--given_up--> (failed)       [scheduled] ---------+--withdrawn--> (canceled)
 *    [processing] -----+                             [queued] ------------+
 *                                                    [deferred] ----------+
 *
 *    undone = platform_failed, confirmation_timeout, unconfirmed
 *    given_up = rejected, needs_reconnect, tiktok_unreachable, images_gone, privacy_not_offered, worker_crashed
 *    withdrawn = canceled, account_disconnected
 *
 * Nothing leads to draft, awaiting_approval and scheduled yet, nor to canceled by the event of that name: the schema has
 * them for posts that are planned, approved or withdrawn, and they come with the endpoints for these.
 *
 * refused_retry, not_sent: nothing was posted. unconfirmed: the account was disconnected before TikTok told the end. deferred: a cap at TikTok that resets. outcome_unknown: the init may
 * have left, so the post is never sent again by itself. published comes again when TikTok names more ids, and late,
 * when the wait for it had been given up.
 */
#pragma once

#include "model/post/post.h"

#define POST_STATE_NONE POST_STATE__MAX /* the state before "created" */

/* The state to which event leads from a state. failure_code is the post's own; a late confirmation depends on it.
 * ERR_CONFLICT if the event is not allowed there. An event that is not in the table at all is a bug (ASSERT). */
MUST_CHECK enum err post_state_next(struct str event, enum post_state from, struct str failure_code,
                                    enum post_state *ret_to);
