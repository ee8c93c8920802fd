#include "model/sandbox/sandbox_publish.h"

#include "base/clock.h"
#include "base/rand.h"

enum {
    SANDBOX_PUBLISH_CREATOR_LOCK,
    SANDBOX_PUBLISH_PENDING_COUNT,
    SANDBOX_PUBLISH_INSERT,
    SANDBOX_PUBLISH_IMAGE_INSERT,
    SANDBOX_PUBLISH_FIND,
    SANDBOX_PUBLISH_BY_POST,
    SANDBOX_PUBLISH_CANCEL,
    SANDBOX_PUBLISH_ORPHAN,
    SANDBOX_PUBLISH_SQLS
};
static const struct sql sandbox_publish_sqls[SANDBOX_PUBLISH_SQLS];

const char *const sandbox_status_names[] = {"PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX", "PUBLISH_COMPLETE", "FAILED",
                                            NULL};
const char *const sandbox_mode_names[] = {"DIRECT_POST", "MEDIA_UPLOAD", NULL};

struct add_arg {
    struct arena *arena;
    struct sandbox_publish *p;
    const struct str *urls;
};

/* Ids like TikTok's: seconds in the upper half, so 19 digits and over 2^53. */
static int64_t sandbox_publish_snowflake(int64_t now_us)
{
    return (now_us / US_PER_SEC) << 32 | (int64_t)rand_below(UINT64_C(1) << 32);
}

static enum err sandbox_publish_add_tx(struct db *db, void *arg)
{
    struct add_arg *a = arg;
    struct sandbox_publish *p = a->p;
    int64_t now = clock_now_us();
    int64_t n;

    enum err e =
        db_number(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_CREATOR_LOCK], DB_ARGS(db_uuid(&p->creator_id)), &n);
    if (e != OK)
        return e;
    if (p->post_mode == SANDBOX_MEDIA_UPLOAD) {
        e = db_number(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_PENDING_COUNT],
                      DB_ARGS(db_uuid(&p->creator_id), db_i64(now - US_PER_DAY)), &n);
        if (e != OK)
            return e;
        if (n >= SANDBOX_PENDING_MAX)
            return ERR_TOO_MANY;
    }
    p->id = uuid_new();
    p->publish_id = arena_printf(a->arena, "p_pub_url~v2.%lld", (long long)sandbox_publish_snowflake(now));
    /* Only a DIRECT_POST is published here; its number is not shown before that. */
    p->post_id = p->post_mode == SANDBOX_DIRECT_POST ? sandbox_publish_snowflake(now) : 0;
    e = db_exec(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_INSERT],
                DB_ARGS(db_uuid(&p->id), db_str(p->publish_id), db_str(p->client_key), db_uuid(&p->creator_id),
                        db_cstr(sandbox_mode_names[p->post_mode]), db_str(p->title), db_str(p->description),
                        db_str(p->privacy_level), db_i64(p->disable_comment), db_i64(p->auto_add_music),
                        db_i64(p->brand_content_toggle), db_i64(p->brand_organic_toggle), db_i64(p->is_aigc),
                        db_i64(p->photo_cover_index), db_i64(p->images_n), db_str(p->script_fail),
                        db_i64_or_null(p->post_id), db_i64_or_null(p->stuck ? 0 : now + SANDBOX_STEP_US), db_i64(now)),
                NULL);
    for (int64_t i = 0; e == OK && i < p->images_n; i++)
        e = db_exec(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_IMAGE_INSERT],
                    DB_ARGS(db_uuid(&p->id), db_i64(i), db_str(a->urls[i]), db_i64(now)), NULL);
    return e;
}

enum err sandbox_publish_add(struct db *db, struct arena *arena, struct sandbox_publish *p, const struct str *urls)
{
    struct add_arg a = {.arena = arena, .p = p, .urls = urls};

    return db_tx(db, sandbox_publish_add_tx, &a);
}

enum err sandbox_publish_find(struct db *db, struct arena *arena, struct str publish_id,
                              struct sandbox_publish *ret_publish)
{
    /* The column is ASCII; MariaDB would refuse to compare anything else with it. */
    for (size_t i = 0; i < publish_id.n; i++)
        if (publish_id.p[i] <= ' ' || publish_id.p[i] > '~')
            return ERR_NOT_FOUND;
    return db_row(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_FIND], DB_ARGS(db_str(publish_id)), arena, ret_publish);
}

enum err sandbox_publish_by_post(struct db *db, struct arena *arena, int64_t post_id,
                                 struct sandbox_publish *ret_publish)
{
    return db_row(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_BY_POST], DB_ARGS(db_i64(post_id)), arena, ret_publish);
}

