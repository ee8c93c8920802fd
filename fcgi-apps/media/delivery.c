#include "media/media.h"

#include <time.h>

#include "model/post/post.h"

/* nginx reads the file, or gets it from the bucket. But what it cannot deliver must not be noted as fetched, so look first. */
static enum err delivery_look(struct ctx *c, const struct upload_place *place)
{
    const struct media *m = c->state;
    struct store_said said = {.error = ""};

    enum err e = store_look(&m->store, (enum store_kind)place->store, &place->id, &said);
    if (e != OK && said.error[0] != '\0')
        c->provider_said.error = arena_str(c->arena, str_from(said.error));
    return e;
}

struct delivery {
    struct uuid attempt;
    struct upload_place place;
    int64_t position;
};

static enum err delivery_read(struct ctx *c, struct delivery *ret_delivery)
{
    enum err e = request_param_uuid(&c->req, 0, &ret_delivery->attempt);

    if (e == OK && (!str_to_i64(c->req.param[1], &ret_delivery->position) || ret_delivery->position >= POST_IMAGES_MAX))
        e = ERR_NOT_FOUND;
    return e;
}

/*
 * TikTok fetches images here. It does not sign in: the attempt's id, which only TikTok is told, opens the way. Whoever
 * learns that id can fetch too, so a fetch shows that somebody had the address, not who.
 */
static enum err delivery_find(struct ctx *c, struct delivery *d)
{
    enum err e = upload_of_attempt(c->db, c->arena, &d->attempt, d->position, &d->place);

    if (e == OK)
        e = delivery_look(c, &d->place);
    /* A HEAD does not show that anybody has the image. */
    if (e == OK && str_eqc(c->req.method, "GET"))
        e = upload_note_fetch(c->db, &d->attempt, d->position);
    return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e; /* the note alone: fetching again does no harm */
}

static enum err delivery_find_in_time(struct ctx *c, struct delivery *d)
{
    struct outage *outage = &((struct media *)c->state)->outage;
    int64_t began_us = clock_mono_us();

    enum err e = delivery_find(c, d);
    while (e == ERR_DB_UNAVAILABLE && outage_goes_on(outage, began_us, clock_mono_us())) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        began_us = clock_mono_us();
        e = delivery_find(c, d);
    }
    if (e != ERR_DB_UNAVAILABLE)
        outage_is_over(outage);
    return e;
}

static enum err delivery_send(struct ctx *c)
{
    struct delivery d;
    const struct media *m = c->state;

    enum err e = delivery_read(c, &d);
    if (e == OK)
        e = delivery_find_in_time(c, &d);
    if (e != OK)
        return e;
    reply_header(&c->rep, "X-Accel-Redirect",
                 store_accel(c->arena, &m->store, (enum store_kind)d.place.store, &d.place.id));
    reply_header(&c->rep, "Cache-Control", STR("no-store")); /* nothing lingers in a cache */
    return reply_body(&c->rep, 200, d.place.media_type.p, STR(""));
}

const struct route delivery_routes[] = {
    {.method = "GET",
     .pattern = "/m/{attempt}/{n}",
     .handler = delivery_send,
     .auth = AUTH_FOREIGN,
     .rate = RATE_DELIVERY,
     .effect = EFFECT_GET,
     .summary = "Deliver an image to TikTok"},
    {.method = "HEAD",
     .pattern = "/m/{attempt}/{n}",
     .handler = delivery_send,
     .auth = AUTH_FOREIGN,
     .rate = RATE_DELIVERY,
     .summary = "Say whether an image is there for TikTok"},
    ROUTE_END,
};
