#include "model/post/post_state.h"

struct transition {
    const char *event;
    unsigned from; /* bits of states */
    enum post_state to;
    bool unsettled; /* only while the end that TikTok gave the post is not known */
};

static const struct transition post_state_transitions[];

const char *const post_state_names[] = {
    "draft",    "awaiting_approval", "scheduled", "queued", "publishing", "processing",
    "deferred", "published",         "in_inbox",  "failed", "canceled",   NULL};
const char *const post_mode_names[] = {"MEDIA_UPLOAD", "DIRECT_POST", NULL};
const char *const privacy_level_names[] = {"PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR",
                                           "SELF_ONLY", NULL};

#define IN(state) (1u << POST_##state)

#define ENDED (IN(PUBLISHED) | IN(IN_INBOX) | IN(FAILED) | IN(CANCELED))
#define UNSENT (IN(QUEUED) | IN(DEFERRED))                                   /* no call is under way */
#define OURS (UNSENT | IN(PUBLISHING) | IN(PROCESSING))                      /* the worker is at it */
#define WAITING (UNSENT | IN(DRAFT) | IN(AWAITING_APPROVAL) | IN(SCHEDULED)) /* not handed to TikTok */

bool post_state_has_ended(enum post_state s)
{
    return (ENDED & (1u << s)) != 0;
}

bool post_state_is_unsettled(enum post_state s, struct str failure_code)
{
    return s == POST_FAILED && (str_eqc(failure_code, POST_UNCONFIRMED) || str_eqc(failure_code, POST_TIMED_OUT));
}

bool post_state_was_unsent(struct str event, enum post_state from)
{
    if ((WAITING & (1u << from)) != 0)
        return !str_starts(event, STR("earlier_"));
    /* Of an attempt, these say that its call never left (docs/architecture.md#never-twice). */
    return from == POST_PUBLISHING && (str_eqc(event, "tiktok_unreachable") || str_eqc(event, "service_fault"));
}

enum err post_state_next(struct str event, enum post_state from, struct str failure_code, enum post_state *ret_to)
{
    bool known = false;

    for (const struct transition *t = post_state_transitions; t->event != NULL; t++) {
        if (!str_eqc(event, t->event))
            continue;
        known = true;
        if ((t->from & (1u << from)) == 0 || (t->unsettled && !post_state_is_unsettled(from, failure_code)))
            continue;
        *ret_to = t->to;
        return OK;
    }
    ASSERT(known);
    return ERR_CONFLICT;
}

static const struct transition post_state_transitions[] = {
    {"created", IN(STATE_NONE), POST_QUEUED, false},
    {"submitted", IN(STATE_NONE), POST_AWAITING_APPROVAL, false},
    {"approved", IN(AWAITING_APPROVAL), POST_QUEUED, false},
    {"refused", IN(AWAITING_APPROVAL), POST_CANCELED, false},
    {"approval_expired", IN(AWAITING_APPROVAL), POST_CANCELED, false},
    {"attempt", UNSENT, POST_PUBLISHING, false},
    {"accepted", IN(PUBLISHING), POST_PROCESSING, false},
    {"refused_retry", IN(PUBLISHING), POST_QUEUED, false},
    {"not_sent", IN(PUBLISHING), POST_QUEUED, false},
    {"deferred", UNSENT | IN(PUBLISHING), POST_DEFERRED, false},
    {"rejected", OURS, POST_FAILED, false},
    {"needs_reconnect", OURS, POST_FAILED, false},
    {"tiktok_unreachable", OURS, POST_FAILED, false},
    {"service_fault", OURS, POST_FAILED, false},
    {"images_gone", OURS, POST_FAILED, false},
    {"privacy_not_offered", OURS, POST_FAILED, false},
    {"worker_crashed", OURS, POST_FAILED, false},
    {"over_budget", UNSENT, POST_FAILED, false},
    {"not_as_approved", UNSENT, POST_FAILED, false},
    {"user_disabled", UNSENT, POST_FAILED, false},
    {"outcome_unknown", IN(PUBLISHING), POST_FAILED, false},
    {"lost_by_restore", WAITING, POST_FAILED, false},
    {"inbox", IN(PROCESSING), POST_IN_INBOX, false},
    {"published", IN(PROCESSING) | IN(IN_INBOX) | IN(PUBLISHED), POST_PUBLISHED, false},
    {"platform_failed", IN(PROCESSING), POST_FAILED, false},
    {"confirmation_timeout", IN(PROCESSING), POST_FAILED, false},
    {"unconfirmed", IN(PROCESSING), POST_FAILED, false},
    {"late_accepted", IN(FAILED), POST_FAILED, false},
    {"late_published", IN(FAILED), POST_PUBLISHED, true},
    {"late_inbox", IN(FAILED), POST_IN_INBOX, true},
    {"late_failed", IN(FAILED), POST_FAILED, true},
    {"account_disconnected", WAITING, POST_CANCELED, false},
    {"canceled", WAITING, POST_CANCELED, false},
    {"retried", IN(FAILED) | IN(CANCELED), POST_QUEUED, false},
    {"earlier_accepted", UNSENT, POST_PROCESSING, false},
    {"earlier_published", UNSENT, POST_PUBLISHED, false},
    {"earlier_inbox", UNSENT, POST_IN_INBOX, false},
    {NULL, 0, 0, false},
};
