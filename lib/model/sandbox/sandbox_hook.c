#include "model/sandbox/sandbox_hook.h"

#include "base/clock.h"
#include "json/json.h"
#include "model/sandbox/sandbox_publish.h"
#include "model/sandbox/stripe_sim.h"

#define BODY_MAX_BYTES 2048

struct sandbox_hook_body {
    struct str client_key, event, user_openid, content;
    int64_t create_time;
};

/* As TikTok writes it: the content is JSON in a string. */
static const struct json_field sandbox_hook_fields[] = {
    {.name = "client_key", JSON_STR(struct sandbox_hook_body, client_key)},
    {.name = "event", JSON_STR(struct sandbox_hook_body, event)},
    {.name = "create_time", JSON_I64(struct sandbox_hook_body, create_time)},
    {.name = "user_openid", JSON_STR(struct sandbox_hook_body, user_openid)},
    {.name = "content", JSON_STR(struct sandbox_hook_body, content)},
    JSON_END,
};

static enum err sandbox_hook_add(struct db *db, struct arena *arena, const struct sandbox_hooked *who, const char *name,
                                 struct str content, int64_t at_us)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(BODY_MAX_BYTES);
    const struct sandbox_hook_body body = {.client_key = who->client_key,
                                           .event = str_from(name),
                                           .user_openid = sandbox_open_id(arena, who->client_key, who->username),
                                           .content = content,
                                           .create_time = at_us / US_PER_SEC};

    if (who->hooked.n == 0 || !str_eq(who->hooked, who->client_key))
        return OK;
    json_write(&b, sandbox_hook_fields, &body);
    ASSERT(!b.overflow);
    const struct stripe_sim_event event = {.id = uuid_new(),
                                           .customer_id = who->creator_id,
                                           .provider = SIM_TIKTOK,
                                           .type = body.event,
                                           .body = buf_str(&b),
                                           .next_at_us = at_us};
    return stripe_sim_event_add(db, &event, false);
}

enum err sandbox_hook_removed(struct db *db, struct arena *arena, const struct sandbox_hooked *who, int reason)
{
    return sandbox_hook_add(db, arena, who, "authorization.removed", arena_printf(arena, "{\"reason\":%d}", reason),
                            clock_now_us());
}

static const char *sandbox_hook_name(const struct sandbox_publish *p)
{
    return p->status == SANDBOX_FAILED               ? "post.publish.failed"
           : p->status == SANDBOX_SEND_TO_USER_INBOX ? "post.publish.inbox_delivered"
                                                     : "post.publish.complete";
}

enum err sandbox_hook_ended(struct db *db, struct arena *arena, struct str hooked, struct str publish_id)
{
    struct sandbox_publish p;

    if (hooked.n == 0)
        return OK;
    enum err e = sandbox_publish_find(db, arena, publish_id, &p);
    if (e != OK)
        return e;
    const struct sandbox_hooked who = {hooked, p.client_key, p.creator_id, p.username};
    /* What TikTok calls a direct post is not documented. */
    const char *type = p.post_mode == SANDBOX_MEDIA_UPLOAD ? "INBOX_SHARE" : "DIRECT_POST";
    struct str reason =
        p.status == SANDBOX_FAILED ? arena_printf(arena, ",\"reason\":\"%.*s\"", STR_FMT(p.fail_reason)) : STR("");
    e = sandbox_hook_add(db, arena, &who, sandbox_hook_name(&p),
                         arena_printf(arena, "{\"publish_id\":\"%.*s\",\"publish_type\":\"%s\"%.*s}",
                                      STR_FMT(p.publish_id), type, STR_FMT(reason)),
                         p.ended_at_us);
    bool becomes_public = p.status == SANDBOX_PUBLISH_COMPLETE && str_eqc(p.privacy_level, "PUBLIC_TO_EVERYONE");
    if (e != OK || !becomes_public)
        return e;
    return sandbox_hook_add(db, arena, &who, "post.publish.publicly_available",
                            arena_printf(arena, "{\"publish_id\":\"%.*s\",\"post_id\":%lld,\"publish_type\":\"%s\"}",
                                         STR_FMT(p.publish_id), (long long)p.post_id, type),
                            p.ended_at_us + p.moderation_sec * US_PER_SEC);
}
