/* POST /api/v1/posts/{id}/approve and /refuse: what becomes of a post that waits for its owner's word. For sessions alone: a key
 * must not approve its own posts. */
#include "posts.h"

#include "crypto/digest.h"
#include "fcgi/input.h"
#include "model/post/post_approve.h"

#define BODY_MAX_BYTES (4u << 10)
#define DIGEST_CHARS (2 * SHA256_BYTES)

struct approval {
    struct str content_digest;
};

static const struct json_field approve_fields[] = {
    {.name = "content_digest",
     JSON_STR(struct approval, content_digest),
     .required = true,
     .min = DIGEST_CHARS,
     .max = DIGEST_CHARS,
     .help = "That of the post as it was seen"},
    JSON_END,
};

/* Before the COMMIT, so that nothing makes a failure of what was decided. */
static enum err approve_answer(const void *receipt, void *arg)
{
    struct ctx *c = arg;
    struct post_shape shape;

    shape_receipt(c, receipt, &shape);
    return reply_data(&c->rep, 200, post_fields, &shape);
}

static struct post_decider approve_decider(const struct ctx *c, const struct uuid *id)
{
    return (struct post_decider){.user_id = &c->caller.user_id,
                                 .session_id = &c->caller.session_id,
                                 .sent = c->caller.session_token,
                                 .mode = c->caller.mode,
                                 .id = id,
                                 .request_id = c->req.id};
}

static enum err approve_post(struct ctx *c)
{
    struct approval in = {0};
    struct uuid id;
    const struct post_decider by = approve_decider(c, &id);

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_json(c, approve_fields, &in);
    if (e != OK)
        return e;
    return post_approve(c->db, c->arena, c->conf, &by, in.content_digest, &(struct last_step){approve_answer, c});
}

static enum err approve_refuse(struct ctx *c)
{
    struct uuid id;
    const struct post_decider by = approve_decider(c, &id);

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e != OK)
        return e;
    return post_refuse(c->db, c->arena, c->conf, &by, &(struct last_step){approve_answer, c});
}

const struct route approve_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/posts/{id}/approve",
     .handler = approve_post,
     .auth = AUTH_SESSION,
     .by_mode = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_WRITE,
     .summary = "Approve a post that waits, as it was seen"},
    {.method = "POST",
     .pattern = "/api/v1/posts/{id}/refuse",
     .handler = approve_refuse,
     .auth = AUTH_SESSION,
     .by_mode = true,
     .rate = RATE_WRITE,
     .summary = "Refuse a post that waits"},
    ROUTE_END,
};
