#include "stripe/event.h"

#include "base/clock.h"
#include "json/json.h"
#include "stripe/id.h"
#include "stripe/list.h"
#include "stripe/time.h"

#define TYPE_MAX_BYTES 100
#define LINK_MAX_BYTES 1024
#define STATUS_MAX_BYTES 64

struct stripe_event_metadata {
    struct uuid user_id;
};

struct stripe_event_details { /* of an invoice's parent, in new versions */
    struct str subscription;
    struct stripe_event_metadata metadata;
};

struct stripe_event_parent {
    struct stripe_event_details details;
};

struct stripe_event_object {
    struct str id, object, customer, subscription, charge, hosted_invoice_url, status;
    struct uuid client_reference_id;
    struct stripe_event_metadata metadata;
    struct stripe_event_parent parent;
};

struct stripe_event_data {
    struct stripe_event_object object;
};

struct stripe_event_sent {
    struct str id, object, type, account;
    bool livemode;
    int64_t created;
    struct stripe_event_data data;
};

static const struct json_field stripe_event_head_fields[], stripe_event_fields[], stripe_event_list_fields[];

const struct stripe_event_kind *stripe_event_find(struct str type)
{
    for (const struct stripe_event_kind *k = stripe_event_kinds; k->type != NULL; k++)
        if (str_eqc(type, k->type))
            return k;
    return NULL;
}

/* NULL: it is an event of Stripe's. */
static const char *stripe_event_head_fault(const struct stripe_event_sent *sent)
{
    if (!str_eqc(sent->object, "event")) /* a thin event is a v2.core.event: another kind of endpoint */
        return "object is not event";
    if (!stripe_id_is(sent->id, STRIPE_ID_EVENT))
        return "id is not an event's";
    return sent->type.n > 0 && str_is_visible(sent->type) ? NULL : "type is not the name of an event";
}

/* What an address may not hold would be longer where it is quoted: there is room for LINK_MAX_BYTES. */
static struct str stripe_event_link(struct str url)
{
    bool fits = str_starts(url, STR("https://")) && url.n <= LINK_MAX_BYTES && str_is_visible(url);

    return fits && memchr(url.p, '"', url.n) == NULL && memchr(url.p, '\\', url.n) == NULL ? url : (struct str){0};
}

static struct str stripe_event_word(struct str s)
{
    return s.n > 0 && str_is_visible(s) ? s : (struct str){0};
}

static struct str stripe_event_first(struct str a, struct str b)
{
    return a.p != NULL ? a : b;
}

static struct uuid stripe_event_user(const struct stripe_event_object *o)
{
    if (!uuid_is_none(&o->client_reference_id))
        return o->client_reference_id;
    return uuid_is_none(&o->metadata.user_id) ? o->parent.details.metadata.user_id : o->metadata.user_id;
}

static void stripe_event_take_head(const struct stripe_event_sent *sent, struct stripe_event *ret)
{
    *ret = (struct stripe_event){
        .id = sent->id,
        .type = sent->type,
        .account = sent->account,
        .livemode = sent->livemode,
        .created_us = sent->created * US_PER_SEC,
    };
}

/* The object of an event that is ours. It may itself be the customer, the subscription or the charge. */
static void stripe_event_take_object(const struct stripe_event_kind *kind, const struct stripe_event_object *o,
                                     struct stripe_event *ret)
{
    bool is_customer = strcmp(kind->object, "customer") == 0, is_charge = strcmp(kind->object, "charge") == 0;
    bool is_subscription = strcmp(kind->object, "subscription") == 0;
    struct str subscription = stripe_event_first(o->subscription, o->parent.details.subscription);

    ret->kind = kind;
    ret->object_id = stripe_event_word(o->id);
    ret->customer = stripe_id_or_none(is_customer ? o->id : o->customer, STRIPE_ID_CUSTOMER);
    ret->subscription = stripe_id_or_none(is_subscription ? o->id : subscription, STRIPE_ID_SUBSCRIPTION);
    ret->charge = stripe_id_or_none(is_charge ? o->id : o->charge, STRIPE_ID_CHARGE);
    ret->user_id = stripe_event_user(o);
    ret->link = stripe_event_link(o->hosted_invoice_url);
    ret->status = stripe_event_word(o->status);
}

