#include "base/clock.h"
#include "base/rand.h"
#include "model/sandbox/sandbox_hook.h"
#include "model/sandbox/sandbox_publish.h"

#define IMAGES_MAX 35
#define DUE_MAX 32 /* as many as there can be pullers: each finds one that no other wants */

enum {
    SANDBOX_PULL_DUE,
    SANDBOX_PULL_CLAIM,
    SANDBOX_PULL_IMAGES,
    SANDBOX_PULL_RENEW,
    SANDBOX_PULL_IMAGE,
    SANDBOX_PULL_DONE,
    SANDBOX_PULL_END,
    SANDBOX_PULL_SQLS
};
static const struct sql sandbox_pull_sqls[SANDBOX_PULL_SQLS];

enum err sandbox_pull_claim(struct db *db, struct arena *arena, struct sandbox_publish *ret_publish)
{
    struct sandbox_publish *due;
    int64_t now = clock_now_us();
    size_t n;

    enum err e = db_rows(db, &sandbox_pull_sqls[SANDBOX_PULL_DUE], DB_ARGS(db_i64(now)), arena, sizeof *due, DUE_MAX,
                         (void **)&due, &n);
    if (e != OK || n == 0)
        return e != OK ? e : ERR_NOT_FOUND;
    /* Not the first, which all of them would try for. */
    struct sandbox_publish *p = &due[rand_below(n)];
    p->lease_token = uuid_new();
    e = db_change(
        db, &sandbox_pull_sqls[SANDBOX_PULL_CLAIM],
        DB_ARGS(db_uuid(&p->lease_token), db_i64(now + SANDBOX_LEASE_US), db_uuid(&p->id), db_i64(p->next_at_us)));
    if (e == OK)
        *ret_publish = *p;
    return e;
}

enum err sandbox_pull_images(struct db *db, struct arena *arena, const struct sandbox_publish *p,
                             struct sandbox_image **ret_images, size_t *ret_n)
{
    return db_rows(db, &sandbox_pull_sqls[SANDBOX_PULL_IMAGES], DB_ARGS(db_uuid(&p->id)), arena, sizeof **ret_images,
                   IMAGES_MAX, (void **)ret_images, ret_n);
}

enum err sandbox_pull_renew(struct db *db, const struct sandbox_publish *p)
{
    return db_change(db, &sandbox_pull_sqls[SANDBOX_PULL_RENEW],
                     DB_ARGS(db_i64(clock_now_us() + SANDBOX_LEASE_US), db_uuid(&p->id), db_uuid(&p->lease_token)));
}

enum err sandbox_pull_image(struct db *db, const struct sandbox_publish *p, const struct sandbox_image *i)
{
    return db_change(db, &sandbox_pull_sqls[SANDBOX_PULL_IMAGE],
                     DB_ARGS(db_cstr(i->result), db_i64(i->http_status), db_i64(i->size_bytes), db_i64(i->width),
                             db_i64(i->height), db_bytes(i->sha256.p, i->sha256.n), db_i64(clock_now_us()),
                             db_uuid(&p->id), db_i64(i->position), db_uuid(&p->lease_token)));
}

enum err sandbox_pull_done(struct db *db, const struct sandbox_publish *p)
{
    int64_t now = clock_now_us();

    return db_change(db, &sandbox_pull_sqls[SANDBOX_PULL_DONE],
                     DB_ARGS(db_i64(now), db_i64(now + SANDBOX_STEP_US), db_uuid(&p->id), db_uuid(&p->id),
                             db_uuid(&p->lease_token)));
}

struct sandbox_pull_ending {
    struct arena *arena;
    const struct sandbox_publish *p;
    struct str hooked;
    const char *fail_reason;
};

static enum err sandbox_pull_end_tx(struct db *db, void *arg)
{
    const struct sandbox_pull_ending *x = arg;
    const struct sandbox_publish *p = x->p;
    const char *fail_reason = x->fail_reason;
    int status = fail_reason != NULL                    ? SANDBOX_FAILED
                 : p->post_mode == SANDBOX_MEDIA_UPLOAD ? SANDBOX_SEND_TO_USER_INBOX
                                                        : SANDBOX_PUBLISH_COMPLETE;

