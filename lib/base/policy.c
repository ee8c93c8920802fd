#include "base/policy.h"

#include <stddef.h>
#include <string.h>

static bool policy_is_loopback(struct str host)
{
    bool is_number = true;

    for (size_t i = 0; i < host.n; i++)
        is_number = is_number && strchr("0123456789.", host.p[i]) != NULL;
    return str_eqc(host, "::1") || (is_number && str_starts(host, STR("127.")));
}

/* RFC 6761 6.3, RFC 1122 3.2.1.3, RFC 4291 2.5.3. */
static bool policy_is_this_machine(struct str host)
{
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_head(str_skip(host, 1), host.n - 2);
    return str_ieq(host, STR("localhost")) || policy_is_loopback(host);
}

int64_t policy_recipients(const struct conf *conf)
{
    const bool has[POLICY_RECIPIENT__MAX] = {
        [POLICY_RECIPIENT_TIKTOK] = true,
        [POLICY_RECIPIENT_STRIPE] = conf->billing_plans.n > 0,
        [POLICY_RECIPIENT_STORE] = conf->s3_endpoint.n > 0, /* set as long as any image is in it */
        [POLICY_RECIPIENT_RELAY] = conf->smtp_host.n > 0 && !policy_is_this_machine(conf->smtp_host),
    };
    int64_t bits = 0;

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        bits |= (int64_t)has[i] << i;
    return bits;
}

/* Of https://HOST:PORT, or of a name: without the port, which may be an IPv6 address in brackets. */
static struct str policy_bare_host(struct str url)
{
    struct str host = str_starts(url, STR("https://")) ? str_skip(url, strlen("https://")) : url;
    size_t n = 0;

    if (host.n > 0 && host.p[0] == '[')
        return host;
    while (n < host.n && host.p[n] != ':' && host.p[n] != '/')
        n++;
    return str_head(host, n);
}

struct str policy_recipient_host(const struct conf *conf, enum policy_recipient recipient)
{
    switch (recipient) {
    case POLICY_RECIPIENT_TIKTOK:
        return policy_bare_host(conf->tiktok_api_url);
    case POLICY_RECIPIENT_STRIPE:
        return policy_bare_host(conf->stripe_api_url);
    case POLICY_RECIPIENT_STORE:
        return policy_bare_host(conf->s3_endpoint);
    case POLICY_RECIPIENT_RELAY:
        return policy_bare_host(conf->smtp_host);
    case POLICY_RECIPIENT__MAX:
        break;
    }
    return STR("");
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
#define PURPOSE(id, name, words, basis) name,
#include "base/policy.def"
#undef PURPOSE
    NULL,
};

const char *const policy_purpose_words[] = {
#define PURPOSE(id, name, words, basis) words,
#include "base/policy.def"
#undef PURPOSE
    NULL,
};

const char *const policy_purpose_bases[] = {
#define PURPOSE(id, name, words, basis) basis,
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
