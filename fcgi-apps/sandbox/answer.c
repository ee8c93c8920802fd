#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "sandbox/sandbox.h"

static const char sandbox_answer_json_type[] = "application/json; charset=UTF-8";

struct answer_error {
    struct str code, message, log_id;
};

struct answer {
    struct str data;
    struct answer_error error;
};

struct oauth_error {
    struct str error, error_description, log_id;
};

/* Codes with the status that TikTok documents for init and the other calls, and a message of ours. */
static const struct {
    const char *code;
    int status;
    const char *message;
} sandbox_answer_codes[] = {
    {"access_token_invalid", 401, "The access token is invalid or not found in the request."},
    {"scope_not_authorized", 401, "The user did not authorize the scope required for completing this request."},
    {"scope_permission_missed", 400, "The app has no permission for the requested field."},
    {"rate_limit_exceeded", 429, "The API rate limit was exceeded. Please try again later."},
    {"invalid_param", 400, "A parameter of the request is invalid."},
    {"invalid_params", 400, "One or more fields in request is invalid."},
    {"invalid_publish_id", 400, "The publish_id does not exist."},
    {"token_not_authorized_for_specified_publish_id", 400, "The publish_id was made with another user or app."},
    {"publish_not_cancellable", 400, "The post can no longer be cancelled."},
    {"app_version_check_failed", 400, "The user's TikTok app is too old for this kind of post."},
    {"url_ownership_unverified", 403, "Please review our URL ownership verification rules."},
    {"privacy_level_option_mismatch", 403, "privacy_level is missing or not one of the creator's options."},
    {"spam_risk_too_many_posts", 403, "The daily post cap from the API is reached for the current user."},
    {"spam_risk_user_banned_from_posting", 403, "The user is banned from making new posts."},
    {"spam_risk_too_many_pending_share", 403, "There may be at most 5 pending shares within any 24-hour period."},
    {"reached_active_user_cap", 403, "The daily quota for active publishing users from your client is reached."},
    {"unaudited_client_can_only_post_to_private_accounts", 403,
     "Unaudited clients can only post to a private account."},
    {"access_token_expired", 401, "The access token has expired."},
    {"invalid_file_upload", 400, "The uploaded file does not meet API specifications."},
    {"unsupported_path", 404, "Unsupported path(Janus)"},
    {"internal_error", 500, "Something went wrong. Try again later."},
};

/* The program's own errors, as TikTok would say them; a status of 4xx that is not here is that of an invalid request. */
static const struct {
    enum err e;
    const char *code;
} sandbox_answer_errors[] = {
    /* seen: TikTok's gateway says so for a path that it does not know, and for a method; docs/tiktok.md#calls */
    {ERR_NOT_FOUND, "unsupported_path"},
    {ERR_METHOD_NOT_ALLOWED, "unsupported_path"},
    {ERR_RATE_LIMITED, "rate_limit_exceeded"},
};

static struct str sandbox_answer_log_id(const struct ctx *c)
{
    time_t now = clock_now_us() / US_PER_SEC;
    struct tm tm;
    char stamp[32];

    /* A time and 20 characters, like TikTok's; here they are from the request id, so that logs can be joined. */
    (void)gmtime_r(&now, &tm);
    (void)strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S", &tm);
    return arena_printf(c->arena, "%s%.*s", stamp, STR_FMT(str_head(c->req.id, 20)));
}

static enum err sandbox_answer_json(struct ctx *c, int status, const struct json_field *fields, const void *value)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(REPLY_BODY_MAX);

    json_write(&b, fields, value);
    return reply_body(&c->rep, status, sandbox_answer_json_type, buf_str(&b));
}

static const struct json_field sandbox_answer_error_fields[] = {
    {.name = "code", JSON_STR(struct answer_error, code)},
    {.name = "message", JSON_STR(struct answer_error, message)},
    {.name = "log_id", JSON_STR(struct answer_error, log_id)},
    JSON_END,
};

static const struct json_field sandbox_answer_fields[] = {
    {.name = "data", JSON_RAW(struct answer, data)},
    {.name = "error", JSON_OBJECT(struct answer, error, sandbox_answer_error_fields)},
    JSON_END,
};

enum err answer_data(struct ctx *c, struct str json)
{
    struct answer a = {.data = json, .error = {STR("ok"), STR(""), sandbox_answer_log_id(c)}};

    return sandbox_answer_json(c, 200, sandbox_answer_fields, &a);
}

static enum err sandbox_answer_error(struct ctx *c, int status, const char *code, const char *message)
{
    struct answer a = {.data = STR("{}"), .error = {str_from(code), str_from(message), sandbox_answer_log_id(c)}};

    return sandbox_answer_json(c, status, sandbox_answer_fields, &a);
}

bool answer_knows(struct str code)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_answer_codes); i++)
        if (str_eqc(code, sandbox_answer_codes[i].code))
            return true;
    return false;
}

enum err answer_refused(struct ctx *c, const char *code, const char *message)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_answer_codes); i++)
        if (strcmp(sandbox_answer_codes[i].code, code) == 0)
            return sandbox_answer_error(c, sandbox_answer_codes[i].status, code,
                                        message != NULL ? message : sandbox_answer_codes[i].message);
    ASSERT(!"a code without a row");
    return ERR_INTERNAL;
}

void answer_error(struct ctx *c, enum err e)
{
    const char *code = err_status(e) < 500 ? "invalid_params" : "internal_error";

    for (size_t i = 0; i < ARRAY_LEN(sandbox_answer_errors); i++)
        if (sandbox_answer_errors[i].e == e)
            code = sandbox_answer_errors[i].code;
    enum err failed = answer_refused(c, code, NULL);
    ASSERT(failed == OK);
}

/* creator_info answers these with 200, on purpose. */
enum err answer_blocked(struct ctx *c, struct str code)
{
    return sandbox_answer_error(c, 200, arena_strdup(c->arena, code), "The creator cannot post right now.");
}

enum err answer_status(struct ctx *c, int status)
{
    if (status >= 500)
        return sandbox_answer_error(c, status, "internal_error", "Scripted in the description.");
    /* Not JSON, like an answer from something between the client and TikTok. */
    return reply_body(&c->rep, status, "text/plain; charset=utf-8", STR("Scripted in the description.\n"));
}

enum err answer_flat(struct ctx *c, struct str json)
{
    return reply_body(&c->rep, 200, sandbox_answer_json_type, json);
}

static const struct json_field sandbox_answer_oauth_error_fields[] = {
    {.name = "error", JSON_STR(struct oauth_error, error)},
    {.name = "error_description", JSON_STR(struct oauth_error, error_description)},
    {.name = "log_id", JSON_STR(struct oauth_error, log_id)},
    JSON_END,
};

enum err answer_oauth_error(struct ctx *c, const char *error, const char *description)
{
    struct oauth_error a = {str_from(error), str_from(description), sandbox_answer_log_id(c)};

    /* Not documented; TikTok was seen to answer invalid_grant with 200. */
    return sandbox_answer_json(c, strcmp(error, "invalid_grant") == 0 ? 200 : 400, sandbox_answer_oauth_error_fields,
                               &a);
}
