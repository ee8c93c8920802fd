#include "base/policy.h"

#include <stddef.h>

int64_t policy_recipients(const struct conf *conf)
{
    const bool has[POLICY_RECIPIENT__MAX] = {
        [POLICY_RECIPIENT_TIKTOK] = true,
        [POLICY_RECIPIENT_STRIPE] = conf->billing_plans.n > 0,
        [POLICY_RECIPIENT_STORE] = conf->store_kind == STORE_S3,
        [POLICY_RECIPIENT_RELAY] = conf->smtp_host.n > 0,
    };
    int64_t bits = 0;

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        bits |= (int64_t)has[i] << i;
    return bits;
}

const struct policy_group_row policy_groups[POLICY_GROUP__MAX] = {
#define GROUP(id, name_, what_, see_, change_) \
    [POLICY_GROUP_##id] = {.name = (name_), .what = (what_), .see = (see_), .change = (change_)},
#include "base/policy.def"
#undef GROUP
};

const struct policy_item policy_items[] = {
#define TO(id) INT64_C(1) << POLICY_RECIPIENT_##id
#define POLICY(group_, name_, promise_, purpose_, recipients_, what_) \
    {.group = POLICY_GROUP_##group_, \
     .name = (name_), \
     .promise = (promise_), \
     .purpose = POLICY_PURPOSE_##purpose_, \
     .recipients = (recipients_), \
     .what = (what_)},
#include "base/policy.def"
#undef POLICY
#undef TO
    {.name = NULL},
};

const char *const policy_purpose_names[] = {
#define PURPOSE(id, name, words) name,
#include "base/policy.def"
#undef PURPOSE
    NULL,
};

const char *const policy_purpose_words[] = {
#define PURPOSE(id, name, words) words,
#include "base/policy.def"
#undef PURPOSE
    NULL,
};

const char *const policy_recipient_names[] = {
#define RECIPIENT(id, name, who) name,
#include "base/policy.def"
#undef RECIPIENT
    NULL,
};

const char *const policy_recipient_whos[] = {
#define RECIPIENT(id, name, who) who,
#include "base/policy.def"
#undef RECIPIENT
    NULL,
};
