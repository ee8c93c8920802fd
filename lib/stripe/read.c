#include "stripe/read.h"

#include "json/json.h"
#include "stripe/id.h"
#include "stripe/list.h"

#define URL_MAX_BYTES 4096 /* a checkout's has some 400, with what it opens with after a '#' */

struct stripe_read_metadata {
    struct uuid user_id;
};

struct stripe_read_object { /* each answer has some of these */
    struct str id, object, customer, subscription, status, url;
    struct uuid client_reference_id;
    struct stripe_read_metadata metadata;
    bool deleted, livemode, livemode_given;
};

static const struct json_field stripe_read_object_fields[], stripe_read_list_fields[];

/* A success that is such an object. */
static enum err stripe_read_object_of(const struct net_result *r, struct arena *arena, const char *object,
                                      struct stripe_read_object *ret, struct stripe_error *ret_error)
{
    struct stripe_read_object o = {.deleted = false};

    enum err e = stripe_read_answer(r, arena, ret_error);
    if (e != OK)
        return e;
    if (json_read(arena, r->body, stripe_read_object_fields, &o) != OK || !str_eqc(o.object, object))
        return ERR_NET_UNKNOWN;
    *ret = o;
    return OK;
}

/* People are sent there. */
static struct str stripe_read_url(struct str url)
{
    return str_starts(url, STR("https://")) && url.n <= URL_MAX_BYTES && str_is_visible(url) ? url : (struct str){0};
}

static bool stripe_read_take_customer(const struct stripe_read_object *o, struct stripe_customer *ret)
{
    if (!stripe_id_is(o->id, STRIPE_ID_CUSTOMER) || (!o->deleted && !o->livemode_given))
        return false;
    *ret = o->deleted ? (struct stripe_customer){.id = o->id, .deleted = true}
                      : (struct stripe_customer){.id = o->id, .livemode = o->livemode, .user_id = o->metadata.user_id};
    return true;
}

enum err stripe_read_customer(const struct net_result *r, struct arena *arena, struct stripe_customer *ret,
                              struct stripe_error *ret_error)
{
    struct stripe_read_object o;

    enum err e = stripe_read_object_of(r, arena, "customer", &o, ret_error);
    if (e != OK)
        return e;
    return stripe_read_take_customer(&o, ret) ? OK : ERR_NET_UNKNOWN;
}

enum err stripe_read_customers(const struct net_result *r, struct arena *arena, struct stripe_customers *ret,
                               struct stripe_error *ret_error)
{
    struct stripe_list list;

    enum err e = stripe_read_list(r, arena, stripe_read_list_fields, &list, ret_error);
    if (e != OK)
        return e;
    const struct stripe_read_object *o = list.data.v;
    struct stripe_customers page = {.v = arena_array(arena, list.data.n + 1, sizeof *page.v), .n = list.data.n};
    page.has_more = list.has_more;
    for (size_t i = 0; i < list.data.n; i++)
        if (!str_eqc(o[i].object, "customer") || !stripe_read_take_customer(&o[i], &page.v[i]))
            return ERR_NET_UNKNOWN;
    *ret = page;
    return OK;
}

static bool stripe_read_session_status(struct str word, enum stripe_session_status *ret)
{
    static const char *const words[] = {"open", "complete", "expired"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eqc(word, words[i])) {
            *ret = (enum stripe_session_status)i;
            return true;
        }
    return false;
}

static bool stripe_read_take_session(const struct stripe_read_object *o, struct stripe_session *ret)
{
    struct stripe_session s = {
        .id = o->id,
        .customer = stripe_id_or_none(o->customer, STRIPE_ID_CUSTOMER),
        .subscription = stripe_id_or_none(o->subscription, STRIPE_ID_SUBSCRIPTION),
        .user_id = o->client_reference_id,
        .livemode = o->livemode,
    };

    if (!str_eqc(o->object, "checkout.session") || !stripe_id_is(s.id, STRIPE_ID_SESSION) || !o->livemode_given ||
        !stripe_read_session_status(o->status, &s.status))
        return false;
    if (s.status == STRIPE_SESSION_OPEN)
        s.url = stripe_read_url(o->url);
    *ret = s;
    return s.status != STRIPE_SESSION_OPEN || s.url.p != NULL;
}

