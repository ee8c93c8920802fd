/* POST /v2/post/publish/content/init/, status/fetch/, cancel/: the Content Posting API for photos. */
#include <stdio.h>

#include "sandbox/sandbox.h"

static const struct json_field sandbox_post_init_fields[];

static struct str sandbox_post_or_empty(struct str s)
{
    return s.p == NULL ? STR("") : s;
}

struct str publish_own_media(struct arena *arena, const struct conf *conf)
{
    return arena_printf(arena, "%.*s/m/", STR_FMT(conf->service_url));
}

static struct str sandbox_post_media_prefix(const struct ctx *c, const struct sandbox_caller *caller)
{
    bool is_own = str_eqc(caller->client_key, TIKTOK_TEST_CLIENT);

    return is_own || c->conf->sandbox_media_prefix.n == 0 ? publish_own_media(c->arena, c->conf)
                                                          : c->conf->sandbox_media_prefix;
}

static enum err sandbox_post_answer_publish_id(struct ctx *c, struct str publish_id)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(256);

    buf_puts(&b, "{\"publish_id\":");
    json_write_str(&b, publish_id);
    buf_putc(&b, '}');
    return answer_data(c, buf_str(&b));
}

struct sandbox_caps publish_caps(const struct ctx *c, bool audited)
{
    if (!c->conf->sandbox_limits)
        return (struct sandbox_caps){0};
    return (struct sandbox_caps){.posts = c->conf->sandbox_posts_per_day,
                                 .pending = SANDBOX_PENDING_MAX,
                                 .users = audited ? 0 : SANDBOX_UNAUDITED_MAX};
}

/* Makes the post of a body that has passed the rules. ERR_TOO_MANY: *ret_cap, as sandbox_publish_add. */
static enum err sandbox_post_make(struct ctx *c, const struct sandbox_caller *caller, const struct init_body *b,
                                  const struct scripts *s, struct sandbox_publish *ret_publish, const char **ret_cap)
{
    struct sandbox_caps caps = publish_caps(c, c->conf->sandbox_audited && !s->unaudited);
    const struct init_post_info *info = &b->post_info;
    bool direct = str_eqc(b->post_mode, "DIRECT_POST");

    *ret_publish = (struct sandbox_publish){
        .creator_id = caller->creator_id,
        .client_key = caller->client_key,
        .post_mode = direct ? SANDBOX_DIRECT_POST : SANDBOX_MEDIA_UPLOAD,
        .title = sandbox_post_or_empty(info->title),
        .description = sandbox_post_or_empty(info->description),
        .images_n = (int64_t)b->source_info.photo_images.n,
        .photo_cover_index = b->source_info.photo_cover_index,
        .is_aigc = b->is_aigc || info->is_aigc, /* TikTok's docs have it at the root, some clients in post_info */
        .script_fail = str_from(s->fail),
        .stuck = s->stuck,
        .moderation_sec = s->moderation_sec >= 0 ? s->moderation_sec : c->conf->sandbox_moderation_sec,
    };
    if (direct) { /* a draft takes none of these */
        ret_publish->privacy_level = info->privacy_level;
        ret_publish->disable_comment = info->disable_comment || caller->comment_disabled;
        ret_publish->auto_add_music = info->auto_add_music;
        ret_publish->brand_content_toggle = info->brand_content_toggle;
        ret_publish->brand_organic_toggle = info->brand_organic_toggle;
    }
    return sandbox_publish_add(c->db, c->arena, &caps, ret_publish, b->source_info.photo_images.v, ret_cap);
}

static enum err sandbox_post_init_run(struct ctx *c, const struct sandbox_caller *caller, const struct init_body *b)
{
    struct scripts s = {.moderation_sec = -1};
    bool scripted =
        scripts_read(c->arena, b->post_info.title, &s) && scripts_read(c->arena, b->post_info.description, &s);
    struct rule_input in = {.body = b,
                            .caller = caller,
                            .media_prefix = sandbox_post_media_prefix(c, caller),
                            .audited = c->conf->sandbox_audited && !s.unaudited};
    const struct rule *broken = rules_check(&in);
    struct sandbox_publish publish;
    const char *cap = NULL;

    if (broken != NULL)
        return answer_refused(c, broken->code, broken->message);
    if (!scripted)
        return answer_refused(c, "invalid_param", "There is no such script.");
    if (caller->post_block.n > 0)
        return answer_refused(c, arena_strdup(c->arena, caller->post_block), NULL);
    if (s.code != NULL)
        return answer_refused(c, s.code, NULL);
    if (s.http != 0 && !s.made)
        return answer_status(c, s.http);
    enum err e = sandbox_post_make(c, caller, b, &s, &publish, &cap);
    if (e == ERR_TOO_MANY)
        return answer_refused(c, cap, NULL);
    if (e != OK)
        return e;
    return s.http != 0 ? answer_status(c, s.http) : sandbox_post_answer_publish_id(c, publish.publish_id);
}

/* False: answered, or *ret_err. */
static bool sandbox_post_read_json(struct ctx *c, const struct json_field *fields, void *ret, enum err *ret_err)
{
    struct str text;

    *ret_err = body_read_all(&c->req.body, c->arena, SANDBOX_BODY_MAX, &text);
    if (*ret_err != OK)
        return false;
    if (str_eqc(request_media_type(&c->req, c->arena), "application/json") &&
        json_read(c->arena, text, fields, ret) == OK)
        return true;
    *ret_err = answer_refused(c, "invalid_param", "The body is not a JSON object with this Content-Type.");
    return false;
}

static enum err sandbox_post_init(struct ctx *c)
{
    struct init_body body = {0};
    struct sandbox_caller caller;
    enum err e;

