/*
 * An image for its owner, as it is kept: nginx sends it, from wherever it is. This app knows who asks and how often they may, and needs
 * nothing for it that it has not. In media, which knows neither keys nor sessions, its owner's looks would stand beside
 * TikTok's fetches, each of which comes once.
 */
#include "uploads/uploads.h"

#include "fcgi/page.h"
#include "model/upload/upload.h"
#include "store/store.h"

/* Without a look whether it is there: nginx answers 404 or 503 by itself, and no thread waits for a bucket. */
static enum err image_send(struct ctx *c, const struct upload_place *place)
{
    const struct store *store = c->state;
    enum store_kind kind = (enum store_kind)place->store;

    if (!store_has(store, kind))
        return ERR_STORE;
    reply_header(&c->rep, "X-Accel-Redirect", store_accel(c->arena, store, kind, &place->id));
    reply_header(&c->rep, "Cache-Control", STR("private, no-store"));
    return reply_body(&c->rep, 200, place->media_type.p, STR(""));
}

static enum err image_show(struct ctx *c)
{
    struct upload_place place;
    struct uuid id;

    enum err e = request_param_uuid(&c->req, 0, &id);
    if (e == OK)
        e = input_query_only(c, NULL);
    if (e == OK)
        e = upload_place_of(c->db, c->arena, &c->caller.user_id, c->caller.mode, &id, &place);
    return e == OK ? image_send(c, &place) : e;
}

const struct route image_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/uploads/{id}/image",
     .handler = image_show,
     .auth = AUTH_ANY,
     .scope = SCOPE_UPLOADS_WRITE,
     .by_mode = true,
     .rate = RATE_IMAGES,
     .summary = "Show the image of an upload"},
    ROUTE_END,
};
