#include "tiktok/webhook.h"

#include "base/clock.h"
#include "json/json.h"

#define TIME_MAX_SEC INT64_C(253402300799) /* the end of the year 9999 */
#define REASON_MAX_BYTES 64

struct tiktok_webhook_sent {
    struct str client_key, event, user_openid, content;
    int64_t create_time;
};

struct tiktok_webhook_content {
    struct str publish_id, post_id, reason, fail_reason;
};

static const struct json_field tiktok_webhook_fields[], tiktok_webhook_content_fields[];

/* docs/tiktok.md#webhooks has the same table, in words; those of posts have a common beginning. */
static const struct {
    const char *name;
    enum tiktok_use use;
    bool is_beginning;
} tiktok_webhook_uses[] = {
    {"authorization.removed", TIKTOK_USE_REMOVED, false},
    {"post.publish.", TIKTOK_USE_POST, true},
};

enum timed_signature tiktok_signature_check(struct str header, struct str body,
                                            const struct secret_ring *client_secrets, int64_t now_us)
{
    static const struct timed_signature_form form = {
        .name = "s", .age_sec = TIKTOK_SIGNATURE_AGE_SEC, .ahead_sec = TIKTOK_SIGNATURE_AHEAD_SEC};

    struct str secrets[SECRET_RING_MAX];

    return timed_signature_check(&form, header, body, secrets, secret_ring_texts(client_secrets, secrets), now_us);
}

static enum tiktok_use tiktok_webhook_use(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(tiktok_webhook_uses); i++)
        if (tiktok_webhook_uses[i].is_beginning ? str_starts(name, str_from(tiktok_webhook_uses[i].name))
                                                : str_eqc(name, tiktok_webhook_uses[i].name))
            return tiktok_webhook_uses[i].use;
    return TIKTOK_USE_NONE;
}

/* Ids and codes: what else stands there is as good as missing. */
static struct str tiktok_webhook_word(struct str s, size_t max_bytes)
{
    return s.n > 0 && s.n <= max_bytes && str_is_visible(s) ? s : (struct str){0};
}

/* NULL: it is an event of TikTok's. One that is to end a grant must say whose. */
static const char *tiktok_webhook_fault(const struct tiktok_webhook_sent *sent, const struct tiktok_event *event)
{
    if (event->client_key.p == NULL)
        return "client_key is missing, or none";
    if (event->name.p == NULL)
        return "event is missing, or not the name of one";
    if (sent->create_time < 1 || sent->create_time > TIME_MAX_SEC)
        return "create_time is missing, or not in seconds";
    if (sent->user_openid.n > 0 && event->open_id.p == NULL)
        return "user_openid is none";
    if (event->use == TIKTOK_USE_REMOVED && event->open_id.p == NULL)
        return "user_openid is missing";
    return NULL;
}

static void tiktok_webhook_take_content(struct arena *arena, struct str text, struct tiktok_event *event)
{
    struct tiktok_webhook_content content = {0};

    if (json_read(arena, text, tiktok_webhook_content_fields, &content) != OK)
        return;
    event->publish_id = tiktok_webhook_word(content.publish_id, TIKTOK_PUBLISH_ID_MAX_BYTES);
    event->post_id = tiktok_webhook_word(content.post_id, TIKTOK_PUBLISH_ID_MAX_BYTES);
    event->reason = tiktok_webhook_word(content.reason.n > 0 ? content.reason : content.fail_reason, REASON_MAX_BYTES);
}

enum err tiktok_read_event(struct arena *arena, struct str body, struct tiktok_event *ret, const char **ret_why)
{
    struct tiktok_webhook_sent sent = {0};

    *ret_why = "more than 64 KiB";
    if (body.n > TIKTOK_EVENT_MAX_BYTES)
        return ERR_BODY_TOO_LARGE;
    *ret_why = "not a JSON object that can be read";
    enum err e = json_read(arena, body, tiktok_webhook_fields, &sent);
    if (e != OK)
        return e;
    struct tiktok_event event = {
        .client_key = tiktok_webhook_word(sent.client_key, SIZE_MAX),
        .name = tiktok_webhook_word(sent.event, TIKTOK_EVENT_NAME_MAX_BYTES),
        .open_id = tiktok_webhook_word(sent.user_openid, TIKTOK_OPEN_ID_MAX_BYTES),
    };
    event.use = tiktok_webhook_use(event.name);
    *ret_why = tiktok_webhook_fault(&sent, &event);
    if (*ret_why != NULL)
        return ERR_VALIDATION;
    event.created_us = sent.create_time * US_PER_SEC; /* in the bounds that were just looked at */
    if (sent.content.n > 0)
        tiktok_webhook_take_content(arena, sent.content, &event);
    *ret = event;
    return OK;
}

/* JSON, as a string (docs/tiktok.md#webhooks). Numbers are taken as their text, so that no digit of an id is lost. */
static const struct json_field tiktok_webhook_content_fields[] = {
    {.name = "publish_id", JSON_STR(struct tiktok_webhook_content, publish_id)},
    {.name = "post_id", JSON_STR(struct tiktok_webhook_content, post_id)},
    {.name = "reason", JSON_STR(struct tiktok_webhook_content, reason)},
    {.name = "fail_reason", JSON_STR(struct tiktok_webhook_content, fail_reason)},
    JSON_END,
};

static const struct json_field tiktok_webhook_fields[] = {
    {.name = "client_key", JSON_STR(struct tiktok_webhook_sent, client_key)},
    {.name = "event", JSON_STR(struct tiktok_webhook_sent, event)},
    {.name = "create_time", JSON_I64(struct tiktok_webhook_sent, create_time)},
    {.name = "user_openid", JSON_STR(struct tiktok_webhook_sent, user_openid)},
    {.name = "content", JSON_STR(struct tiktok_webhook_sent, content)},
    JSON_END,
};