    if (!caller_check(c, "video.publish,video.upload", SANDBOX_CALL_INIT, &caller, &e))
        return e;
    return sandbox_post_read_json(c, sandbox_post_init_fields, &body, &e) ? sandbox_post_init_run(c, &caller, &body)
                                                                          : e;
}

struct publish_request {
    struct str publish_id;
};

static const struct json_field sandbox_post_publish_request_fields[] = {
    {.name = "publish_id", JSON_STR(struct publish_request, publish_id)},
    JSON_END,
};

/* The caller's post that the body names. False: answered, or *ret_err. */
static bool sandbox_post_find_publish(struct ctx *c, int call, struct sandbox_publish *ret_publish, enum err *ret_err)
{
    struct publish_request request = {0};
    struct sandbox_caller caller;

    if (!caller_check(c, "video.publish,video.upload", call, &caller, ret_err) ||
        !sandbox_post_read_json(c, sandbox_post_publish_request_fields, &request, ret_err))
        return false;
    enum err e = sandbox_publish_find(c->db, c->arena, sandbox_post_or_empty(request.publish_id), ret_publish);
    if (e == ERR_NOT_FOUND) {
        *ret_err = answer_refused(c, "invalid_publish_id", NULL);
        return false;
    }
    *ret_err = e;
    if (e == OK && (!uuid_eq(&ret_publish->creator_id, &caller.creator_id) ||
                    !str_eq(ret_publish->client_key, caller.client_key))) {
        *ret_err = answer_refused(c, "token_not_authorized_for_specified_publish_id", NULL);
        return false;
    }
    return e == OK;
}

struct status_answer {
    struct str status, fail_reason, post_ids;
    int64_t downloaded_bytes;
};

static const struct json_field sandbox_post_status_fields[] = {
    {.name = "status", JSON_STR(struct status_answer, status)},
    {.name = "fail_reason", JSON_STR(struct status_answer, fail_reason), .omit_empty = true},
    {.name = "publicaly_available_post_id", JSON_RAW(struct status_answer, post_ids), .omit_empty = true},
    {.name = "downloaded_bytes", JSON_I64(struct status_answer, downloaded_bytes)},
    JSON_END,
};

static enum err sandbox_post_status(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1024);
    struct sandbox_publish p;
    enum err e;

    if (!sandbox_post_find_publish(c, SANDBOX_CALL_STATUS, &p, &e))
        return e;
    struct status_answer a = {
        .status = str_from(sandbox_status_names[p.status]),
        .fail_reason = p.fail_reason,
        .downloaded_bytes = p.downloaded_bytes,
    };
    if (sandbox_publish_is_public(&p)) /* an integer over 2^53 */
        a.post_ids = arena_printf(c->arena, "[%lld]", (long long)p.post_id);
    json_write(&b, sandbox_post_status_fields, &a);
    return answer_data(c, buf_str(&b));
}

static enum err sandbox_post_cancel(struct ctx *c)
{
    struct sandbox_publish p;
    enum err e;

    if (!sandbox_post_find_publish(c, CALL_NOT_LIMITED, &p, &e))
        return e;
    e = sandbox_publish_cancel(c->db, &p.id);
    if (e == ERR_CONFLICT)
        return answer_refused(c, "publish_not_cancellable", NULL);
    return e != OK ? e : answer_data(c, STR("{}"));
}

static const struct json_field sandbox_post_info_fields[] = {
    {.name = "title", JSON_STR(struct init_post_info, title)},
    {.name = "description", JSON_STR(struct init_post_info, description)},
    {.name = "privacy_level", JSON_STR(struct init_post_info, privacy_level)},
    {.name = "disable_comment", JSON_BOOL(struct init_post_info, disable_comment)},
    {.name = "auto_add_music", JSON_BOOL(struct init_post_info, auto_add_music)},
    {.name = "is_aigc", JSON_BOOL(struct init_post_info, is_aigc)},
    {.name = "brand_content_toggle",
     JSON_BOOL(struct init_post_info, brand_content_toggle),
     JSON_GIVEN(struct init_post_info, brand_content_given)},
    {.name = "brand_organic_toggle",
     JSON_BOOL(struct init_post_info, brand_organic_toggle),
     JSON_GIVEN(struct init_post_info, brand_organic_given)},
    JSON_END,
};

static const struct json_field sandbox_post_source_info_fields[] = {
    {.name = "source", JSON_STR(struct init_source_info, source)},
    {.name = "photo_images", JSON_STRS(struct init_source_info, photo_images)},
    {.name = "photo_cover_index",
     JSON_I64(struct init_source_info, photo_cover_index),
     JSON_GIVEN(struct init_source_info, cover_given)},
    JSON_END,
};

static const struct json_field sandbox_post_init_fields[] = {
    {.name = "media_type", JSON_STR(struct init_body, media_type)},
    {.name = "post_mode", JSON_STR(struct init_body, post_mode)},
    {.name = "is_aigc", JSON_BOOL(struct init_body, is_aigc)},
    {.name = "post_info", JSON_OBJECT(struct init_body, post_info, sandbox_post_info_fields)},
    {.name = "source_info", JSON_OBJECT(struct init_body, source_info, sandbox_post_source_info_fields)},
    JSON_END,
};

const struct route publish_routes[] = {
    {.method = "POST",
     .pattern = "/v2/post/publish/content/init/",
     .handler = sandbox_post_init,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_BODY_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: start a photo post"},
    {.method = "POST",
     .pattern = "/v2/post/publish/status/fetch/",
     .handler = sandbox_post_status,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_BODY_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: status of a post"},
    {.method = "POST",
     .pattern = "/v2/post/publish/cancel/",
     .handler = sandbox_post_cancel,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_BODY_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: cancel a post"},
    ROUTE_END,
};
