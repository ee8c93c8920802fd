#include "sandbox/sandbox.h"

const struct scope scopes[] = {
    {"user.info.basic", "Your avatar and display name"},
    {"user.info.profile", "Your profile: username, bio, links"},
    {"user.info.stats", "Your counts: followers, likes, videos"},
    {"video.publish", "Post content to your account"},
    {"video.upload", "Send drafts to your inbox"},
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
    if (e == OK && call != CALL_NOT_LIMITED)
        e = sandbox_take_call(c->db, c->arena, &ret_caller->creator_id, (enum sandbox_call)call);
    *ret_err = e == ERR_RATE_LIMITED ? answer_refused(c, "rate_limit_exceeded", NULL) : e;
    return e == OK;
}