static enum err stripe_event_refuse(enum err e, const char *why, const char **ret_why)
{
    *ret_why = why;
    return e;
}

/*
 * With its object, which an event of ours has as stripe_event_fields says. What cannot be read so may still be one that is not ours,
 * and of which the head is enough: *ret_has_object says which it is.
 */
static enum err stripe_event_read_sent(struct arena *arena, struct str body, struct stripe_event_sent *ret_sent,
                                       bool *ret_has_object)
{
    struct stripe_event_sent whole = {.livemode = false}, head = {.livemode = false};

    enum err e = json_read(arena, body, stripe_event_fields, &whole);
    *ret_has_object = e == OK;
    if (e == ERR_VALIDATION)
        e = json_read(arena, body, stripe_event_head_fields, &head);
    *ret_sent = *ret_has_object ? whole : head;
    return e;
}

/* NULL: its object is what its type has. */
static const char *stripe_event_object_fault(const struct stripe_event_kind *kind, const struct stripe_event_sent *sent,
                                             bool has_object)
{
    if (!has_object)
        return "a field of data.object is missing or of another type";
    return str_eqc(sent->data.object.object, kind->object) ? NULL : "data.object is not what this type has";
}

enum err stripe_read_event(struct arena *arena, struct str body, struct stripe_event *ret, const char **ret_why)
{
    struct stripe_event_sent sent;
    struct stripe_event event;
    bool has_object;

    if (body.n > STRIPE_EVENT_MAX_BYTES)
        return stripe_event_refuse(ERR_BODY_TOO_LARGE, "more than 1 MiB", ret_why);
    enum err e = stripe_event_read_sent(arena, body, &sent, &has_object);
    if (e != OK)
        return stripe_event_refuse(e,
                                   e == ERR_VALIDATION
                                       ? "id, object, type, livemode or created is missing or of another type"
                                       : "not a JSON object that can be read",
                                   ret_why);
    const char *fault = stripe_event_head_fault(&sent);
    if (fault != NULL)
        return stripe_event_refuse(ERR_VALIDATION, fault, ret_why);
    stripe_event_take_head(&sent, &event);
    const struct stripe_event_kind *kind = stripe_event_find(event.type);
    if (kind != NULL) {
        fault = stripe_event_object_fault(kind, &sent, has_object);
        if (fault != NULL)
            return stripe_event_refuse(ERR_VALIDATION, fault, ret_why);
        stripe_event_take_object(kind, &sent.data.object, &event);
    }
    *ret_why = NULL;
    *ret = event;
    return OK;
}

/* Of a page. False: it is no event, or not with the object that its type has. */
static bool stripe_event_take(const struct stripe_event_sent *sent, struct stripe_event *ret)
{
    const struct stripe_event_kind *kind = stripe_event_find(sent->type);

    if (stripe_event_head_fault(sent) != NULL)
        return false;
    stripe_event_take_head(sent, ret);
    if (kind == NULL)
        return true;
    if (!str_eqc(sent->data.object.object, kind->object))
        return false;
    stripe_event_take_object(kind, &sent->data.object, ret);
    return true;
}

enum err stripe_read_events(const struct net_result *r, struct arena *arena, struct stripe_events *ret,
                            struct stripe_error *ret_error)
{
    struct stripe_list list;

    enum err e = stripe_read_list(r, arena, stripe_event_list_fields, &list, ret_error);
    if (e != OK)
        return e;
    const struct stripe_event_sent *sent = list.data.v;
    struct stripe_events page = {.v = arena_array(arena, list.data.n, sizeof *page.v), .has_more = list.has_more};
    for (size_t i = 0; i < list.data.n; i++) {
        struct str id = stripe_id_or_none(sent[i].id, STRIPE_ID_EVENT);
        page.newest = stripe_event_first(page.newest, id);
        page.oldest = stripe_event_first(id, page.oldest);
        if (stripe_event_take(&sent[i], &page.v[page.n]))
            page.n++;
        else
            page.unreadable_n++;
    }
    page.has_more = page.has_more && page.newest.p != NULL; /* else the next page would be this one */
    *ret = page;
    return OK;
}

