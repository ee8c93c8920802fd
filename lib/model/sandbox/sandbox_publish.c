#include "model/sandbox/sandbox_publish.h"

#include "base/clock.h"
#include "base/rand.h"

enum {
    SANDBOX_PUBLISH_CLIENT_LOCK,
    SANDBOX_PUBLISH_CREATOR_LOCK,
    SANDBOX_PUBLISH_POSTS_COUNT,
    SANDBOX_PUBLISH_PENDING_COUNT,
    SANDBOX_PUBLISH_USERS_COUNT,
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
    const struct sandbox_caps *caps;
    struct sandbox_publish *p;
    const struct str *urls;
    const char *cap;
};

/* The caps, and for which mode each is. */
static const struct sandbox_publish_cap {
    const char *code;
    int count, post_mode;
    size_t offset;
} sandbox_publish_caps[] = {
    {"reached_active_user_cap", SANDBOX_PUBLISH_USERS_COUNT, SANDBOX_DIRECT_POST, offsetof(struct sandbox_caps, users)},
    {"spam_risk_too_many_posts", SANDBOX_PUBLISH_POSTS_COUNT, SANDBOX_DIRECT_POST,
     offsetof(struct sandbox_caps, posts)},
    {"spam_risk_too_many_pending_share", SANDBOX_PUBLISH_PENDING_COUNT, SANDBOX_MEDIA_UPLOAD,
     offsetof(struct sandbox_caps, pending)},
};

/* Ids like TikTok's: seconds in the upper half, so 19 digits and over 2^53. */
static int64_t sandbox_publish_snowflake(int64_t now_us)
{
    return (now_us / US_PER_SEC) << 32 | (int64_t)rand_below(UINT64_C(1) << 32);
}

static enum err sandbox_publish_count(struct db *db, int count, const struct uuid *creator_id, struct str client_key,
                                      int64_t *ret_n)
{
    const struct sql *sql = &sandbox_publish_sqls[count];
    struct db_arg since = db_i64(clock_now_us() - US_PER_DAY);

    if (count == SANDBOX_PUBLISH_USERS_COUNT)
        return db_number(db, sql, DB_ARGS(db_str(client_key), since, db_uuid(creator_id)), ret_n);
    return db_number(db, sql, DB_ARGS(db_uuid(creator_id), since), ret_n);
}

enum err sandbox_publish_check(struct db *db, const struct sandbox_caps *caps, const struct uuid *creator_id,
                               struct str client_key, int post_mode, const char **ret_cap)
{
    for (size_t i = 0; i < ARRAY_LEN(sandbox_publish_caps); i++) {
        const struct sandbox_publish_cap *cap = &sandbox_publish_caps[i];
        int64_t most = *(const int64_t *)(const void *)((const char *)caps + cap->offset), n;

        if (most == 0 || cap->post_mode != post_mode)
            continue;
        enum err e = sandbox_publish_count(db, cap->count, creator_id, client_key, &n);
        if (e != OK)
            return e;
        if (n >= most) {
            *ret_cap = cap->code;
            return ERR_TOO_MANY;
        }
    }
    return OK;
}

/* Holds the rows by which the caps are counted, the app's before the creator's: whoever else makes a post waits. */
static enum err sandbox_publish_lock(struct db *db, const struct sandbox_caps *caps, const struct sandbox_publish *p)
{
    int64_t ignored;
    enum err e = OK;

    if (caps->users > 0)
        e = db_number(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_CLIENT_LOCK], DB_ARGS(db_str(p->client_key)), &ignored);
    if (e != OK && e != ERR_NOT_FOUND) /* not found: purged, and the app comes with a token of before */
        return e;
    return db_number(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_CREATOR_LOCK], DB_ARGS(db_uuid(&p->creator_id)),
                     &ignored);
}

static enum err sandbox_publish_add_tx(struct db *db, void *arg)
{
    struct add_arg *a = arg;
    struct sandbox_publish *p = a->p;
    int64_t now = clock_now_us();

    enum err e = sandbox_publish_lock(db, a->caps, p);
    if (e == OK)
        e = sandbox_publish_check(db, a->caps, &p->creator_id, p->client_key, p->post_mode, &a->cap);
    if (e != OK)
        return e;
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
                        db_i64_or_null(p->post_id), db_i64_or_null(p->stuck ? 0 : now + SANDBOX_STEP_US), db_i64(now),
                        db_i64(p->moderation_sec)),
                NULL);
    for (int64_t i = 0; e == OK && i < p->images_n; i++)
        e = db_exec(db, &sandbox_publish_sqls[SANDBOX_PUBLISH_IMAGE_INSERT],
                    DB_ARGS(db_uuid(&p->id), db_i64(i), db_str(a->urls[i]), db_i64(now)), NULL);
    return e;
}

