#include "model/post/post_told.h"

#include "model/post/post_state.h"

/* The event when the post still waits for its end; the one when we had given it up. */
struct told_event {
    const char *in_time, *late;
};

static const struct told_event told_published = {"published", "late_published"}, told_inbox = {"inbox", "late_inbox"},
                               told_failed = {"platform_failed", "late_failed"};

static bool told_is_late(const struct post *post)
{
    return post_state_is_unsettled((enum post_state)post->state, post->failure_code);
}

static bool told_waits(const struct post *post)
{
    return post->state == POST_PROCESSING || told_is_late(post);
}

bool post_is_open(const struct post *post)
{
    return post->publish_id.n > 0 && (told_waits(post) || post->state == POST_IN_INBOX ||
                                      (post->state == POST_PUBLISHED && post->tiktok_post_ids.n == 0));
}

/* Only public posts get ids, and only after moderation. */
static bool told_ids_to_come(const struct post *post, const struct tiktok_status *status)
{
    bool may_be_public = post->post_mode == POST_MEDIA_UPLOAD || str_eqc(post->privacy_level, "PUBLIC_TO_EVERYONE");

    return may_be_public && status->post_ids.n == 0;
}

static void told_write(const struct post *post, const struct told_event *event, struct post_told *told)
{
    told->is_news = true;
    told->move.event = told_is_late(post) ? event->late : event->in_time;
}

static void told_on_failed(const struct post *post, const struct tiktok_status *status, struct post_told *told)
{
    told->more = false;
    if (!told_waits(post)) /* the user has been told another end, which stands */
        return;
    told_write(post, &told_failed, told);
    told->code = tiktok_code_find(status->fail_reason);
    told->move.failure_code = str_from(told->code == NULL ? "tiktok_refused" : told->code->failure);
    told->move.platform_code = status->fail_reason;
}

struct post_told post_told(const struct post *post, const struct tiktok_status *status, struct str request_id)
{
    struct post_told told = {.more = true,
                             .move = {.platform_code = status->status_text,
                                      .platform_log_id = status->log_id,
                                      .tiktok_post_ids = status->post_ids,
                                      .of_publish_id = post->publish_id,
                                      .request_id = request_id}};

    switch (status->status) {
    case TIKTOK_PROCESSING:
        break;
    case TIKTOK_INBOX:
        if (told_waits(post))
            told_write(post, &told_inbox, &told);
        break;
    case TIKTOK_COMPLETE:
        if (post->state == POST_PUBLISHED && status->post_ids.n == 0)
            break;
        told_write(post, &told_published, &told);
        told.more = told_ids_to_come(post, status);
        break;
    case TIKTOK_FAILED:
        told_on_failed(post, status, &told);
        break;
    }
    return told;
}