static const struct json_field stripe_event_metadata_fields[] = {
    {.name = "user_id", JSON_UUID(struct stripe_event_metadata, user_id)},
    JSON_END,
};

static const struct json_field stripe_event_details_fields[] = {
    {.name = "subscription", JSON_STR(struct stripe_event_details, subscription), .expands = true},
    {.name = "metadata", JSON_OBJECT(struct stripe_event_details, metadata, stripe_event_metadata_fields)},
    JSON_END,
};

static const struct json_field stripe_event_parent_fields[] = {
    {.name = "subscription_details", JSON_OBJECT(struct stripe_event_parent, details, stripe_event_details_fields)},
    JSON_END,
};

/* By itself an event is refused for a wrong type (typed); in a page such a field is as good as missing. */
#define STRIPE_EVENT_LINK(name_, typed_) \
    { \
        .name = #name_, JSON_STR(struct stripe_event_object, name_), .expands = true, .typed = (typed_), \
        .nullable = true \
    }
#define STRIPE_EVENT_OBJECT(typed_) \
    {.name = "id", \
     JSON_STR(struct stripe_event_object, id), \
     .typed = (typed_), \
     .nullable = true, \
     .max = STRIPE_ID_MAX_BYTES}, \
        {.name = "object", JSON_STR(struct stripe_event_object, object), .typed = (typed_), .required = true}, \
        STRIPE_EVENT_LINK(customer, typed_), STRIPE_EVENT_LINK(subscription, typed_), \
        STRIPE_EVENT_LINK(charge, typed_), \
        {.name = "hosted_invoice_url", \
         JSON_STR(struct stripe_event_object, hosted_invoice_url), \
         .typed = (typed_), \
         .nullable = true}, \
        {.name = "status", \
         JSON_STR(struct stripe_event_object, status), \
         .typed = (typed_), \
         .nullable = true, \
         .max = STATUS_MAX_BYTES}, \
        {.name = "client_reference_id", JSON_UUID(struct stripe_event_object, client_reference_id)}, \
        {.name = "metadata", JSON_OBJECT(struct stripe_event_object, metadata, stripe_event_metadata_fields)}, \
        {.name = "parent", JSON_OBJECT(struct stripe_event_object, parent, stripe_event_parent_fields)}, JSON_END
#define STRIPE_EVENT_HEAD(typed_) \
    {.name = "id", JSON_STR(struct stripe_event_sent, id), .typed = (typed_), .required = true}, \
        {.name = "object", JSON_STR(struct stripe_event_sent, object), .typed = (typed_), .required = true}, \
        {.name = "type", \
         JSON_STR(struct stripe_event_sent, type), \
         .typed = (typed_), \
         .required = true, \
         .max = TYPE_MAX_BYTES}, \
        {.name = "account", \
         JSON_STR(struct stripe_event_sent, account), \
         .typed = (typed_), \
         .nullable = true, \
         .max = STRIPE_ID_MAX_BYTES}, \
        {.name = "livemode", JSON_BOOL(struct stripe_event_sent, livemode), .typed = (typed_), .required = true}, \
    { \
        .name = "created", JSON_I64(struct stripe_event_sent, created), .typed = (typed_), .required = true, .min = 0, \
        .max = STRIPE_TIME_MAX_SEC \
    }

static const struct json_field stripe_event_object_fields[] = {STRIPE_EVENT_OBJECT(true)};
static const struct json_field stripe_event_listed_object_fields[] = {STRIPE_EVENT_OBJECT(false)};

static const struct json_field stripe_event_data_fields[] = {
    {.name = "object",
     JSON_OBJECT(struct stripe_event_data, object, stripe_event_object_fields),
     .typed = true,
     .required = true},
    JSON_END,
};

