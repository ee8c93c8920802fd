#include "keys/keys.h"

#include "base/clock.h"
#include "fcgi/budget_shape.h"
#include "fcgi/credentials.h"
#include "fcgi/page.h"
#include "model/key/key.h"
#include "model/post/post.h"

#define BODY_MAX_BYTES (8u << 10) /* a budget of many accounts is half of it */
#define OVERLAP_DEFAULT_SEC 86400 /* long enough to replace it everywhere, with a night between */
#define OVERLAP_MAX_SEC (7 * 86400)
#define SCOPES_SENT_MAX 20 /* more than there are, so that one that is sent twice is named */

static enum err keys_check_expiry(const void *at_us)
{
    return *(const int64_t *)at_us > clock_now_us() ? OK : ERR_TIME_PAST;
}

#define KEYS_NAME \
    .name = "name", JSON_STR(struct key_terms, name), .min = 1, .max = KEY_NAME_MAX_BYTES, .check = input_check_line, \
    .help = "What the key is for", .policy = "key.name"
#define KEYS_SCOPES \
    .name = "scopes", JSON_SET(struct key_terms, scopes, scope_names), .min = 1, .max = SCOPES_SENT_MAX, \
    .help = "What the key may do; of a new one all if not given"

static const struct json_field keys_budget_fields[] = {
    {.name = "accounts",
     JSON_UUIDS(struct budget, accounts),
     JSON_GIVEN(struct budget, by_account),
     .nullable = true,
     .min = 1,
     .max = BUDGET_ACCOUNTS_MAX,
     .help = "The TikTok accounts that it may post to; all if not given"},
    {.name = "posts_per_day",
     JSON_I64(struct budget, posts_per_day),
     JSON_GIVEN(struct budget, by_day),
     .nullable = true,
     .min = 1,
     .max = BUDGET_POSTS_MAX,
     .help = "How many posts it may make in a day, in UTC; any number if not given"},
    {.name = "max_privacy_level",
     JSON_ENUM(struct budget, max_privacy_level, privacy_level_names),
     .nullable = true,
     .help = "How many people may see its posts at most; PUBLIC_TO_EVERYONE if not given"},
    {.name = "needs_approval",
     JSON_BOOL(struct budget, needs_approval),
     .nullable = true,
     .help = "Its posts wait until they are approved; false if not given"},
    JSON_END,
};

#define KEYS_BUDGET \
    .name = "budget", JSON_OBJECT(struct key_terms, budget, keys_budget_fields), \
    JSON_GIVEN(struct key_terms, has_budget), .help = "What the key may post at most: all its limits"

static const struct json_field keys_creation_fields[] = {
    {KEYS_NAME, .required = true},
    {KEYS_SCOPES, .nullable = true},
    {.name = "expires_at",
     JSON_TIME(struct key_terms, expires_at_us),
     .nullable = true,
     .check = keys_check_expiry,
     .help = "When it stops working; never if not given"},
    {KEYS_BUDGET, .nullable = true},
    {.name = "mode",
     JSON_ENUM(struct key_terms, mode, mode_names),
     .help = "live, which is what it is if not given; or test: it works with the simulator's accounts alone"},
    JSON_END,
};

static const struct json_field keys_change_fields[] = {{KEYS_NAME}, {KEYS_SCOPES}, {KEYS_BUDGET}, JSON_END};

struct keys_rotation {
    int64_t overlap_sec;
};

static const struct json_field keys_rotation_fields[] = {
    {.name = "overlap_sec",
     JSON_I64(struct keys_rotation, overlap_sec),
     .min = 0,
     .max = OVERLAP_MAX_SEC,
     .help = "How long the old secret goes on working; a day if not given"},
    JSON_END,
};