    enum err e = db_change(db, &sandbox_pull_sqls[SANDBOX_PULL_END],
                           DB_ARGS(db_cstr(sandbox_status_names[status]), db_cstr(fail_reason), db_i64(clock_now_us()),
                                   db_uuid(&p->id), db_uuid(&p->lease_token)));
    return e == OK ? sandbox_hook_ended(db, x->arena, x->hooked, p->publish_id) : e;
}

enum err sandbox_pull_end(struct db *db, struct arena *arena, const struct sandbox_publish *p, struct str hooked,
                          const char *fail_reason)
{
    struct sandbox_pull_ending x = {arena, p, hooked, fail_reason};

    return db_tx(db, sandbox_pull_end_tx, &x);
}

#define COL(field, type) DB_COL(struct sandbox_publish, field, type)

static const struct db_col sandbox_pull_due_cols[] = {
    COL(id, UUID),
    COL(publish_id, STR),
    COL(client_key, STR),
    DB_COL_ENUM(struct sandbox_publish, post_mode, sandbox_mode_names),
    COL(script_fail, STR),
    COL(pulled_at_us, I64),
    COL(next_at_us, I64),
    COL(pulls, I64),
    DB_END};
static const struct db_col sandbox_pull_image_cols[] = {DB_COL(struct sandbox_image, position, I64),
                                                        DB_COL(struct sandbox_image, url, STR), DB_END};

#define WHERE_MINE "WHERE id = ? AND lease_token = ? AND status = 'PROCESSING_DOWNLOAD'"

static const struct sql sandbox_pull_sqls[SANDBOX_PULL_SQLS] = {
    [SANDBOX_PULL_DUE] =
        {.text = "SELECT id, publish_id, client_key, post_mode, script_fail, pulled_at_us, next_at_us, pulls "
                 "FROM sandbox_publishes WHERE status = 'PROCESSING_DOWNLOAD' AND next_at_us <= ? "
                 "ORDER BY next_at_us LIMIT 32",
         .in = "i",
         .cols = sandbox_pull_due_cols},
    [SANDBOX_PULL_CLAIM] = {.text = "UPDATE sandbox_publishes SET lease_token = ?, next_at_us = ?, pulls = pulls + 1 "
                                    "WHERE id = ? AND next_at_us = ? AND status = 'PROCESSING_DOWNLOAD'",
                            .in = "uiui"},
    [SANDBOX_PULL_IMAGES] = {.text = "SELECT position, url FROM sandbox_images WHERE publish = ? AND "
                                     "(result IS NULL OR result <> 'ok') ORDER BY position LIMIT 35",
                             .in = "u",
                             .cols = sandbox_pull_image_cols},
    [SANDBOX_PULL_RENEW] = {.text = "UPDATE sandbox_publishes SET next_at_us = ? " WHERE_MINE, .in = "iuu"},
    [SANDBOX_PULL_IMAGE] =
        {.text = "UPDATE sandbox_images i JOIN sandbox_publishes p ON p.id = i.publish SET i.result = ?, "
                 "i.http_status = ?, i.size_bytes = ?, i.width = ?, i.height = ?, i.sha256 = ?, "
                 "i.fetched_at_us = ? WHERE i.publish = ? AND i.position = ? AND p.lease_token = ? "
                 "AND p.status = 'PROCESSING_DOWNLOAD'",
         .in = "siiiibiuiu"},
    [SANDBOX_PULL_DONE] = {.text = "UPDATE sandbox_publishes SET pulled_at_us = ?, next_at_us = ?, pulls = 0, "
                                   "downloaded_bytes = (SELECT COALESCE(SUM(size_bytes), 0) FROM sandbox_images "
                                   "WHERE publish = ?) " WHERE_MINE,
                           .in = "iiuuu"},
    [SANDBOX_PULL_END] = {.text = "UPDATE sandbox_publishes SET status = ?, fail_reason = ?, next_at_us = NULL, "
                                  "ended_at_us = ?, lease_token = NULL " WHERE_MINE,
                          .in = "ssiuu"},
};
