/* GET /api/v1/privacy/data: what is held of the user, for what, how long, and who else gets it. A session sees it, and no key. */
#include "privacy_app.h"

#include "base/policy.h"
#include "fcgi/input.h"
#include "model/privacy/held.h"

struct held_shape {
    struct str name, kept;
    int64_t kept_n, records;
    int kept_unit;
    bool counts, has_more;
};

struct item_shape {
    struct str item, what, promise, for_what;
    int purpose;
    int64_t recipients;
    bool is_secret;
    struct json_array held;
};

struct group_shape {
    struct str group, what, see, change;
    struct json_array items;
};

struct recipient_shape {
    int recipient;
    struct str who;
};

struct data_shape {
    struct json_array groups, recipients;
};

/* What is asked once, of each place. */
struct data {
    struct arena *arena;
    int64_t recipients; /* of this installation */
    struct held_shape held[HELD__MAX];
};

static const struct json_field data_fields[];

static enum err data_count(struct ctx *c, struct data *d)
{
    for (enum held_table t = 0; t < HELD__MAX; t++) {
        const struct held *h = &held_tables[t];
        const struct retention *kept = &retentions[h->retention];
        int64_t n = 0;
        enum err e = h->counts ? held_count(c->db, t, &c->caller.user_id, &n) : OK;
        if (e != OK)
            return e;
        d->held[t] = (struct held_shape){.name = str_from(h->name),
                                         .kept = str_from(kept->words),
                                         .kept_n = kept->n,
                                         .kept_unit = (int)kept->unit,
                                         .records = n,
                                         .counts = h->counts,
                                         .has_more = n == HELD_COUNT_MAX};
    }
    return OK;
}

/* Where an item is. What only says whose a row is, or stands elsewhere, too, is no place. */
static struct json_array data_places(const struct data *d, const struct policy_item *item, bool *ret_is_secret)
{
    struct held_shape *v = arena_array(d->arena, HELD__MAX, sizeof *v);
    enum held_table last = HELD__MAX;
    size_t n = 0;

    *ret_is_secret = true;
    for (const struct held_column *col = held_columns; col->column != NULL; col++) {
        if (col->kind == HELD_COPY || !str_eqc(str_from(col->item), item->name))
            continue;
        *ret_is_secret = *ret_is_secret && col->kind == HELD_SECRET;
        if (col->table != last)
            v[n++] = d->held[col->table];
        last = col->table;
    }
    return (struct json_array){.v = v, .n = n};
}

static struct json_array data_items(const struct data *d, enum policy_group group)
{
    size_t n = 0;

    for (const struct policy_item *i = policy_items; i->name != NULL; i++)
        n += i->group == group;
    struct item_shape *v = arena_array(d->arena, n, sizeof *v);
    n = 0;
    for (const struct policy_item *i = policy_items; i->name != NULL; i++) {
        if (i->group != group)
            continue;
        struct item_shape *s = &v[n++];
        *s = (struct item_shape){.item = str_from(i->name),
                                 .what = str_from(i->what),
                                 .promise = str_from(i->promise),
                                 .purpose = (int)i->purpose,
                                 .for_what = str_from(policy_purpose_words[i->purpose]),
                                 .recipients = i->recipients & d->recipients};
        s->held = data_places(d, i, &s->is_secret);
    }
    return (struct json_array){.v = v, .n = n};
}

static struct json_array data_recipients(const struct data *d)
{
    struct recipient_shape *v = arena_array(d->arena, POLICY_RECIPIENT__MAX, sizeof *v);
    size_t n = 0;

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        if (d->recipients >> i & 1)
            v[n++] = (struct recipient_shape){.recipient = i, .who = str_from(policy_recipient_whos[i])};
    return (struct json_array){.v = v, .n = n};
}

static struct str data_path(const char *path)
{
    return path[0] == '\0' ? (struct str){0} : str_from(path);
}

static enum err data_get(struct ctx *c)
{
    struct data d = {.arena = c->arena, .recipients = policy_recipients(c->conf)};
    struct group_shape *groups = arena_array(c->arena, POLICY_GROUP__MAX, sizeof *groups);

