#include "model/post/post_state.h"

struct transition {
    const char *event;
    unsigned from; /* bits of states */
    enum post_state to;
    const char *failure; /* only when the post failed with this code; NULL: always */
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

enum err post_state_next(struct str event, enum post_state from, struct str failure_code, enum post_state *ret_to)
{
    bool known = false;

    for (const struct transition *t = post_state_transitions; t->event != NULL; t++) {
        if (!str_eqc(event, t->event))
            continue;
        known = true;
        if ((t->from & (1u << from)) == 0 || (t->failure != NULL && !str_eqc(failure_code, t->failure)))
            continue;
        *ret_to = t->to;
        return OK;
    }
    ASSERT(known);
    return ERR_CONFLICT;
}

static const struct transition post_state_transitions[] = {
    {"created", IN(STATE_NONE), POST_QUEUED, NULL},
    {"attempt", UNSENT, POST_PUBLISHING, NULL},
    {"accepted", IN(PUBLISHING), POST_PROCESSING, NULL},
    {"refused_retry", IN(PUBLISHING), POST_QUEUED, NULL},
    {"not_sent", IN(PUBLISHING), POST_QUEUED, NULL},
    {"deferred", UNSENT | IN(PUBLISHING), POST_DEFERRED, NULL},
    {"rejected", OURS, POST_FAILED, NULL},
    {"needs_reconnect", OURS, POST_FAILED, NULL},
    {"tiktok_unreachable", OURS, POST_FAILED, NULL},
    {"images_gone", OURS, POST_FAILED, NULL},
    {"privacy_not_offered", OURS, POST_FAILED, NULL},
    {"worker_crashed", OURS, POST_FAILED, NULL},
    {"outcome_unknown", IN(PUBLISHING), POST_FAILED, NULL},
    {"inbox", IN(PROCESSING), POST_IN_INBOX, NULL},
    {"published", IN(PROCESSING) | IN(IN_INBOX) | IN(PUBLISHED), POST_PUBLISHED, NULL},
    {"published", IN(FAILED), POST_PUBLISHED, "confirmation_timeout"},
    {"platform_failed", IN(PROCESSING), POST_FAILED, NULL},
    {"confirmation_timeout", IN(PROCESSING), POST_FAILED, NULL},
    {"unconfirmed", IN(PROCESSING), POST_FAILED, NULL},
    {"account_disconnected", WAITING, POST_CANCELED, NULL},
    {"canceled", WAITING, POST_CANCELED, NULL},
    {NULL, 0, 0, NULL},
};
