/*
 * GET /api/v1/accounts/{id}/avatar: the account's picture, fetched from where TikTok keeps it while its owner waits, and kept nowhere. So a page
 * of ours shows it and asks nobody else for anything.
 *
 * What comes is judged by its bytes, whatever its sender calls it: a browser takes it for a picture, and no script can be in it.
 */
#include "image/image.h"
#include "tiktok/tiktok_app.h"

#include "fcgi/input.h"

#define AVATAR_MAX_BYTES (1u << 20) /* TikTok's largest have 1080 pixels a side, and some 200 KB */

/* That browsers show. NULL: any other. */
static const char *const avatar_types[] = {
    [IMAGE_JPEG] = "image/jpeg", [IMAGE_PNG] = "image/png", [IMAGE_WEBP] = "image/webp", [IMAGE_HEIC] = NULL};

/* A status in which the picture is gone, or its address, which TikTok signs for some time only. */
static bool avatar_is_gone(int status)
{
    return status == 403 || status == 404 || status == 410;
}

static enum err avatar_judge(const struct net_result *r, const char **ret_type)
{
    struct image_header header;

    if (r->err != OK)
        return ERR_TIKTOK_UNREACHABLE;
    if (r->status != 200)
        return avatar_is_gone(r->status) ? ERR_NOT_FOUND : ERR_TIKTOK_UNREACHABLE;
    if (image_sniff((const uint8_t *)r->body.p, r->body.n, &header) != OK || avatar_types[header.type] == NULL)
        return ERR_TIKTOK_UNREACHABLE;
    *ret_type = avatar_types[header.type];
    return OK;
}

static enum err avatar_show(struct ctx *c)
{
    struct account a = {0};
    struct net_result result;
    struct net_call call;
    const char *type;
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = account_get(c->db, c->arena, &c->caller.user_id, c->caller.mode, &id, &a);
    if (e != OK)
        return e;
    struct tiktok t = app_tiktok_of(c, a.mode);
    if (!tiktok_avatar(&t, c->arena, a.avatar_url, AVATAR_MAX_BYTES, &call))
        return ERR_NOT_FOUND;
    net_call_run(c->arena, &call, &result);
    e = avatar_judge(&result, &type);
    if (e != OK)
        return e;
    reply_header(&c->rep, "Cache-Control", STR("private, no-store"));
    return reply_body(&c->rep, 200, type, result.body);
}

const struct route avatar_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/accounts/{id}/avatar",
     .handler = avatar_show,
     .auth = AUTH_ANY,
     .scope = SCOPE_ACCOUNTS_READ,
     .by_mode = true,
     .rate = RATE_READ,
     .cost = COST_OUTSIDE,
     .summary = "Show an account's picture, as TikTok has it now"},
    ROUTE_END,
};
