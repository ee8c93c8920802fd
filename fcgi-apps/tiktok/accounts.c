#include "base/clock.h"
#include "fcgi/page.h"
#include "tiktok/tiktok_app.h"

/* An account as the API shows it. */
struct accounts_view {
    struct uuid id;
    struct str platform, username, display_name, avatar_url, state_reason;
    int state;
    bool is_active;
    struct strs scopes;
    int64_t connected_at_us;
    struct platform_view {
        struct strs privacy_level_options;
        struct str creator_nickname, post_block;
        bool comment_disabled, can_post, must_be_private;
        int64_t snapshot_at_us;
    } platform_data;
};

static const struct json_field accounts_view_fields[], accounts_disconnected_fields[];

static struct str accounts_or_null(struct str s)
{
    return s.n == 0 ? (struct str){0} : s;
}

static struct accounts_view accounts_view_of(const struct ctx *c, const struct account *a)
{
    bool is_audited = a->mode == MODE_TEST ? c->conf->sandbox_audited : c->conf->tiktok_audited;

    return (struct accounts_view){
        .id = a->id,
        .platform = STR("tiktok"),
        .username = accounts_or_null(a->username),
        .display_name = accounts_or_null(a->display_name),
        .avatar_url = accounts_or_null(a->avatar_url),
        .state = a->state,
        .state_reason = accounts_or_null(a->state_reason),
        .is_active = a->state == ACCOUNT_ACTIVE,
        .scopes = str_split(c->arena, a->scopes, ','),
        .connected_at_us = a->connected_at_us,
        .platform_data =
            {
                .privacy_level_options = str_split(c->arena, a->privacy_level_options, ','),
                .creator_nickname = accounts_or_null(a->nickname),
                .post_block = accounts_or_null(a->post_block),
                .comment_disabled = a->comment_disabled,
                .can_post = a->state == ACCOUNT_ACTIVE && a->post_block.n == 0,
                .must_be_private = !is_audited,
                .snapshot_at_us = a->snapshot_at_us,
            },
    };
}

enum err account_reply(struct ctx *c, const struct account *a)
{
    struct accounts_view view = accounts_view_of(c, a);

    return reply_data(&c->rep, 200, accounts_view_fields, &view);
}

enum err account_created_answer(const void *made, void *arg)
{
    struct ctx *c = arg;
    struct accounts_view view = accounts_view_of(c, made);

    return idempotent_answer(c, 201, accounts_view_fields, &view);
}

static enum err accounts_list(struct ctx *c)
{
    static const char *const allowed[] = {"platform", NULL};
    struct str platform = form_get(&c->req.query, "platform");
    struct account *accounts = NULL;
    struct page page;
    size_t n = 0;

    enum err e = input_page(c, allowed, &page);
    /* There are only accounts of TikTok, so there is none of any other platform. */
    if (e == OK && (platform.p == NULL || str_eqc(platform, "tiktok")))
        e = account_list(c->db, c->arena, &c->caller.user_id, c->caller.mode, &page.below, page.ask, &accounts, &n);
    if (e != OK)
        return e;
    n = page_cut(&page, accounts, n, sizeof(*accounts));
    struct accounts_view *views = arena_array(c->arena, n, sizeof(*views));
    for (size_t i = 0; i < n; i++)
        views[i] = accounts_view_of(c, &accounts[i]);
    return page_reply(c, &page, accounts_view_fields, views, n, sizeof(*views));
}

static enum err accounts_get(struct ctx *c)
{
    struct account a = {0};
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = account_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, &id, &a);
    if (e != OK)
        return e;
    if (a.state == ACCOUNT_ACTIVE && account_has_scope(&a, STR(CREATOR_SCOPE)) &&
        !account_snapshot_within(&a, SNAPSHOT_FRESH_US))
        e = account_refresh_snapshot(c->db, &a.id, c->req.id);
    return e == OK ? account_reply(c, &a) : e;
}

struct disconnected {
    struct uuid id;
    bool disconnected, revoked_at_tiktok;
    struct str not_revoked_because;
};

/* The tokens of a disconnect of which nobody knows whether it happened are dropped: nobody here could revoke the grant later. */
static void accounts_say_unknown(struct ctx *c)
{
    problem_add_text(
        &c->problems, ERR_OUTCOME_UNKNOWN, (struct str){0},
        STR("Contact was lost while the account was being disconnected, so that may or may not have been done. Look "
            "with "
            "GET /api/v1/accounts. If the account is still there, disconnect it again. If it is gone, its tokens are, "
            "too, but TikTok was not told: remove the app in TikTok's settings."));
}

/*
 * Deletes our copy whatever TikTok says, and then ends the grant: from the commit on, nobody here can use the tokens, and
 * what happens at TikTok is a part of the answer and no longer a reason for an error.
 */
static enum err accounts_disconnect(struct ctx *c)
{
    struct disconnected out = {.disconnected = true};
    struct account_ended ended;