enum err sandbox_publish_add(struct db *db, struct arena *arena, const struct sandbox_caps *caps,
                             struct sandbox_publish *p, const struct str *urls, const char **ret_cap)
{
    struct add_arg a = {.arena = arena, .caps = caps, .p = p, .urls = urls};
    enum err e = db_tx(db, sandbox_publish_add_tx, &a);

    if (e == ERR_TOO_MANY)
        *ret_cap = a.cap;
    return e;
}

bool sandbox_publish_is_public(const struct sandbox_publish *p)
{
    return p->status == SANDBOX_PUBLISH_COMPLETE && str_eqc(p->privacy_level, "PUBLIC_TO_EVERYONE") &&
           clock_now_us() >= p->ended_at_us + p->moderation_sec * US_PER_SEC;
}

enum err sandbox_publish_find(struct db *db, struct arena *arena, struct str publish_id,
                              struct sandbox_publish *ret_publish)
{
    /* The column is ASCII; MariaDB would refuse to compare anything else with it. */
    if (!str_is_visible(publish_id))
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
                                                     COL(ended_at_us, I64),
                                                     COL(moderation_sec, I64),
                                                     DB_END};

#define PUBLISH_SELECT \
    "SELECT p.id, p.creator_id, p.publish_id, p.client_key, w.username, p.post_mode, p.status, p.title, " \
    "p.description, p.privacy_level, p.images_n, p.fail_reason, p.post_id, p.downloaded_bytes, p.created_at_us, " \
    "p.ended_at_us, p.moderation_sec " \
    "FROM sandbox_publishes p JOIN sandbox_creators w ON w.id = p.creator_id "

static const struct sql sandbox_publish_sqls[SANDBOX_PUBLISH_SQLS] = {
    [SANDBOX_PUBLISH_CREATOR_LOCK] = {.text = "SELECT created_at_us FROM sandbox_creators WHERE id = ? FOR UPDATE",
                                      .in = "u",
                                      .cols = db_number_cols},
    [SANDBOX_PUBLISH_CLIENT_LOCK] = {.text =
                                         "SELECT created_at_us FROM sandbox_clients WHERE client_key = ? FOR UPDATE",
                                     .in = "s",
                                     .cols = db_number_cols},
    [SANDBOX_PUBLISH_POSTS_COUNT] =
        {.text = "SELECT COUNT(*) FROM sandbox_publishes WHERE creator_id = ? AND created_at_us > ? "
                 "AND post_mode = 'DIRECT_POST' AND status <> 'FAILED'",
         .in = "ui",
         .cols = db_number_cols},
    [SANDBOX_PUBLISH_PENDING_COUNT] =
        {.text = "SELECT COUNT(*) FROM sandbox_publishes WHERE creator_id = ? AND created_at_us > ? "
                 "AND post_mode = 'MEDIA_UPLOAD' AND status IN ('PROCESSING_DOWNLOAD', "
                 "'SEND_TO_USER_INBOX')",
         .in = "ui",
         .cols = db_number_cols},
    [SANDBOX_PUBLISH_USERS_COUNT] =
        {.text = "SELECT COUNT(DISTINCT creator_id) FROM sandbox_publishes WHERE client_key = ? AND created_at_us > ? "
                 "AND creator_id <> ? AND post_mode = 'DIRECT_POST'",
         .in = "siu",
         .cols = db_number_cols},
    [SANDBOX_PUBLISH_INSERT] = {.text =
                                    "INSERT INTO sandbox_publishes (id, publish_id, client_key, creator_id, post_mode, "
                                    "title, description, privacy_level, disable_comment, auto_add_music, "
                                    "brand_content_toggle, brand_organic_toggle, is_aigc, photo_cover_index, images_n, "
                                    "script_fail, post_id, next_at_us, created_at_us, moderation_sec, status) "
                                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                    "'PROCESSING_DOWNLOAD')",
                                .in = "ussussssiiiiiiisiiii"},
    [SANDBOX_PUBLISH_IMAGE_INSERT] =
        {.text = "INSERT INTO sandbox_images (publish, position, url, created_at_us) VALUES (?, ?, ?, ?)",
         .in = "uisi"},
    /* The column is ASCII, and MariaDB compares it with nothing else. */
    [SANDBOX_PUBLISH_FIND] = {.text = PUBLISH_SELECT "WHERE p.publish_id = CONVERT(? USING ascii)",
                              .in = "s",
                              .cols = sandbox_publish_cols},
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
