/*
 * Reading TikTok's answers. Nothing in them is trusted: what is stored later is cut to its column here, empty strings
 * are missing ones, and an answer that lacks what it must have is "unknown", never "ok" and never "refused".
 */
#include "http/form.h"
#include "tiktok/clean.h"
#include "tiktok/tiktok.h"

/* Widths of the columns that hold these. */
#define CODE_MAX_BYTES 64
#define LOG_ID_MAX_BYTES 100
#define MESSAGE_MAX_UNITS 300
#define OPEN_ID_MAX_BYTES 128
#define TOKEN_MAX_BYTES 1900 /* sealed it must fit into 2048 */
#define SCOPES_MAX_BYTES 300
#define NAME_MAX_UNITS 200
#define USERNAME_MAX_UNITS 100
#define AVATAR_URL_MAX_BYTES 2048
#define PUBLISH_ID_MAX_BYTES 64

#define LIFE_MAX_SEC INT64_C(315360000) /* ten years: what a token says beyond that is cut, as a time must fit */

struct reply_error_fields {
    struct str code, message, log_id, logid;
};

struct reply_data {
    struct str creator_username, creator_nickname, publish_id, status, fail_reason;
    struct str post_ids, post_ids_spelt_right, publish_id_json; /* JSON text */
    struct strs privacy_level_options;
    bool comment_disabled;
    struct tiktok_user user;
};

struct reply_envelope {
    struct reply_error_fields error;
    struct reply_data data;
};

struct reply_flat { /* of the OAuth endpoints, which have no envelope */
    struct str error, error_description, log_id, logid;
    struct str open_id, scope, access_token, refresh_token;
    int64_t expires_in, refresh_expires_in;
};

static const struct json_field tiktok_read_envelope_fields[], tiktok_read_flat_fields[];

/* Errors */

static void tiktok_read_set_error(struct tiktok_error *error, struct str code, struct str message, struct str log_id,
                                  struct str logid)
{
    error->code = clean_word(code, CODE_MAX_BYTES);
    error->message = clean_line(message, MESSAGE_MAX_UNITS);
    error->log_id = clean_word(log_id, LOG_ID_MAX_BYTES);
    if (error->log_id.p == NULL)
        error->log_id = clean_word(logid, LOG_ID_MAX_BYTES);
}

/* What an answer with these error fields is: OK only for a success of HTTP whose code is ok, or is not there. */
static enum err tiktok_read_verdict(const struct net_result *r, const struct tiktok_error *error)
{
    bool refused = error->code.n > 0 && !str_eqc(error->code, "ok");

    if (r->status >= 200 && r->status < 300)
        return refused ? ERR_TIKTOK_REFUSED : OK;
    /* A 5xx may come from anything between us and TikTok's own logic, whatever code it carries. */
    return r->status >= 400 && r->status < 500 && refused ? ERR_TIKTOK_REFUSED : ERR_NET_UNKNOWN;
}

static enum err tiktok_read_envelope(const struct net_result *r, struct arena *arena, struct reply_envelope *ret,
                                     struct tiktok_error *ret_error)
{
    struct tiktok_error error = {.http_status = r->status};
    struct reply_envelope reply = {0};

    *ret_error = error;
    if (r->err != OK)
        return r->err;
    if (json_read(arena, r->body, tiktok_read_envelope_fields, &reply) != OK)
        return ERR_NET_UNKNOWN;
    tiktok_read_set_error(&error, reply.error.code, reply.error.message, reply.error.log_id, reply.error.logid);
    *ret_error = error;
    *ret = reply;
    /* An answer in an envelope always names its code. */
    return error.code.p == NULL ? ERR_NET_UNKNOWN : tiktok_read_verdict(r, &error);
}

/* The OAuth endpoints answer flat; an error in an envelope is understood too. */
static enum err tiktok_read_flat(const struct net_result *r, struct arena *arena, struct reply_flat *ret,
                                 struct tiktok_error *ret_error)
{
    struct tiktok_error error = {.http_status = r->status};
    struct reply_envelope envelope = {0};
    struct reply_flat reply = {0};

    *ret_error = error;
    if (r->err != OK)
        return r->err;
    if (json_read(arena, r->body, tiktok_read_flat_fields, &reply) != OK)
        return ERR_NET_UNKNOWN;
    tiktok_read_set_error(&error, reply.error, reply.error_description, reply.log_id, reply.logid);
    if (error.code.p == NULL && json_read(arena, r->body, tiktok_read_envelope_fields, &envelope) == OK)
        tiktok_read_set_error(&error, envelope.error.code, envelope.error.message, envelope.error.log_id,
                              envelope.error.logid);
    *ret_error = error;
    *ret = reply;
    return tiktok_read_verdict(r, &error);
}

/* The readers */

enum err tiktok_read_test_consent(const struct net_result *r, struct arena *arena, struct str *ret_code)
{
    struct form *form = arena_alloc(arena, sizeof *form);
    struct str query = r->headers[0], address;

