/*
 * Where TikTok sends its events (docs/tiktok.md#webhooks). Each is stored, with the job that looks after it, before it is answered; all else
 * is the worker's. TikTok sends again what is not answered with 200, for 72 hours.
 */
#include "base/clock.h"
#include "model/tiktok/tiktok_event.h"
#include "tiktok/tiktok_app.h"

static enum err tiktok_webhook_check(struct ctx *c, struct str body)
{
    const struct request *r = &c->req;

    return webhook_judge(
        c, r->tiktok_signature_times,
        tiktok_signature_check(r->tiktok_signature, body, &app_state(c)->client_secrets, clock_now_us()),
        &app_state(c)->signatures_bad, NULL);
}

static enum err tiktok_webhook_read(struct ctx *c, struct str body, struct tiktok_event *ret_event)
{
    const char *why = NULL;

    enum err e = tiktok_read_event(c->arena, body, ret_event, &why);
    /* Signed with our secret, and for another app: our client key is wrong, and an event that was sent again finds it mended. */
    if (e == OK && !str_eq(ret_event->client_key, c->conf->tiktok_client_key)) {
        why = "other_app";
        e = ERR_VALIDATION;
    }
    return e == OK ? OK : webhook_ends(c, WEBHOOK_UNREADABLE, why, ERR_EVENT_UNREADABLE);
}

static enum err tiktok_webhook_store(struct ctx *c, const struct tiktok_event *event, struct str body)
{
    struct sha256 digest = sha256_of(body);
    struct tiktok_event_seen seen;

    c->log_about = event->name;
    enum err e = tiktok_event_add(c->db, c->arena, c->conf, event, &digest, c->req.id, &seen);
    if (e != OK)
        return webhook_not_stored(c, e);
    bool ignored = seen.state == TIKTOK_EVENT_IGNORED;
    return webhook_taken(c,
                         !seen.is_new ? WEBHOOK_KNOWN
                         : ignored    ? WEBHOOK_IGNORED
                                      : WEBHOOK_NEW,
                         ignored ? "unknown_user" : NULL);
}

static enum err tiktok_webhook_post(struct ctx *c)
{
    struct tiktok_event event;
    struct str body;

    if (app_state(c)->client_secrets.n == 0 || c->conf->tiktok_client_key.n == 0)
        return ERR_TIKTOK_NOT_CONFIGURED;
    enum err e = body_read_all(&c->req.body, c->arena, TIKTOK_EVENT_MAX_BYTES, &body);
    if (e == OK)
        e = tiktok_webhook_check(c, body);
    if (e == OK)
        e = tiktok_webhook_read(c, body, &event);
    return e == OK ? tiktok_webhook_store(c, &event, body) : e;
}

const struct route tiktok_webhook_routes[] = {
    {.method = "POST",
     .pattern = "/webhooks/tiktok",
     .handler = tiktok_webhook_post,
     .auth = AUTH_FOREIGN,
     .rate = RATE_SIGNED,
     .body_max_bytes = TIKTOK_EVENT_MAX_BYTES,
     .body_in_memory = true,
     .summary = "Takes an event of TikTok's"},
    ROUTE_END,
};
