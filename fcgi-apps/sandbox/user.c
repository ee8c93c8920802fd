/* GET /v2/user/info/ and POST /v2/post/publish/creator_info/query/. */
#include "sandbox/sandbox.h"

struct sandbox_user_user {
    struct str open_id, union_id, avatar_url, display_name, bio_description, profile_deep_link, username;
    int64_t zero, is_verified;
};

enum kind { KIND_STR, KIND_I64, KIND_BOOL };

/* What may be asked for, and the scope it takes. */
static const struct user_field {
    const char *name, *scope;
    enum kind kind;
    size_t offset;
} sandbox_user_fields[] = {
    {"open_id", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, open_id)},
    {"union_id", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, union_id)},
    {"avatar_url", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, avatar_url)},
    {"avatar_url_100", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, avatar_url)},
    {"avatar_large_url", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, avatar_url)},
    {"display_name", "user.info.basic", KIND_STR, offsetof(struct sandbox_user_user, display_name)},
    {"bio_description", "user.info.profile", KIND_STR, offsetof(struct sandbox_user_user, bio_description)},
    {"profile_deep_link", "user.info.profile", KIND_STR, offsetof(struct sandbox_user_user, profile_deep_link)},
    {"is_verified", "user.info.profile", KIND_BOOL, offsetof(struct sandbox_user_user, is_verified)},
    {"username", "user.info.profile", KIND_STR, offsetof(struct sandbox_user_user, username)},
    {"follower_count", "user.info.stats", KIND_I64, offsetof(struct sandbox_user_user, zero)},
    {"following_count", "user.info.stats", KIND_I64, offsetof(struct sandbox_user_user, zero)},
    {"likes_count", "user.info.stats", KIND_I64, offsetof(struct sandbox_user_user, zero)},
    {"video_count", "user.info.stats", KIND_I64, offsetof(struct sandbox_user_user, zero)},
};

struct creator_answer {
    struct str creator_avatar_url, creator_username, creator_nickname;
    struct strs privacy_level_options;
    bool comment_disabled, duet_disabled, stitch_disabled;
    int64_t max_video_post_duration_sec;
};

static const struct json_field sandbox_user_creator_fields[] = {
    {.name = "creator_avatar_url", JSON_STR(struct creator_answer, creator_avatar_url)},
    {.name = "creator_username", JSON_STR(struct creator_answer, creator_username)},
    {.name = "creator_nickname", JSON_STR(struct creator_answer, creator_nickname)},
    {.name = "privacy_level_options", JSON_STRS(struct creator_answer, privacy_level_options)},
    {.name = "comment_disabled", JSON_BOOL(struct creator_answer, comment_disabled)},
    {.name = "duet_disabled", JSON_BOOL(struct creator_answer, duet_disabled)},
    {.name = "stitch_disabled", JSON_BOOL(struct creator_answer, stitch_disabled)},
    {.name = "max_video_post_duration_sec", JSON_I64(struct creator_answer, max_video_post_duration_sec)},
    JSON_END,
};

/* One of the simulator's pages; empty where it has no name. */
static struct str sandbox_user_page(const struct ctx *c, const char *path, struct str username)
{
    if (c->conf->sandbox_url.n == 0)
        return STR("");
    return arena_printf(c->arena, "%.*s%s%.*s", STR_FMT(c->conf->sandbox_url), path, STR_FMT(username));
}

static struct str sandbox_user_nickname(const struct ctx *c, struct str username)
{
    return arena_printf(c->arena, "Simulated %.*s", STR_FMT(username));
}

static const struct user_field *sandbox_user_field_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_user_fields); i++)
        if (str_eqc(name, sandbox_user_fields[i].name))
            return &sandbox_user_fields[i];
    return NULL;
}

static void sandbox_user_put_value(struct buf *b, const struct user_field *f, const struct sandbox_user_user *u)
{
    const char *value = (const char *)u + f->offset;

    buf_printf(b, "%s\"%s\":", b->p[b->n - 1] == '{' ? "" : ",", f->name);
    if (f->kind == KIND_STR)
        json_write_str(b, *(const struct str *)(const void *)value);
    else if (f->kind == KIND_I64)
        buf_printf(b, "%lld", (long long)*(const int64_t *)(const void *)value);
    else
        buf_puts(b, *(const int64_t *)(const void *)value != 0 ? "true" : "false");
}

static enum err sandbox_user_info(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(8192);
    struct str names = form_get(&c->req.query, "fields"), name;
    struct sandbox_caller caller;
    enum err e;

    if (!caller_check(c, NULL, CALL_NOT_LIMITED, &caller, &e))
        return e;
    struct sandbox_user_user u = {
        .open_id = sandbox_open_id(c->arena, caller.client_key, caller.username),
        .union_id = sandbox_open_id(c->arena, STR("union"), caller.username),
        .avatar_url = sandbox_user_page(c, "/avatar/", caller.username),
        .display_name = sandbox_user_nickname(c, caller.username),
        .bio_description = STR(""),
        .profile_deep_link = sandbox_user_page(c, "/@", caller.username),
        .username = caller.username,
    };
    if (names.n == 0)
        return answer_refused(c, "invalid_params", "Fields is required.");
    buf_puts(&b, "{\"user\":{");
    while (str_next(&names, ',', &name)) {
        const struct user_field *f = sandbox_user_field_find(name);
        if (f == NULL)
            return answer_refused(c, "invalid_params", "The user fields contain invalid options.");
        if (!str_list_has(caller.scopes, ',', str_from(f->scope)))
            return answer_refused(c, "scope_not_authorized", NULL);
        sandbox_user_put_value(&b, f, &u);
    }
    buf_puts(&b, "}}");
    return b.overflow ? answer_refused(c, "invalid_params", NULL) : answer_data(c, buf_str(&b));
}

static enum err sandbox_user_creator_info(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(8192);
    struct sandbox_caller caller;
    const char *cap = NULL;
    enum err e;

    if (!caller_check(c, "video.publish", SANDBOX_CALL_CREATOR_INFO, &caller, &e))
        return e;
    if (caller.post_block.n > 0)
        return answer_blocked(c, caller.post_block);
    struct sandbox_caps caps = publish_caps(c, c->conf->sandbox_audited);
    e = sandbox_publish_check(c->db, &caps, &caller.creator_id, caller.client_key, SANDBOX_DIRECT_POST, &cap);
    if (e == ERR_TOO_MANY)
        return answer_blocked(c, str_from(cap));
    if (e != OK)
        return e;
    struct creator_answer a = {
        .creator_avatar_url = sandbox_user_page(c, "/avatar/", caller.username),
        .creator_username = caller.username,
        .creator_nickname = sandbox_user_nickname(c, caller.username),
        .privacy_level_options = str_split(c->arena, sandbox_privacy_options(&caller), ','),
        .comment_disabled = caller.comment_disabled,
        .max_video_post_duration_sec = 600,
    };
    json_write(&b, sandbox_user_creator_fields, &a);
    return answer_data(c, buf_str(&b));
}

const struct route user_routes[] = {
    {.method = "GET",
     .pattern = "/v2/user/info/",
     .handler = sandbox_user_info,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: user info"},
    {.method = "POST",
     .pattern = "/v2/post/publish/creator_info/query/",
     .handler = sandbox_user_creator_info,
     .auth = AUTH_FOREIGN,
     .body_max_bytes = SANDBOX_FORM_MAX,
     .rate = RATE_NONE,
     .summary = "Simulated TikTok: creator info"},
    ROUTE_END,
};