    if (r->err != OK)
        return r->err;
    if (r->status != 303 || !str_cut(&query, '?', &address) || form_parse(arena, query, form) != OK)
        return ERR_NET_UNKNOWN;
    struct str code = form_get(form, "code");
    if (code.n == 0)
        return ERR_NET_UNKNOWN;
    *ret_code = code;
    return OK;
}

enum err tiktok_read_tokens(const struct net_result *r, struct arena *arena, struct tiktok_tokens *ret,
                            struct tiktok_error *ret_error)
{
    struct reply_flat reply;

    enum err e = tiktok_read_flat(r, arena, &reply, ret_error);
    if (e != OK)
        return e;
    const struct tiktok_tokens tokens = {
        .open_id = clean_word(reply.open_id, OPEN_ID_MAX_BYTES),
        .scope = clean_word(reply.scope, SCOPES_MAX_BYTES),
        .access_token = clean_word(reply.access_token, TOKEN_MAX_BYTES),
        .refresh_token = clean_word(reply.refresh_token, TOKEN_MAX_BYTES),
        .expires_in_sec = MIN(MAX(reply.expires_in, 0), LIFE_MAX_SEC),
        .refresh_expires_in_sec = MIN(MAX(reply.refresh_expires_in, 0), LIFE_MAX_SEC),
    };
    if (tokens.access_token.p == NULL || tokens.expires_in_sec == 0)
        return ERR_NET_UNKNOWN;
    *ret = tokens;
    return OK;
}

enum err tiktok_read_user(const struct net_result *r, struct arena *arena, struct tiktok_user *ret,
                          struct tiktok_error *ret_error)
{
    struct reply_envelope reply;

    enum err e = tiktok_read_envelope(r, arena, &reply, ret_error);
    if (e != OK)
        return e;
    const struct tiktok_user user = {
        .open_id = clean_word(reply.data.user.open_id, OPEN_ID_MAX_BYTES),
        .display_name = clean_line(reply.data.user.display_name, NAME_MAX_UNITS),
        .avatar_url = clean_word(reply.data.user.avatar_url, AVATAR_URL_MAX_BYTES),
    };
    if (user.open_id.p == NULL)
        return ERR_NET_UNKNOWN;
    *ret = user;
    if (!str_starts(user.avatar_url, STR("https://")))
        ret->avatar_url = (struct str){0};
    return OK;
}

/* Codes by which creator info says, with 200 and on purpose, that this creator cannot post now. */
static bool tiktok_read_is_post_block(struct str code)
{
    return str_eqc(code, "spam_risk_too_many_posts") || str_eqc(code, "spam_risk_user_banned_from_posting") ||
           str_eqc(code, "reached_active_user_cap");
}

enum err tiktok_read_creator(const struct net_result *r, struct arena *arena, struct tiktok_creator *ret,
                             struct tiktok_error *ret_error)
{
    struct reply_envelope reply;

    enum err e = tiktok_read_envelope(r, arena, &reply, ret_error);
    bool blocked = e == ERR_TIKTOK_REFUSED && tiktok_read_is_post_block(ret_error->code);
    if (e != OK && !blocked)
        return e;
    const struct tiktok_creator creator = {
        .username = clean_word(reply.data.creator_username, USERNAME_MAX_UNITS),
        .nickname = clean_line(reply.data.creator_nickname, NAME_MAX_UNITS),
        .privacy_level_options = clean_levels(arena, &reply.data.privacy_level_options),
        .comment_disabled = reply.data.comment_disabled,
        .post_block = blocked ? ret_error->code : (struct str){0},
    };
    if (!blocked && (creator.username.p == NULL || creator.privacy_level_options.n == 0))
        return ERR_NET_UNKNOWN;
    *ret = creator;
    return OK;
}

/* In any form, so that no answer that names a post is taken for a refusal. */
static bool tiktok_read_has_post(const struct reply_data *data)
{
    struct str id = data->publish_id_json;

    return id.n > 0 && !str_eqc(id, "null") && !str_eqc(id, "\"\"");
}

enum err tiktok_read_init(const struct net_result *r, struct arena *arena, struct str *ret_publish_id,
                          struct tiktok_error *ret_error)
{
    struct reply_envelope reply;

    enum err e = tiktok_read_envelope(r, arena, &reply, ret_error);
    if (e == ERR_TIKTOK_REFUSED && tiktok_read_has_post(&reply.data))
        return ERR_NET_UNKNOWN;
    if (e != OK)
        return e;
    struct str publish_id = clean_word(reply.data.publish_id, PUBLISH_ID_MAX_BYTES);
    if (publish_id.p == NULL)
        return ERR_NET_UNKNOWN;
    *ret_publish_id = publish_id;
    return OK;
}

