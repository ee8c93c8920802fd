/*
 * The privacy policy as tables (policy.def): the items, their groups, purposes and recipients.
 */
#pragma once

#include <stdint.h>

#include "base/conf.h"
#include "base/str.h"

enum policy_group {
#define GROUP(id, name, what, see, change) POLICY_GROUP_##id,
#include "base/policy.def"
#undef GROUP
    POLICY_GROUP__MAX
};

enum policy_purpose {
#define PURPOSE(id, name, words, basis) POLICY_PURPOSE_##id,
#include "base/policy.def"
#undef PURPOSE
    POLICY_PURPOSE__MAX
};

enum policy_recipient {
#define RECIPIENT(id, name, who) POLICY_RECIPIENT_##id,
#include "base/policy.def"
#undef RECIPIENT
    POLICY_RECIPIENT__MAX
};

struct policy_group_row {
    const char *name, *what;
    const char *see, *change; /* methods and paths; "": there is none */
};

struct policy_item {
    enum policy_group group;
    const char *name, *promise;
    enum policy_purpose purpose;
    int64_t recipients; /* a bit for each of enum policy_recipient that may get it */
    const char *what;
};

extern const struct policy_group_row policy_groups[POLICY_GROUP__MAX];
extern const struct policy_item policy_items[]; /* ends with a NULL name */

/* In the order of their enums; they end with NULL. */
extern const char *const policy_purpose_names[], *const policy_purpose_words[], *const policy_purpose_bases[];
extern const char *const policy_recipient_names[], *const policy_recipient_whos[];

/* Which recipients this installation has: a bit for each. The mail server of this machine itself is none. */
int64_t policy_recipients(const struct conf *conf);

/* Where a recipient is, of those that it has: the host by itself. */
struct str policy_recipient_host(const struct conf *conf, enum policy_recipient recipient);