static const struct json_field stripe_event_listed_data_fields[] = {
    {.name = "object", JSON_OBJECT(struct stripe_event_data, object, stripe_event_listed_object_fields)},
    JSON_END,
};

static const struct json_field stripe_event_head_fields[] = {STRIPE_EVENT_HEAD(true), JSON_END};

static const struct json_field stripe_event_fields[] = {
    STRIPE_EVENT_HEAD(true),
    {.name = "data",
     JSON_OBJECT(struct stripe_event_sent, data, stripe_event_data_fields),
     .typed = true,
     .required = true},
    JSON_END,
};

static const struct json_field stripe_event_listed_fields[] = {
    STRIPE_EVENT_HEAD(false),
    {.name = "data", JSON_OBJECT(struct stripe_event_sent, data, stripe_event_listed_data_fields)},
    JSON_END,
};

static const struct json_field stripe_event_list_fields[] = {
    STRIPE_LIST_FIELDS(struct stripe_event_sent, stripe_event_listed_fields)};

/* docs/stripe.md#events has the same table, in words. */
const struct stripe_event_kind stripe_event_kinds[] = {
    {"checkout.session.completed", "checkout.session", STRIPE_USE_BIND, false,
     "a checkout is done, and may not be paid yet"},
    {"checkout.session.async_payment_succeeded", "checkout.session", STRIPE_USE_BIND, false,
     "its delayed payment came"},
    {"checkout.session.async_payment_failed", "checkout.session", STRIPE_USE_CHECKOUT_OVER, false,
     "its delayed payment did not come"},
    {"checkout.session.expired", "checkout.session", STRIPE_USE_CHECKOUT_OVER, false, "nobody went through with it"},
    {"customer.subscription.created", "subscription", STRIPE_USE_STATE, false, "begun"},
    {"customer.subscription.updated", "subscription", STRIPE_USE_STATE, false,
     "any change: renewal, plan, cancellation, its undoing"},
    {"customer.subscription.deleted", "subscription", STRIPE_USE_STATE, false, "ended"},
    {"customer.subscription.paused", "subscription", STRIPE_USE_STATE, false, "status paused; not pause_collection"},
    {"customer.subscription.resumed", "subscription", STRIPE_USE_STATE, false, "no longer"},
    {"customer.subscription.pending_update_applied", "subscription", STRIPE_USE_STATE, false,
     "a change that waited for its payment"},
    {"customer.subscription.pending_update_expired", "subscription", STRIPE_USE_STATE, false,
     "one whose payment did not come"},
    {"customer.subscription.trial_will_end", "subscription", STRIPE_USE_MAIL_TRIAL, false,
     "in three days, or at once if it was cut short"},
    {"invoice.paid", "invoice", STRIPE_USE_STATE, false, "renewed, also when it was paid elsewhere"},
    {"invoice.payment_failed", "invoice", STRIPE_USE_MAIL_FAILED, false, "the user must do something"},
    {"invoice.payment_action_required", "invoice", STRIPE_USE_MAIL_ACTION, false,
     "the user's bank wants a confirmation"},
    {"invoice.finalization_failed", "invoice", STRIPE_USE_TELL_ADMIN, false,
     "taxes or an address: nothing is billed any more"},
    {"invoice.marked_uncollectible", "invoice", STRIPE_USE_TELL_ADMIN, false, "given up"},
    {"invoice.voided", "invoice", STRIPE_USE_TELL_ADMIN, false, "taken back"},
    {"customer.deleted", "customer", STRIPE_USE_CUSTOMER_GONE, false, "deleted, by us or at Stripe's dashboard"},
    {"charge.dispute.created", "dispute", STRIPE_USE_TELL_ADMIN, true,
     "somebody wants the money back through the bank"},
    {"charge.dispute.closed", "dispute", STRIPE_USE_TELL_ADMIN, true, "won or lost"},
    {"charge.refunded", "charge", STRIPE_USE_TELL_ADMIN, false, "money went back"},
    {"radar.early_fraud_warning.created", "radar.early_fraud_warning", STRIPE_USE_TELL_ADMIN, true,
     "a dispute is likely"},
    {.type = NULL},
};