    enum err e = data_count(c, &d);
    if (e != OK)
        return e;
    for (enum policy_group g = 0; g < POLICY_GROUP__MAX; g++)
        groups[g] = (struct group_shape){.group = str_from(policy_groups[g].name),
                                         .what = str_from(policy_groups[g].what),
                                         .see = data_path(policy_groups[g].see),
                                         .change = data_path(policy_groups[g].change),
                                         .items = data_items(&d, g)};
    struct data_shape shape = {.groups = {.v = groups, .n = POLICY_GROUP__MAX}, .recipients = data_recipients(&d)};
    return reply_data(&c->rep, 200, data_fields, &shape);
}

static const struct json_field data_held_fields[] = {
    {.name = "name", JSON_STR(struct held_shape, name), .help = "Where it is, in a word"},
    {.name = "records",
     JSON_I64(struct held_shape, records),
     JSON_GIVEN(struct held_shape, counts),
     .help = "How many there are, 1000 at most; null: they do not say whose they are"},
    {.name = "has_more", JSON_BOOL(struct held_shape, has_more), .help = "There may be more than these"},
    {.name = "kept_n", JSON_I64(struct held_shape, kept_n), .help = "For how many of kept_unit; 0: it has no clock"},
    {.name = "kept_unit",
     JSON_ENUM(struct held_shape, kept_unit, retention_unit_names),
     .help = "hours, days, months or none"},
    {.name = "kept", JSON_STR(struct held_shape, kept), .help = "After what, or while what"},
    JSON_END};

static const struct json_field data_item_fields[] = {
    {.name = "item", JSON_STR(struct item_shape, item), .help = "The item of the privacy policy"},
    {.name = "what", JSON_STR(struct item_shape, what), .help = "The same in words"},
    {.name = "promise", JSON_STR(struct item_shape, promise), .help = "The promise of the policy that it belongs to"},
    {.name = "purpose", JSON_ENUM(struct item_shape, purpose, policy_purpose_names), .help = "What for"},
    {.name = "for", JSON_STR(struct item_shape, for_what), .help = "The same in words"},
    {.name = "recipients",
     JSON_SET(struct item_shape, recipients, policy_recipient_names),
     .help = "Who gets it, outside of this service"},
    {.name = "is_secret", JSON_BOOL(struct item_shape, is_secret), .help = "A hash, or sealed: nobody gets to see it"},
    {.name = "held",
     JSON_ARRAY(struct item_shape, held, struct held_shape, data_held_fields),
     .help = "Where it is, and how long"},
    JSON_END};

static const struct json_field data_group_fields[] = {
    {.name = "group", JSON_STR(struct group_shape, group), .help = "account, mail, keys, tiktok ..."},
    {.name = "what", JSON_STR(struct group_shape, what), .help = "The same in words"},
    {.name = "see", JSON_STR(struct group_shape, see), .help = "The call that shows it, or null"},
    {.name = "change", JSON_STR(struct group_shape, change), .help = "The calls that correct or end it, or null"},
    {.name = "items",
     JSON_ARRAY(struct group_shape, items, struct item_shape, data_item_fields),
     .help = "What is held"},
    JSON_END};

static const struct json_field data_recipient_fields[] = {
    {.name = "recipient",
     JSON_ENUM(struct recipient_shape, recipient, policy_recipient_names),
     .help = "tiktok, stripe, image_store or mail_relay"},
    {.name = "who", JSON_STR(struct recipient_shape, who), .help = "The same in words"},
    JSON_END};

static const struct json_field data_fields[] = {
    {.name = "groups",
     JSON_ARRAY(struct data_shape, groups, struct group_shape, data_group_fields),
     .help = "All that is held"},
    {.name = "recipients",
     JSON_ARRAY(struct data_shape, recipients, struct recipient_shape, data_recipient_fields),
     .help = "All who get anything, at this installation"},
    JSON_END};

const struct route data_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/privacy/data",
     .handler = data_get,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "What is held of the user, for what, how long, and who else gets it"},
    ROUTE_END,
};