/* A status that is not one of these, old or new, is one of work in progress. */
static enum tiktok_publish_status tiktok_read_status_of(struct str text)
{
    static const struct {
        const char *text;
        enum tiktok_publish_status status;
    } ends[] = {
        {"PUBLISH_COMPLETE", TIKTOK_COMPLETE},
        {"PUBLISH_SUCCESS", TIKTOK_COMPLETE}, /* seen, not documented */
        {"SEND_TO_USER_INBOX", TIKTOK_INBOX},
        {"FAILED", TIKTOK_FAILED},
        {"EXPIRED", TIKTOK_FAILED}, /* seen, not documented */
    };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (str_eqc(text, ends[i].text))
            return ends[i].status;
    return TIKTOK_PROCESSING;
}

enum err tiktok_read_status(const struct net_result *r, struct arena *arena, struct tiktok_status *ret,
                            struct tiktok_error *ret_error)
{
    struct reply_envelope reply;

    enum err e = tiktok_read_envelope(r, arena, &reply, ret_error);
    if (e != OK)
        return e;
    struct str text = clean_word(reply.data.status, CODE_MAX_BYTES);
    if (text.p == NULL)
        return ERR_NET_UNKNOWN;
    struct str ids = reply.data.post_ids.n > 0 ? reply.data.post_ids : reply.data.post_ids_spelt_right;
    *ret = (struct tiktok_status){
        .status = tiktok_read_status_of(text),
        .status_text = text,
        .fail_reason = clean_word(reply.data.fail_reason, CODE_MAX_BYTES),
        .post_ids = clean_ids(arena, ids),
        .log_id = ret_error->log_id,
    };
    if (str_eqc(text, "EXPIRED") && ret->fail_reason.p == NULL)
        ret->fail_reason = text; /* it says by itself why it is an end */
    return OK;
}

/* Success is an empty object, and has been seen as an empty body. */
enum err tiktok_read_revoke(const struct net_result *r, struct arena *arena, struct tiktok_error *ret_error)
{
    struct reply_flat reply;

    if (r->err == OK && r->status == 200 && r->body.n == 0) {
        *ret_error = (struct tiktok_error){.http_status = r->status};
        return OK;
    }
    return tiktok_read_flat(r, arena, &reply, ret_error);
}

static const struct json_field tiktok_read_error_fields[] = {
    {.name = "code", JSON_STR(struct reply_error_fields, code)},
    {.name = "message", JSON_STR(struct reply_error_fields, message)},
    {.name = "log_id", JSON_STR(struct reply_error_fields, log_id)},
    {.name = "logid", JSON_STR(struct reply_error_fields, logid)},
    JSON_END,
};

static const struct json_field tiktok_read_user_fields[] = {
    {.name = "open_id", JSON_STR(struct tiktok_user, open_id)},
    {.name = "display_name", JSON_STR(struct tiktok_user, display_name)},
    {.name = "avatar_url", JSON_STR(struct tiktok_user, avatar_url)},
    JSON_END,
};

/* publicaly is TikTok's own spelling; the right one is read too, should they ever mend it. */
static const struct json_field tiktok_read_data_fields[] = {
    {.name = "user", JSON_OBJECT(struct reply_data, user, tiktok_read_user_fields)},
    {.name = "creator_username", JSON_STR(struct reply_data, creator_username)},
    {.name = "creator_nickname", JSON_STR(struct reply_data, creator_nickname)},
    {.name = "privacy_level_options", JSON_STRS(struct reply_data, privacy_level_options)},
    {.name = "comment_disabled", JSON_BOOL(struct reply_data, comment_disabled)},
    {.name = "publish_id", JSON_STR(struct reply_data, publish_id)},
    {.name = "publish_id", JSON_RAW(struct reply_data, publish_id_json)},
    {.name = "status", JSON_STR(struct reply_data, status)},
    {.name = "fail_reason", JSON_STR(struct reply_data, fail_reason)},
    {.name = "publicaly_available_post_id", JSON_RAW(struct reply_data, post_ids)},
    {.name = "publicly_available_post_id", JSON_RAW(struct reply_data, post_ids_spelt_right)},
    JSON_END,
};

static const struct json_field tiktok_read_envelope_fields[] = {
    {.name = "data", JSON_OBJECT(struct reply_envelope, data, tiktok_read_data_fields)},
    {.name = "error", JSON_OBJECT(struct reply_envelope, error, tiktok_read_error_fields)},
    JSON_END,
};

static const struct json_field tiktok_read_flat_fields[] = {
    {.name = "error", JSON_STR(struct reply_flat, error)},
    {.name = "error_description", JSON_STR(struct reply_flat, error_description)},
    {.name = "log_id", JSON_STR(struct reply_flat, log_id)},
    {.name = "logid", JSON_STR(struct reply_flat, logid)},
    {.name = "open_id", JSON_STR(struct reply_flat, open_id)},
    {.name = "scope", JSON_STR(struct reply_flat, scope)},
    {.name = "access_token", JSON_STR(struct reply_flat, access_token)},
    {.name = "refresh_token", JSON_STR(struct reply_flat, refresh_token)},
    {.name = "expires_in", JSON_I64(struct reply_flat, expires_in)},
    {.name = "refresh_expires_in", JSON_I64(struct reply_flat, refresh_expires_in)},
    JSON_END,
};