#define KEY_FIELDS(T, prefix_) \
    {.name = "id", JSON_UUID(T, prefix_ id), .help = "The key's id"}, \
        {.name = "name", JSON_STR(T, prefix_ name), .help = "What it is for", .policy = "key.name"}, \
        {.name = "prefix", JSON_STR(T, prefix_ prefix), .help = "Its first characters", .policy = "key.name"}, \
        {.name = "mode", JSON_ENUM(T, prefix_ mode, mode_names), .help = "Which data it works with: live or test"}, \
        {.name = "scopes", JSON_SET(T, prefix_ scopes, scope_names), .help = "What it may do"}, \
        {.name = "budget", \
         JSON_OBJECT(T, prefix_ budget, budget_fields), \
         JSON_GIVEN(T, prefix_ budget.is_limited), \
         .help = "What it may post at most; null: no limit"}, \
        {.name = "created_at", JSON_TIME(T, prefix_ created_at_us), .help = "Creation", .policy = "key.name"}, \
        {.name = "expires_at", JSON_TIME(T, prefix_ expires_at_us), .help = "When it stops working, or null"}, \
        {.name = "old_secret_expires_at", \
         JSON_TIME(T, prefix_ old_secret_expires_at_us), \
         .help = "When the last secret before a rotation stops working; null if it was never rotated"}, \
        {.name = "revoked_at", JSON_TIME(T, prefix_ revoked_at_us), .help = "When it was revoked, or null"}, \
        {.name = "revoked_reason", \
         JSON_STR(T, prefix_ revoked_reason), \
         .help = "seen_in_clear: it came over plain HTTP; null if it is not revoked"}, \
    { \
        .name = "last_used_at", JSON_TIME(T, prefix_ last_used_at_us), .help = "Last request with it, or null", \
        .policy = "key.last_used" \
    }

static const struct json_field keys_created_fields[] = {
    KEY_FIELDS(struct new_key, key.),
    {.name = "key", JSON_STR(struct new_key, text), .help = "The key itself: shown now and never again"},
    JSON_END,
};

/* What a repeat is answered. */
struct kept {
    struct key key;
    struct str secret;
    bool shown_once;
};

static const struct json_field keys_kept_fields[] = {
    KEY_FIELDS(struct kept, key.),
    {.name = "key", JSON_STR(struct kept, secret), .help = "null: the first answer alone had the key"},
    {.name = "secret_shown_once", JSON_BOOL(struct kept, shown_once), .help = "Why there is no key: true"},
    JSON_END,
};

static const struct json_field keys_shown_fields[] = {KEY_FIELDS(struct key, ), JSON_END};

static enum err keys_show_once(struct ctx *c, int status, const struct new_key *new)
{
    const struct kept kept = {.key = new->key, .shown_once = true};

    enum err e = reply_data(&c->rep, status, keys_created_fields, new);
    return e == OK ? idempotent_keep(c, status, keys_kept_fields, &kept) : e;
}

static enum err keys_check_accounts(struct ctx *c, const struct uuid *id, const struct key_terms *terms)
{
    struct key key = {.mode = terms->mode};

    if (terms->budget.accounts.n == 0)
        return OK;
    enum err e = id == NULL ? OK : key_get(c->db, c->arena, &c->caller.user_id, id, &key);
    if (e != OK)
        return e;
    return budget_check_accounts(c->db, &c->caller.user_id, key.mode, &terms->budget, c->arena, &c->problems);
}

/* All problems at once: also those that only the database knows. id: of the key that is changed; NULL: it is a new one. */
static enum err keys_read(struct ctx *c, const struct json_field *fields, const struct uuid *id, struct key_terms *ret)
{
    enum err e = input_json(c, fields, ret);

    if (e != OK && e != ERR_VALIDATION)
        return e;
    enum err looked = keys_check_accounts(c, id, ret);
    if (looked != OK)
        return looked;
    return c->problems.n > 0 ? ERR_VALIDATION : e;
}

static struct key_asker keys_asker(const struct ctx *c)
{
    return (struct key_asker){&c->caller.user_id, &c->caller.session_id, c->caller.session_token};
}

