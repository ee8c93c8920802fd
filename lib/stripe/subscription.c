#include "stripe/subscription.h"

#include "base/clock.h"
#include "json/json.h"
#include "stripe/id.h"
#include "stripe/list.h"
#include "stripe/time.h"

#define ITEMS_MAX 100 /* Stripe has 20 */
#define STATUS_MAX_BYTES 64

static const struct {
    const char *word;
    enum stripe_access access;
    bool over;
} stripe_subscription_statuses[STRIPE_STATUS__MAX] = {
    [STRIPE_UNKNOWN] = {"unknown", STRIPE_ACCESS_NO, false}, /* a word that came later than this program */
    [STRIPE_INCOMPLETE_EXPIRED] = {"incomplete_expired", STRIPE_ACCESS_NO, true},
    [STRIPE_CANCELED] = {"canceled", STRIPE_ACCESS_NO, true}, /* it has ended: one that will end is active until then */
    [STRIPE_INCOMPLETE] = {"incomplete", STRIPE_ACCESS_NO, false}, /* the first payment has not come */
    [STRIPE_UNPAID] = {"unpaid", STRIPE_ACCESS_NO, false},
    [STRIPE_PAUSED] = {"paused", STRIPE_ACCESS_NO, false},
    [STRIPE_PAST_DUE] = {"past_due", STRIPE_ACCESS_GRACE, false},
    [STRIPE_TRIALING] = {"trialing", STRIPE_ACCESS_YES, false},
    [STRIPE_ACTIVE] = {"active", STRIPE_ACCESS_YES, false},
};

const char *stripe_status_word(enum stripe_status s)
{
    ASSERT((unsigned)s < STRIPE_STATUS__MAX);
    return stripe_subscription_statuses[s].word;
}

enum stripe_access stripe_status_access(enum stripe_status s)
{
    ASSERT((unsigned)s < STRIPE_STATUS__MAX);
    return stripe_subscription_statuses[s].access;
}

bool stripe_status_is_over(enum stripe_status s)
{
    ASSERT((unsigned)s < STRIPE_STATUS__MAX);
    return stripe_subscription_statuses[s].over;
}

enum stripe_status stripe_status_of(struct str word)
{
    for (int s = STRIPE_UNKNOWN + 1; s < STRIPE_STATUS__MAX; s++)
        if (str_eqc(word, stripe_subscription_statuses[s].word))
            return (enum stripe_status)s;
    return STRIPE_UNKNOWN;
}

bool stripe_subscription_will_end(const struct stripe_subscription *s)
{
    return s->cancel_at_us != 0 || s->cancel_at_period_end;
}

int64_t stripe_subscription_ends_us(const struct stripe_subscription *s)
{
    if (s->cancel_at_us != 0)
        return s->cancel_at_us;
    return s->cancel_at_period_end ? s->period_end_us : 0;
}

/* As it is sent: times in seconds */

struct stripe_subscription_item {
    struct str price;
    int64_t current_period_start, current_period_end;
};

struct stripe_subscription_items {
    struct json_array data;
    bool has_more;
};

struct stripe_subscription_metadata {
    struct uuid user_id;
};

struct stripe_subscription_pause {
    struct str behavior;
};

struct stripe_subscription_sent {
    bool livemode, cancel_at_period_end, pause_given;
    struct str id, object, customer, status;
    struct stripe_subscription_metadata metadata;
    struct stripe_subscription_items items;
    struct stripe_subscription_pause pause;
    int64_t created, current_period_start, current_period_end, cancel_at, trial_end, ended_at;
};

static const struct json_field stripe_subscription_item_fields[] = {
    {.name = "price",
     JSON_STR(struct stripe_subscription_item, price),
     .expands = true,
     .typed = true,
     .required = true},
    {.name = "current_period_start", JSON_I64(struct stripe_subscription_item, current_period_start), STRIPE_TIME},
    {.name = "current_period_end", JSON_I64(struct stripe_subscription_item, current_period_end), STRIPE_TIME},
    JSON_END,
};

static const struct json_field stripe_subscription_items_fields[] = {
    {.name = "data",
     JSON_ARRAY(struct stripe_subscription_items, data, struct stripe_subscription_item,
                stripe_subscription_item_fields),
     .max = ITEMS_MAX,
     .typed = true,
     .required = true},
    {.name = "has_more", JSON_BOOL(struct stripe_subscription_items, has_more), .typed = true, .nullable = true},
    JSON_END,
};

static const struct json_field stripe_subscription_metadata_fields[] = {
    {.name = "user_id", JSON_UUID(struct stripe_subscription_metadata, user_id)},
    JSON_END,
};

static const struct json_field stripe_subscription_pause_fields[] = {
    {.name = "behavior", JSON_STR(struct stripe_subscription_pause, behavior)},
    JSON_END,
};