enum err sandbox_publish_cancel(struct db *db, const struct uuid *id)
{
    return db_change(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_CANCEL], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)));
}

enum err sandbox_publish_orphan(struct db *db, const struct uuid *creator_id, struct str client_key, int64_t now_us)
{
    return db_exec(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_ORPHAN],
                   DB_ARGS(db_i64(now_us), db_uuid(creator_id), db_str(client_key)), NULL);
}

#define COL(field, type) DB_COL(struct sandbox_publish, field, type)

static const struct db_col sandbox_publish_cols[] = {COL(id, UUID),
                                                     COL(creator_id, UUID),
                                                     COL(publish_id, STR),
                                                     COL(client_key, STR),
                                                     COL(username, STR),
                                                     DB_COL_ENUM(struct sandbox_publish, post_mode, sandbox_mode_names),
                                                     DB_COL_ENUM(struct sandbox_publish, status, sandbox_status_names),
                                                     COL(title, STR),
                                                     COL(description, STR),
                                                     COL(privacy_level, STR),
                                                     COL(images_n, I64),
                                                     COL(fail_reason, STR),
                                                     COL(post_id, I64),
                                                     COL(downloaded_bytes, I64),
                                                     COL(created_at_us, I64),
                                                     DB_END};

#define PUBLISH_SELECT \
    "SELECT p.id, p.creator_id, p.publish_id, p.client_key, w.username, p.post_mode, p.status, p.title, " \
    "p.description, p.privacy_level, p.images_n, p.fail_reason, p.post_id, p.downloaded_bytes, p.created_at_us " \
    "FROM sandbox_publishes p JOIN sandbox_creators w ON w.id = p.creator_id "

static const struct sql sandbox_publish_sqls[SANDBOX_PUBLISH_SQLS] = {
    [SANDBOX_PUBLISH_CREATOR_LOCK] = {.text = "SELECT created_at_us FROM sandbox_creators WHERE id = ? FOR UPDATE",
                                      .in = "u",
                                      .cols = db_number_cols},
    [SANDBOX_PUBLISH_PENDING_COUNT] =
        {.text = "SELECT COUNT(*) FROM sandbox_publishes WHERE creator_id = ? AND created_at_us > ? "
                 "AND post_mode = 'MEDIA_UPLOAD' AND status IN ('PROCESSING_DOWNLOAD', "
                 "'SEND_TO_USER_INBOX')",
         .in = "ui",
         .cols = db_number_cols},
    [SANDBOX_PUBLISH_INSERT] = {.text =
                                    "INSERT INTO sandbox_publishes (id, publish_id, client_key, creator_id, post_mode, "
                                    "title, description, privacy_level, disable_comment, auto_add_music, "
                                    "brand_content_toggle, brand_organic_toggle, is_aigc, photo_cover_index, images_n, "
                                    "script_fail, post_id, next_at_us, created_at_us, status) VALUES "
                                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'PROCESSING_DOWNLOAD')",
                                .in = "ussussssiiiiiiisiii"},
    [SANDBOX_PUBLISH_IMAGE_INSERT] =
        {.text = "INSERT INTO sandbox_images (publish, position, url, created_at_us) VALUES (?, ?, ?, ?)",
         .in = "uisi"},
    [SANDBOX_PUBLISH_FIND] = {.text = PUBLISH_SELECT "WHERE p.publish_id = ?", .in = "s", .cols = sandbox_publish_cols},
    [SANDBOX_PUBLISH_BY_POST] = {.text = PUBLISH_SELECT "WHERE p.post_id = ?", .in = "i", .cols = sandbox_publish_cols},
    [SANDBOX_PUBLISH_CANCEL] =
        {.text = "UPDATE sandbox_publishes SET status = 'FAILED', fail_reason = 'publish_cancelled', "
                 "next_at_us = NULL, lease_token = NULL, ended_at_us = ? WHERE id = ? AND "
                 "status = 'PROCESSING_DOWNLOAD' AND pulled_at_us IS NULL",
         .in = "iu"},
    [SANDBOX_PUBLISH_ORPHAN] = {.text =
                                    "UPDATE sandbox_publishes SET status = 'FAILED', fail_reason = 'auth_removed', "
                                    "next_at_us = NULL, lease_token = NULL, ended_at_us = ? WHERE creator_id = ? AND "
                                    "client_key = ? AND status = 'PROCESSING_DOWNLOAD'",
                                .in = "ius"},
};
