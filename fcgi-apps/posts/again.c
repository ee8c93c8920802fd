/* POST /api/v1/posts/{id}/cancel and /retry: a post that has not left yet is canceled, and one that has ended is tried again. Both may be
 * repeated without an Idempotency-Key: neither makes anything. */
#include "posts.h"

#include "fcgi/input.h"
#include "model/key/budget.h"
#include "model/post/post_again.h"

#define BODY_MAX_BYTES (4u << 10)

static const struct json_field again_fields[] = {
    {.name = "confirm_not_published",
     JSON_BOOL(struct post_wish, confirm_not_published),
     .help = "Of a post whose outcome is unknown: you have looked, and it is not at TikTok"},
    {.name = "ended_at",
     JSON_TIME(struct post_wish, ended_at_us),
     .nullable = true,
     .help = "The post's own, as you saw it: so a repeat of this never confirms a later end"},
    JSON_END,
};

/* Before the COMMIT, so that nothing makes a failure of what was done. */
static enum err again_answer(const void *receipt, void *arg)
{
    struct ctx *c = arg;
    struct post_shape shape;

    shape_receipt(c, receipt, &shape);
    return reply_data(&c->rep, 200, post_fields, &shape);
}

static struct post_asker again_asker(const struct ctx *c, const struct uuid *id)
{
    return (struct post_asker){.user_id = &c->caller.user_id,
                               .key_id = &c->caller.key_id,
                               .mode = c->caller.mode,
                               .id = id,
                               .request_id = c->req.id};
}

static enum err again_cancel(struct ctx *c)
{
    struct uuid id;
    const struct post_asker by = again_asker(c, &id);

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    return e == OK ? post_cancel(c->db, c->arena, c->conf, &by, &(struct last_step){again_answer, c}) : e;
}

/* Most have nothing to say, and send no body; as curl -X POST does it, they do not say either how long it is. */
static enum err again_read_wish(struct ctx *c, struct post_wish *wish)
{
    struct str nothing;

    if (c->req.body.content_length > 0 || c->req.content_type.n > 0)
        return input_json(c, again_fields, wish);
    enum err e = body_read_all(&c->req.body, c->arena, BODY_MAX_BYTES, &nothing);
    return e == OK && nothing.n > 0 ? ERR_UNSUPPORTED_TYPE : e;
}

static enum err again_retry(struct ctx *c)
{
    struct post_wish wish = {0};
    struct uuid id;
    const struct post_asker by = again_asker(c, &id);

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = again_read_wish(c, &wish);
    if (e == OK)
        e = post_retry(c->db, c->arena, c->conf, &by, &wish, &(struct last_step){again_answer, c});
    if (e == ERR_BUDGET_POSTS)
        c->retry_after_sec = budget_reset_sec();
    return e;
}

const struct route again_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/posts/{id}/cancel",
     .handler = again_cancel,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_WRITE,
     .by_mode = true,
     .rate = RATE_WRITE,
     .summary = "Cancel a post that has not been handed to TikTok yet"},
    {.method = "POST",
     .pattern = "/api/v1/posts/{id}/retry",
     .handler = again_retry,
     .auth = AUTH_ANY,
     .scope = SCOPE_POSTS_WRITE,
     .by_mode = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Have a post that failed or was canceled tried again"},
    ROUTE_END,
};