static const struct json_field stripe_subscription_fields[] = {
    {.name = "id", JSON_STR(struct stripe_subscription_sent, id), .typed = true, .required = true},
    {.name = "object", JSON_STR(struct stripe_subscription_sent, object), .typed = true, .required = true},
    {.name = "customer",
     JSON_STR(struct stripe_subscription_sent, customer),
     .expands = true,
     .typed = true,
     .required = true},
    {.name = "status",
     JSON_STR(struct stripe_subscription_sent, status),
     .typed = true,
     .required = true,
     .min = 1,
     .max = STATUS_MAX_BYTES},
    {.name = "livemode", JSON_BOOL(struct stripe_subscription_sent, livemode), .typed = true, .required = true},
    {.name = "created", JSON_I64(struct stripe_subscription_sent, created), STRIPE_TIME},
    {.name = "metadata", JSON_OBJECT(struct stripe_subscription_sent, metadata, stripe_subscription_metadata_fields)},
    {.name = "items",
     JSON_OBJECT(struct stripe_subscription_sent, items, stripe_subscription_items_fields),
     .typed = true,
     .required = true},
    {.name = "current_period_start", JSON_I64(struct stripe_subscription_sent, current_period_start), STRIPE_TIME},
    {.name = "current_period_end", JSON_I64(struct stripe_subscription_sent, current_period_end), STRIPE_TIME},
    {.name = "cancel_at", JSON_I64(struct stripe_subscription_sent, cancel_at), STRIPE_TIME},
    {.name = "cancel_at_period_end",
     JSON_BOOL(struct stripe_subscription_sent, cancel_at_period_end),
     .typed = true,
     .nullable = true},
    {.name = "trial_end", JSON_I64(struct stripe_subscription_sent, trial_end), STRIPE_TIME},
    {.name = "ended_at", JSON_I64(struct stripe_subscription_sent, ended_at), STRIPE_TIME},
    {.name = "pause_collection",
     JSON_OBJECT(struct stripe_subscription_sent, pause, stripe_subscription_pause_fields),
     JSON_GIVEN(struct stripe_subscription_sent, pause_given),
     .typed = true,
     .nullable = true},
    JSON_END,
};

static const struct json_field stripe_subscription_list_fields[] = {
    STRIPE_LIST_FIELDS(struct stripe_subscription_sent, stripe_subscription_fields)};

/* What was sent, as we have it. False: its ids are not such. */
static bool stripe_subscription_take(const struct stripe_subscription_sent *sent, struct arena *arena,
                                     struct stripe_subscription *ret)
{
    const struct stripe_subscription_item *items = sent->items.data.v;
    int64_t start = 0, last = 0, first = 0;

    if (!str_eqc(sent->object, "subscription") || !stripe_id_is(sent->id, STRIPE_ID_SUBSCRIPTION) ||
        !stripe_id_is(sent->customer, STRIPE_ID_CUSTOMER) || !str_is_visible(sent->status))
        return false;
    *ret = (struct stripe_subscription){
        .id = sent->id,
        .customer = sent->customer,
        .user_id = sent->metadata.user_id,
        .status_text = sent->status,
        .status = stripe_status_of(sent->status),
        .livemode = sent->livemode,
        .prices = {.v = arena_array(arena, sent->items.data.n, sizeof(struct str)), .n = sent->items.data.n},
        .more_items = sent->items.has_more,
        .created_us = sent->created * US_PER_SEC,
        .cancel_at_us = sent->cancel_at * US_PER_SEC,
        .cancel_at_period_end = sent->cancel_at_period_end,
        .trial_end_us = sent->trial_end * US_PER_SEC,
        .ended_at_us = sent->ended_at * US_PER_SEC,
        .collection_paused = sent->pause_given,
    };
    for (size_t i = 0; i < sent->items.data.n; i++) {
        int64_t end = items[i].current_period_end;
        ret->prices.v[i] = items[i].price;
        start = MAX(start, items[i].current_period_start);
        last = MAX(last, end);
        first = first == 0 || (end != 0 && end < first) ? end : first;
    }
    ret->period_start_us = (start != 0 ? start : sent->current_period_start) * US_PER_SEC;
    ret->period_end_us = (last != 0 ? last : sent->current_period_end) * US_PER_SEC;
    ret->next_bill_us = (first != 0 ? first : sent->current_period_end) * US_PER_SEC;
    return true;
}

enum err stripe_read_subscription(const struct net_result *r, struct arena *arena, struct stripe_subscription *ret,
                                  struct stripe_error *ret_error)
{
    struct stripe_subscription_sent sent = {.livemode = false};
    struct stripe_subscription s;

    enum err e = stripe_read_answer(r, arena, ret_error);
    if (e != OK)
        return e;
    if (json_read(arena, r->body, stripe_subscription_fields, &sent) != OK ||
        !stripe_subscription_take(&sent, arena, &s))
        return ERR_NET_UNKNOWN;
    *ret = s;
    return OK;
}

enum err stripe_read_subscriptions(const struct net_result *r, struct arena *arena, struct stripe_subscriptions *ret,
                                   struct stripe_error *ret_error)
{
    struct stripe_list list;

    enum err e = stripe_read_list(r, arena, stripe_subscription_list_fields, &list, ret_error);
    if (e != OK)
        return e;
    const struct stripe_subscription_sent *sent = list.data.v;
    struct stripe_subscriptions page = {.v = arena_array(arena, list.data.n, sizeof *page.v), .n = list.data.n};
    page.has_more = list.has_more && list.data.n > 0;
    for (size_t i = 0; i < list.data.n; i++)
        if (!stripe_subscription_take(&sent[i], arena, &page.v[i]))
            return ERR_NET_UNKNOWN;
    *ret = page;
    return OK;
}