static enum err keys_create_answer(const void *made, void *arg)
{
    return keys_show_once(arg, 201, made);
}

static enum err keys_create(struct ctx *c)
{
    const struct key_asker by = keys_asker(c);
    struct key_terms in = {.scopes = SCOPES_ALL};
    struct new_key new = {0};

    enum err e = keys_read(c, keys_creation_fields, NULL, &in);
    if (e == OK)
        e = key_create(c->db, c->arena, c->conf, &by, &in, &(struct last_step){keys_create_answer, c}, &new);
    if (e == ERR_OUTCOME_UNKNOWN)
        c->problems.may_exist = new.key.id;
    return e;
}

static enum err keys_list(struct ctx *c)
{
    struct page page;
    struct key *keys;
    size_t n;

    enum err e = input_page(c, NULL, &page);
    if (e == OK)
        e = key_list(c->db, c->arena, &c->caller.user_id, &page.below, page.ask, &keys, &n);
    if (e != OK)
        return e;
    n = page_cut(&page, keys, n, sizeof *keys);
    return page_reply(c, &page, keys_shown_fields, keys, n, sizeof *keys);
}

static enum err keys_get(struct ctx *c)
{
    struct uuid id;
    struct key key = {0};

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = key_get(c->db, c->arena, &c->caller.user_id, &id, &key);
    return e == OK ? reply_data(&c->rep, 200, keys_shown_fields, &key) : e;
}

static enum err keys_change(struct ctx *c)
{
    const struct key_asker by = keys_asker(c);
    struct key_terms to = {0};
    struct uuid id;
    struct key key = {0};

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = keys_read(c, keys_change_fields, &id, &to);
    if (e != OK)
        return e;
    e = key_change(c->db, c->arena, c->conf, &by, &id, &to, c->caller.is_recent, &key);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(c);
    return e == OK ? reply_data(&c->rep, 200, keys_shown_fields, &key) : e;
}

static enum err keys_rotate_answer(const void *made, void *arg)
{
    return keys_show_once(arg, 200, made);
}

/* Without an Idempotency-Key, nothing tells whether it happened when the outcome is unknown but the key itself: its prefix is
 * that of the new secret. */
static enum err keys_rotate(struct ctx *c)
{
    const struct key_asker by = keys_asker(c);
    struct keys_rotation in = {.overlap_sec = OVERLAP_DEFAULT_SEC};
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_json(c, keys_rotation_fields, &in);
    if (e != OK)
        return e;
    e = key_rotate(c->db, c->arena, c->conf, &by, &id, in.overlap_sec * US_PER_SEC,
                   &(struct last_step){keys_rotate_answer, c});
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(c);
    return e;
}

static enum err keys_revoke(struct ctx *c)
{
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = key_revoke(c->db, c->arena, &c->caller.user_id, &id);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(c);
    return e == OK ? reply_nothing(&c->rep) : e;
}

const struct route keys_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/keys",
     .handler = keys_create,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .creates = true,
     .makes = "/api/v1/keys/",
     .summary = "Create an API key, shown once"},
    {.method = "GET",
     .pattern = "/api/v1/keys",
     .handler = keys_list,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "List API keys"},
    {.method = "GET",
     .pattern = "/api/v1/keys/{id}",
     .handler = keys_get,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "Get an API key"},
    {.method = "PATCH",
     .pattern = "/api/v1/keys/{id}",
     .handler = keys_change,
     .auth = AUTH_SESSION,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Change an API key's name, scopes and budget"},
    {.method = "POST",
     .pattern = "/api/v1/keys/{id}/rotate",
     .handler = keys_rotate,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .creates = true,
     .summary = "Give an API key a new secret, shown once"},
    {.method = "DELETE",
     .pattern = "/api/v1/keys/{id}",
     .handler = keys_revoke,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .summary = "Revoke an API key"},
    ROUTE_END,
};
