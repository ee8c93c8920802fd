/*
 * The state machine of a post: one table, at the end of post_state.c.
 *
 *    created                        (nothing) -> queued
 *    attempt                        queued, deferred -> publishing           an attempt is committed
 *    accepted                       publishing -> processing                 TikTok gave a publish_id
 *    refused_retry, not_sent        publishing -> queued                     nothing was posted; again later
 *    deferred                       queued, publishing, deferred -> deferred a cap that resets, or has not yet
 *    rejected, needs_reconnect,     queued, publishing, deferred,
 *    tiktok_unreachable,              processing -> failed
 *    images_gone, worker_crashed,
 *    privacy_not_offered
 *    outcome_unknown                publishing -> failed                     never sent again by itself
 *    inbox                          processing -> in_inbox
 *    published                      processing, in_inbox, published          more ids may come later; also from
 *                                     -> published                             failed with confirmation_timeout,
 *                                                                            and from published when more ids are known
 *    platform_failed,               processing -> failed
 *    confirmation_timeout
 *    account_disconnected,          draft, awaiting_approval, scheduled,
 *    canceled                         queued, deferred -> canceled
 */
#pragma once

#include "model/post/post.h"

#define POST_STATE_NONE POST_STATE__MAX /* where "created" comes from */

/* Where event leads from a state; failure_code is the post's own (for a late confirmation). ERR_CONFLICT when the event
 * is not allowed there. An event that is not in the table at all is a mistake (ASSERT). */
MUST_CHECK enum err post_state_next(struct str event, enum post_state from, struct str failure_code,
                                    enum post_state *ret_to);
