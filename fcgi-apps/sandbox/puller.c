/*
 * The background threads, sandbox.pullers of them: each fetches the images of posts, moves their statuses on, and now
 * and then one deletes what is old. Each takes one post and one image at a time, and writes what it does into the rows,
 * so that another can go on after it.
 */
#include <sys/mman.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "net/call.h"
#include "sandbox/sandbox.h"

#define IDLE_MS 200
#define TROUBLE_MS 1000 /* the database is away */
#define PURGE_EVERY_US (3600 * US_PER_SEC)
#define FETCH_MAX_BYTES (32u << 20) /* above TikTok's 20 MB, to tell "too large" from "failed" */

/* The images of our own test posts come by the socket, as their path says: our name may lead to nobody yet. */
static void puller_go_privately(const struct conf *conf, struct arena *arena, struct net_call *call)
{
    struct str media = publish_own_media(arena, conf), path = str_from(call->url);

    ASSERT(str_starts(path, media)); /* rules.c */
    call->url = arena_printf(arena, "http://media/m/%.*s", STR_FMT(str_skip(path, media.n))).p;
    call->unix_socket = arena_strdup(arena, conf->sandbox_socket);
}

/* Fetches an image: result, status and what it is. The bytes are in nameless memory, for as long as this takes. */
static void puller_fetch(const struct conf *conf, struct arena *arena, bool is_own, uint8_t *head,
                         struct sandbox_image *i)
{
    _cleanup_(fd_closep) int fd = memfd_create("picture", MFD_CLOEXEC);
    int timeout_sec = (int)conf->sandbox_fetch_timeout_sec;
    struct picture picture = {0};
    struct net_result r;

    ASSERT(fd > 0);
    struct net_call call = {
        .to = OUTGOING_SIMULATED,
        .method = "GET",
        .url = arena_strdup(arena, i->url),
        .ca_file = arena_strdup(arena, conf->sandbox_ca_file),
        .allow_private = conf->sandbox_allow_private_addresses,
        .timeout_sec = timeout_sec,
        .connect_timeout_sec = MIN(timeout_sec, 10),
        .reply_max_bytes = FETCH_MAX_BYTES,
        .reply_fd = fd,
    };
    if (is_own)
        puller_go_privately(conf, arena, &call);
    net_call_run(arena, &call, &r);
    i->http_status = r.err == OK ? r.status : 0;
    /* 3xx is a failure like any other, because redirects are not followed. */
    if (r.err != OK || r.status != 200) {
        i->result = "photo_pull_failed";
        i->size_bytes = r.body_bytes;
        return;
    }
    i->result = picture_check(fd, head, arena, &picture);
    i->size_bytes = picture.size_bytes;
    i->width = picture.width;
    i->height = picture.height;
    i->sha256 = picture.sha256;
}

static void puller_log_image(const struct sandbox_publish *p, const struct sandbox_image *i)
{
    log_event(LOG_INFO, "sandbox_image", LOG_STR("publish_id", p->publish_id), LOG_INT("position", i->position),
              LOG_CSTR("result", i->result), LOG_INT("http_status", i->http_status),
              LOG_INT("size_bytes", i->size_bytes), LOG_END);
}

/* Fetches all images. *ret_reason is the fail_reason of the first bad one, or NULL. */
static enum err puller_pull(const struct conf *conf, struct db *db, struct arena *arena,
                            const struct sandbox_publish *p, const atomic_bool *stopping, const char **ret_reason)
{
    uint8_t *head = arena_alloc(arena, PICTURE_HEAD_BYTES); /* one for all images of a post */
    bool is_own = str_eqc(p->client_key, TIKTOK_TEST_CLIENT);
    struct sandbox_image *images;
    size_t n;

    *ret_reason = NULL;
    enum err e = sandbox_pull_images(db, arena, p, &images, &n);
    for (size_t i = 0; e == OK && i < n && *ret_reason == NULL; i++) {
        if (atomic_load(stopping))
            return ERR_AGAIN;
        e = sandbox_pull_renew(db, p);
        if (e != OK)
            return e;
        puller_fetch(conf, arena, is_own, head, &images[i]);
        puller_log_image(p, &images[i]);
        e = sandbox_pull_image(db, p, &images[i]);
        if (strcmp(images[i].result, "ok") != 0)
            *ret_reason = images[i].result;
    }
    return e;
}

static enum err puller_advance(const struct conf *conf, struct db *db, struct arena *arena, struct str hooked,
                               const struct sandbox_publish *p, const atomic_bool *stopping)
{
    const char *reason = NULL;

    if (p->pulls >= SANDBOX_PULLS_MAX)
        return sandbox_pull_end(db, arena, p, hooked, "internal");
    if (p->pulled_at_us == 0) {
        enum err e = puller_pull(conf, db, arena, p, stopping, &reason);
        if (e != OK)
            return e;
        if (reason == NULL)
            return sandbox_pull_done(db, p);
    }
    if (p->script_fail.n > 0)
        reason = arena_strdup(arena, p->script_fail);
    return sandbox_pull_end(db, arena, p, hooked, reason);
}

/* ERR_NOT_FOUND: there is nothing to do. ERR_CONFLICT: cancelled or taken over meanwhile. */
static enum err puller_work(const struct conf *conf, struct db *db, struct arena *arena, struct str hooked,
                            const atomic_bool *stopping)
{
    struct sandbox_publish p;

    enum err e = sandbox_pull_claim(db, arena, &p);
    return e == OK ? puller_advance(conf, db, arena, hooked, &p, stopping) : e;
}

/* Once: all of them meet the same, each second, and would fill the log while the database is away. */
static void puller_tell(struct sandbox_state *s, struct db *db, enum err e)
{
    if (!atomic_exchange(&s->trouble_is_told, true))
        log_event(LOG_ERROR, "sandbox_pull", LOG_CSTR("code", err_slug(e)), LOG_INT("db_errno", db_errno(db)),
                  LOG_CSTR("db_error", db_error(db)), LOG_END);
}

/* For one of them: the others see that it is being done. If it fails, the next one tries. */
static void puller_purge(struct sandbox_state *s, struct db *db, struct arena *arena, int64_t now)
{
    long long last = atomic_load(&s->purged_at_us);

    if (now - last <= PURGE_EVERY_US && now >= last)
        return;
    if (atomic_compare_exchange_strong(&s->purged_at_us, &last, now) && sandbox_purge(db, arena, now) != OK)
        atomic_store(&s->purged_at_us, last);
}

/* Milliseconds to wait before the next round. */
int puller_round(const struct conf *conf, struct db *db, struct arena *arena, struct sandbox_state *state,
                 const atomic_bool *stopping)
{
    puller_purge(state, db, arena, clock_now_us());
    enum err e = puller_work(conf, db, arena, sandbox_hooked(conf, state), stopping);
    if (e != OK && e != ERR_NOT_FOUND && e != ERR_AGAIN && e != ERR_CONFLICT) {
        puller_tell(state, db, e);
        return TROUBLE_MS;
    }
    atomic_store(&state->trouble_is_told, false);
    return e == ERR_NOT_FOUND ? IDLE_MS : 0;
}
