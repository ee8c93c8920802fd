#include "sandbox/sandbox.h"

/* docs/tiktok.md#connecting. Of most of them the simulator has no API: they are granted, and that is all. */
const struct scope scopes[] = {
    {"user.info.basic", "Your avatar and display name"},
    {"user.info.profile", "Your profile: username, bio, links"},
    {"user.info.stats", "Your counts: followers, likes, videos"},
    {"video.publish", "Post content to your account"},
    {"video.upload", "Send drafts to your inbox"},
    {"video.list", "Your public videos"},
    {"share.sound.create", "Share your original sound to TikTok"},
    {"artist.certification.read", "Your artist certification"},
    {"artist.certification.update", "Update your artist certification"},
    {"local.product.manage", "Create and manage product listings"},
    {"local.shop.manage", "Create and manage local shops"},
    {"local.voucher.manage", "Validate and redeem vouchers"},
    {"minis.public.upsert", "Create and upload Minis"},
    {"portability.activity.ongoing", "Export copies of your activity data"},
    {"portability.activity.single", "Export a copy of your activity data"},
    {"portability.all.ongoing", "Export copies of your full data archive"},
    {"portability.all.single", "Export a copy of your full data archive"},
    {"portability.directmessages.ongoing", "Export copies of your direct messages"},
    {"portability.directmessages.single", "Export a copy of your direct messages"},
    {"portability.postsandprofile.ongoing", "Export copies of your posts and profile"},
    {"portability.postsandprofile.single", "Export a copy of your posts and profile"},
    {"research.adlib.basic", "Public data of commercial content"},
    {"research.data.basic", "Public data of accounts and content"},
    {"research.data.u18eu", "Public data of accounts under 18 in the EU"},
    {NULL, NULL},
};

static bool sandbox_caller_has_any_scope(const struct sandbox_caller *caller, const char *any_scope)
{
    struct str list = str_from(any_scope), scope;

    while (str_next(&list, ',', &scope))
        if (str_list_has(caller->scopes, ',', scope))
            return true;
    return any_scope == NULL;
}

bool caller_check(struct ctx *c, const char *any_scope, int call, struct sandbox_caller *ret_caller, enum err *ret_err)
{
    struct str token = c->req.authorization, scheme = STR("");
    enum err e = ERR_NOT_FOUND;

    if (str_cut(&token, ' ', &scheme) && str_ieq(scheme, STR("Bearer")))
        e = sandbox_caller_find(c->db, c->arena, str_trim(token), ret_caller);
    if (e == ERR_NOT_FOUND) {
        *ret_err = answer_refused(c, "access_token_invalid", NULL);
        return false;
    }
    if (e == OK && !sandbox_caller_has_any_scope(ret_caller, any_scope)) {
        *ret_err = answer_refused(c, "scope_not_authorized", NULL);
        return false;
    }
    if (e == OK && call != CALL_NOT_LIMITED && c->conf->sandbox_limits)
        e = sandbox_take_call(c->db, c->arena, &ret_caller->creator_id, (enum sandbox_call)call);
    *ret_err = e == ERR_RATE_LIMITED ? answer_refused(c, "rate_limit_exceeded", NULL) : e;
    return e == OK;
}
