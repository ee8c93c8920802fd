/* GET /api/v1/privacy/data: what is held of the user, for what, how long, and who else gets it. A session sees it, and no key. */
#include "privacy_app.h"

#include "fcgi/input.h"
#include "model/privacy/data.h"

static const struct json_field data_fields[];

static enum err data_get(struct ctx *c)
{
    struct data_told told;

    enum err e = data_told(c->db, c->arena, c->conf, &c->caller.user_id, &told);
    return e == OK ? reply_data(&c->rep, 200, data_fields, &told) : e;
}

static const struct json_field data_held_fields[] = {
    {.name = "name", JSON_STR(struct data_held, name), .help = "Where it is, in a word"},
    {.name = "records",
     JSON_I64(struct data_held, records),
     JSON_GIVEN(struct data_held, counts),
     .help = "How many there are, 1000 at most; null: they do not say whose they are"},
    {.name = "has_more", JSON_BOOL(struct data_held, has_more), .help = "There may be more than these"},
    {.name = "kept_n", JSON_I64(struct data_held, kept_n), .help = "For how many of kept_unit; 0: it has no clock"},
    {.name = "kept_unit",
     JSON_ENUM(struct data_held, kept_unit, retention_unit_names),
     .help = "hours, days, months or none"},
    {.name = "kept", JSON_STR(struct data_held, kept), .help = "After what, or while what"},
    JSON_END};

static const struct json_field data_item_fields[] = {
    {.name = "item", JSON_STR(struct data_item, item), .help = "The item of the privacy policy"},
    {.name = "what", JSON_STR(struct data_item, what), .help = "The same in words"},
    {.name = "promise", JSON_STR(struct data_item, promise), .help = "The promise of the policy that it belongs to"},
    {.name = "purpose", JSON_ENUM(struct data_item, purpose, policy_purpose_names), .help = "What for"},
    {.name = "for", JSON_STR(struct data_item, for_what), .help = "The same in words"},
    {.name = "recipients",
     JSON_SET(struct data_item, recipients, policy_recipient_names),
     .help = "Who gets it, outside of this service"},
    {.name = "is_secret", JSON_BOOL(struct data_item, is_secret), .help = "A hash, or sealed: nobody gets to see it"},
    {.name = "held",
     JSON_ARRAY(struct data_item, held, struct data_held, data_held_fields),
     .help = "Where it is, and how long"},
    JSON_END};

static const struct json_field data_group_fields[] = {
    {.name = "group", JSON_STR(struct data_group, group), .help = "account, mail, keys, tiktok ..."},
    {.name = "what", JSON_STR(struct data_group, what), .help = "The same in words"},
    {.name = "see", JSON_STR(struct data_group, see), .help = "The call that shows it, or null"},
    {.name = "change", JSON_STR(struct data_group, change), .help = "The calls that correct or end it, or null"},
    {.name = "items", JSON_ARRAY(struct data_group, items, struct data_item, data_item_fields), .help = "What is held"},
    JSON_END};

static const struct json_field data_recipient_fields[] = {
    {.name = "recipient",
     JSON_ENUM(struct data_recipient, recipient, policy_recipient_names),
     .help = "tiktok, stripe, image_store or mail_relay"},
    {.name = "who", JSON_STR(struct data_recipient, who), .help = "The same in words"},
    JSON_END};

static const struct json_field data_fields[] = {
    {.name = "groups",
     JSON_ARRAY(struct data_told, groups, struct data_group, data_group_fields),
     .help = "All that is held"},
    {.name = "recipients",
     JSON_ARRAY(struct data_told, recipients, struct data_recipient, data_recipient_fields),
     .help = "All who get anything, at this installation"},
    JSON_END};

const struct route data_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/privacy/data",
     .handler = data_get,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .compressed = true,
     .summary = "What is held of the user, for what, how long, and who else gets it"},
    ROUTE_END,
};