enum err stripe_read_session(const struct net_result *r, struct arena *arena, struct stripe_session *ret,
                             struct stripe_error *ret_error)
{
    struct stripe_read_object o;

    enum err e = stripe_read_object_of(r, arena, "checkout.session", &o, ret_error);
    if (e != OK)
        return e;
    return stripe_read_take_session(&o, ret) ? OK : ERR_NET_UNKNOWN;
}

enum err stripe_read_sessions(const struct net_result *r, struct arena *arena, struct stripe_sessions *ret,
                              struct stripe_error *ret_error)
{
    struct stripe_list list;

    enum err e = stripe_read_list(r, arena, stripe_read_list_fields, &list, ret_error);
    if (e != OK)
        return e;
    const struct stripe_read_object *o = list.data.v;
    struct stripe_sessions page = {.v = arena_array(arena, list.data.n, sizeof *page.v), .n = list.data.n};
    page.has_more = list.has_more;
    for (size_t i = 0; i < list.data.n; i++)
        if (!stripe_read_take_session(&o[i], &page.v[i]))
            return ERR_NET_UNKNOWN;
    *ret = page;
    return OK;
}

enum err stripe_read_portal(const struct net_result *r, struct arena *arena, struct str *ret_url,
                            struct stripe_error *ret_error)
{
    struct stripe_read_object o;

    enum err e = stripe_read_object_of(r, arena, "billing_portal.session", &o, ret_error);
    if (e != OK)
        return e;
    if (stripe_read_url(o.url).p == NULL)
        return ERR_NET_UNKNOWN;
    *ret_url = o.url;
    return OK;
}

enum err stripe_read_charge(const struct net_result *r, struct arena *arena, struct str *ret_customer,
                            struct stripe_error *ret_error)
{
    struct stripe_read_object o;

    enum err e = stripe_read_object_of(r, arena, "charge", &o, ret_error);
    if (e != OK)
        return e;
    if (!stripe_id_is(o.id, STRIPE_ID_CHARGE))
        return ERR_NET_UNKNOWN;
    *ret_customer = stripe_id_or_none(o.customer, STRIPE_ID_CUSTOMER);
    return OK;
}

static const struct json_field stripe_read_metadata_fields[] = {
    {.name = "user_id", JSON_UUID(struct stripe_read_metadata, user_id)},
    JSON_END,
};

static const struct json_field stripe_read_object_fields[] = {
    {.name = "id", JSON_STR(struct stripe_read_object, id), .typed = true, .required = true},
    {.name = "object", JSON_STR(struct stripe_read_object, object), .typed = true, .required = true},
    {.name = "customer",
     JSON_STR(struct stripe_read_object, customer),
     .expands = true,
     .typed = true,
     .nullable = true},
    {.name = "subscription",
     JSON_STR(struct stripe_read_object, subscription),
     .expands = true,
     .typed = true,
     .nullable = true},
    {.name = "status", JSON_STR(struct stripe_read_object, status), .typed = true, .nullable = true},
    {.name = "url", JSON_STR(struct stripe_read_object, url), .typed = true, .nullable = true},
    {.name = "client_reference_id", JSON_UUID(struct stripe_read_object, client_reference_id)},
    {.name = "metadata", JSON_OBJECT(struct stripe_read_object, metadata, stripe_read_metadata_fields)},
    {.name = "deleted", JSON_BOOL(struct stripe_read_object, deleted), .typed = true, .nullable = true},
    {.name = "livemode",
     JSON_BOOL(struct stripe_read_object, livemode),
     JSON_GIVEN(struct stripe_read_object, livemode_given),
     .typed = true},
    JSON_END,
};

static const struct json_field stripe_read_list_fields[] = {
    STRIPE_LIST_FIELDS(struct stripe_read_object, stripe_read_object_fields)};