    enum err e = request_param_uuid(&c->req, 0, &out.id);
    if (e == OK)
        ask_once_more(c, &out.id);
    if (e == OK)
        e = account_disconnect(c->db, c->arena, c->conf, app_state(c)->ring, &c->caller.user_id, c->caller.mode,
                               &out.id, c->req.id, &ended);
    if (e == ERR_OUTCOME_UNKNOWN)
        accounts_say_unknown(c);
    if (e != OK)
        return e;
    if (ended.in_use)
        out.not_revoked_because = STR("in_use");
    else
        out.not_revoked_because = revoke_grant(c, ended.open_id, &ended.tokens);
    out.revoked_at_tiktok = out.not_revoked_because.p == NULL;
    account_tokens_done(&ended.tokens);
    return reply_data(&c->rep, 200, accounts_disconnected_fields, &out);
}

static const struct json_field accounts_platform_fields[] = {
    {.name = "privacy_level_options",
     JSON_STRS(struct platform_view, privacy_level_options),
     .help = "What DIRECT_POST may choose from",
     .policy = "tiktok.creator"},
    {.name = "comment_disabled",
     JSON_BOOL(struct platform_view, comment_disabled),
     .help = "The creator takes no comments",
     .policy = "tiktok.creator"},
    {.name = "creator_nickname",
     JSON_STR(struct platform_view, creator_nickname),
     .help = "To be shown beside a post",
     .policy = "tiktok.creator"},
    {.name = "can_post", JSON_BOOL(struct platform_view, can_post), .help = "Nothing known speaks against a post now"},
    {.name = "post_block",
     JSON_STR(struct platform_view, post_block),
     .help = "TikTok's code when the creator cannot post right now",
     .policy = "tiktok.creator"},
    {.name = "must_be_private",
     JSON_BOOL(struct platform_view, must_be_private),
     .help =
         "TikTok has not audited this service yet (the installation's tiktok.audited): it takes posts only where the "
         "account is "
         "private, and for SELF_ONLY. One that is offered PUBLIC_TO_EVERYONE is not private. Drafts are not concerned"},
    {.name = "snapshot_at", JSON_TIME(struct platform_view, snapshot_at_us), .help = "When TikTok said so"},
    JSON_END,
};

static const struct json_field accounts_view_fields[] = {
    {.name = "id", JSON_UUID(struct accounts_view, id), .help = "The account's id"},
    {.name = "platform", JSON_STR(struct accounts_view, platform), .help = "tiktok"},
    {.name = "username",
     JSON_STR(struct accounts_view, username),
     .help = "The handle; null when TikTok was not asked in the last 24 hours",
     .policy = "tiktok.creator"},
    {.name = "display_name",
     JSON_STR(struct accounts_view, display_name),
     .help = "The name shown at TikTok",
     .policy = "tiktok.profile"},
    {.name = "avatar_url",
     JSON_STR(struct accounts_view, avatar_url),
     .help = "The picture at TikTok",
     .policy = "tiktok.profile"},
    {.name = "is_active", JSON_BOOL(struct accounts_view, is_active), .help = "The connection works"},
    {.name = "state", JSON_ENUM(struct accounts_view, state, account_state_names), .help = "active or needs_reconnect"},
    {.name = "state_reason", JSON_STR(struct accounts_view, state_reason), .help = "Why it needs_reconnect"},
    {.name = "scopes",
     JSON_STRS(struct accounts_view, scopes),
     .help = "What was granted at TikTok",
     .policy = "tiktok.consent"},
    {.name = "connected_at",
     JSON_TIME(struct accounts_view, connected_at_us),
     .help = "The last consent",
     .policy = "tiktok.consent"},
    {.name = "platform_data",
     JSON_OBJECT(struct accounts_view, platform_data, accounts_platform_fields),
     .help = "What TikTok says about posting; a newer answer is asked for when one account is shown and this is over "
             "10 minutes old"},
    JSON_END,
};

static const struct json_field accounts_disconnected_fields[] = {
    {.name = "id", JSON_UUID(struct disconnected, id), .help = "The account's id"},
    {.name = "disconnected", JSON_BOOL(struct disconnected, disconnected), .help = "The tokens are wiped"},
    {.name = "revoked_at_tiktok",
     JSON_BOOL(struct disconnected, revoked_at_tiktok),
     .help = "TikTok confirmed the end of the grant"},
    {.name = "not_revoked_because",
     JSON_STR(struct disconnected, not_revoked_because),
     .help = "in_use: another connection of this TikTok account needs the grant. refused, unreachable, "
             "tokens_unreadable: remove the app in TikTok's settings. null when it was revoked"},
    JSON_END,
};

const struct route account_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/accounts",
     .handler = accounts_list,
     .auth = AUTH_ANY,
     .scope = SCOPE_ACCOUNTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .compressed = true,
     .summary = "List connected accounts"},
    {.method = "GET",
     .pattern = "/api/v1/accounts/{id}",
     .handler = accounts_get,
     .auth = AUTH_ANY,
     .scope = SCOPE_ACCOUNTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .summary = "Show a connected account and what it may post"},
    {.method = "DELETE",
     .pattern = "/api/v1/accounts/{id}",
     .handler = accounts_disconnect,
     .auth = AUTH_SESSION,
     .by_mode = true,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .summary = "Disconnect an account: revoke at TikTok, wipe the tokens"},
    ROUTE_END,
};
