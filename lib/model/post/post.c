#include "model/post/post_private.h"

enum {
    POST_GET,
    POST_BY_ID,
    POST_LIST,
    POST_LIST_IN, /* post_list counts from the one before to this */
    POST_LIST_OF,
    POST_LIST_OF_IN, /* likewise */
    POST_PROCESSING_OF,
    POST_IMAGES,
    POST_EVENTS,
    POST_LAST_EVENT,
    POST_LAST_POLL
};
static const struct sql post_sqls[];

#define EVENTS_MAX 500 /* polling backs off: a post that never settles has some 60 */

enum err post_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, const struct uuid *id,
                  struct post *ret_post)
{
    return db_row(
        db, &post_sqls[POST_GET],
        DB_ARGS(db_i64(account_snapshots_from_us()), db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])), arena,
        ret_post);
}

enum err post_by_id(struct db *db, struct arena *arena, const struct uuid *id, struct post *ret_post)
{
    return db_row(db, &post_sqls[POST_BY_ID], DB_ARGS(db_uuid(id)), arena, ret_post);
}

enum err post_list(struct db *db, struct arena *arena, const struct post_filter *f, const struct uuid *below,
                   size_t max, struct post **ret_posts, size_t *ret_n)
{
    bool by_state = f->state != POST_STATE__MAX, by_account = !uuid_is_none(&f->account_id);
    struct db_arg args[8] = {db_i64(account_snapshots_from_us())};
    size_t n = 1;

    if (by_account) {
        args[n++] = db_uuid(&f->account_id);
        args[n++] = db_uuid(&f->account_id);
    }
    args[n++] = db_uuid(f->user_id);
    args[n++] = db_cstr(mode_names[f->mode]);
    if (by_state)
        args[n++] = db_cstr(post_state_names[f->state]);
    args[n++] = db_uuid(below);
    args[n++] = db_i64((int64_t)max);
    return db_rows(db, &post_sqls[by_account ? POST_LIST_OF + by_state : POST_LIST + by_state], args, n, arena,
                   sizeof **ret_posts, max, (void **)ret_posts, ret_n);
}

enum err post_processing(struct db *db, struct arena *arena, const struct uuid *account_id, size_t max,
                         struct post **ret_posts, size_t *ret_n)
{
    return db_rows(db, &post_sqls[POST_PROCESSING_OF], DB_ARGS(db_uuid(account_id), db_i64((int64_t)max)), arena,
                   sizeof **ret_posts, max, (void **)ret_posts, ret_n);
}

enum err post_images(struct db *db, struct arena *arena, const struct uuid *post_id, struct post_image **ret,
                     size_t *ret_n)
{
    return db_rows(db, &post_sqls[POST_IMAGES], DB_ARGS(db_uuid(post_id)), arena, sizeof **ret, POST_IMAGES_MAX,
                   (void **)ret, ret_n);
}

enum err post_events(struct db *db, struct arena *arena, const struct uuid *post_id, struct post_event **ret,
                     size_t *ret_n)
{
    return db_rows(db, &post_sqls[POST_EVENTS], DB_ARGS(db_uuid(post_id), db_i64(EVENTS_MAX)), arena, sizeof **ret,
                   EVENTS_MAX, (void **)ret, ret_n);
}

enum err post_last_event_is(struct db *db, const struct uuid *post_id, const char *event, const char *code, bool *ret)
{
    int64_t is = 0;
    enum err e =
        db_number(db, &post_sqls[POST_LAST_EVENT], DB_ARGS(db_cstr(event), db_cstr(code), db_uuid(post_id)), &is);

    if (e == OK || e == ERR_NOT_FOUND)
        *ret = is != 0;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err post_last_poll(struct db *db, struct arena *arena, const struct uuid *post_id, struct str *ret_code)
{
    return db_row(db, &post_sqls[POST_LAST_POLL], DB_ARGS(db_uuid(post_id)), arena, ret_code);
}

bool post_is_approved(const struct post *post)
{
    const struct sha256 none = {{0}};

    return memcmp(&post->approved_digest, &none, sizeof none) != 0;
}

struct str post_url(struct arena *arena, const struct conf *conf, int mode, struct str username,
                    struct str tiktok_post_id)
{
    struct str site = mode == MODE_TEST ? conf->sandbox_url : conf->tiktok_authorize_url;

    if (site.n == 0 || username.n == 0 || tiktok_post_id.n == 0)
        return (struct str){0};
    return arena_printf(arena, "%.*s/@%.*s/photo/%.*s", STR_FMT(site), STR_FMT(username), STR_FMT(tiktok_post_id));
}

static const struct db_col post_cols[] = {POST_DB_COLS, DB_END};
static const struct db_col post_shown_cols[] = {POST_DB_COLS, DB_COL(struct post, username, STR),
                                                DB_COL(struct post, held, I64), DB_COL(struct post, cover_id, UUID),
                                                DB_END};

#define POST_COVER \
    "(SELECT i.upload_id FROM post_images i JOIN uploads u ON u.id = i.upload_id" \
    " WHERE i.post_id = p.id AND i.position = p.photo_cover_index AND u.deleted_at_us IS NULL)"

/* With the handle of an account that is connected, from a snapshot that may be shown. A post that waits for its account
 * says so by that: what is written once is right for all of a long queue. */
#define POST_SELECT_SHOWN_OF(posts) \
    "SELECT " POST_COLS \
    ", s.username, CASE WHEN p.state NOT IN ('queued', 'deferred', 'awaiting_approval', 'scheduled') THEN 0" \
    " WHEN p.id <= a.held_to_id THEN 2 WHEN a.state = 'needs_reconnect' AND p.state IN ('queued', 'deferred') THEN 1 " \
    "ELSE 0 END, " POST_COVER " FROM " posts \
    " LEFT JOIN accounts a ON a.id = p.account_id AND a.state <> 'disconnected'" \
    " LEFT JOIN creator_snapshots s ON s.account_id = a.id AND s.fetched_at_us > ?"
#define POST_SELECT_SHOWN POST_SELECT_SHOWN_OF("posts p")
#define POST_SELECT_LIST(index) POST_SELECT_SHOWN_OF("posts p FORCE INDEX (" index ")") " WHERE "
#define POST_BELOW " AND p.id < ? ORDER BY p.id DESC LIMIT ?"
/* A constant, so it is looked at first: of somebody else's account no post is read. */
#define POST_OF_OWN \
    "p.account_id = ? AND EXISTS (SELECT 1 FROM accounts w WHERE w.id = ? AND w.user_id = ? AND w.mode = ?)"

static const struct db_col post_image_cols[] = {DB_COL(struct post_image, upload_id, UUID),
                                                DB_COL(struct post_image, position, I64),
                                                DB_COL(struct post_image, width, I64),
                                                DB_COL(struct post_image, height, I64),
                                                DB_COL(struct post_image, size_bytes, I64),
                                                DB_COL(struct post_image, changes, STR),
                                                DB_COL(struct post_image, provenance, STR),
                                                DB_COL(struct post_image, original.media_type, STR),
                                                DB_COL(struct post_image, original.size_bytes, I64),
                                                DB_COL(struct post_image, original.width, I64),
                                                DB_COL(struct post_image, original.height, I64),
                                                DB_COL_FIXED(struct post_image, original.sha256.b),
                                                DB_COL_FIXED(struct post_image, sha256.b),
                                                DB_COL(struct post_image, deleted_at_us, I64),
                                                DB_COL(struct post_image, delete_due_at_us, I64),
                                                DB_COL(struct post_image, fetched_at_us, I64),
                                                DB_END};

static const struct db_col post_event_cols[] = {DB_COL(struct post_event, at_us, I64),
                                                DB_COL(struct post_event, event, STR),
                                                DB_COL(struct post_event, code, STR),
                                                DB_COL(struct post_event, platform_code, STR),
                                                DB_COL(struct post_event, platform_log_id, STR),
                                                DB_COL(struct post_event, request_id, STR),
                                                DB_COL_ENUM(struct post_event, state, post_state_names),
                                                DB_END};

static const struct db_col post_code_cols[] = {{.type = DB_STR}, DB_END};

static const struct sql post_sqls[] = {
    [POST_GET] = {.text = POST_SELECT_SHOWN " WHERE p.id = ? AND p.user_id = ? AND p.mode = ?",
                  .in = "iuus",
                  .cols = post_shown_cols},
    [POST_BY_ID] = {.text = "SELECT " POST_COLS " FROM posts p WHERE p.id = ?", .in = "u", .cols = post_cols},
    [POST_LIST] = {.text = POST_SELECT_LIST("by_user_mode") "p.user_id = ? AND p.mode = ?" POST_BELOW,
                   .in = "iusui",
                   .cols = post_shown_cols},
    [POST_LIST_IN] = {.text =
                          POST_SELECT_LIST("by_user_state") "p.user_id = ? AND p.mode = ? AND p.state = ?" POST_BELOW,
                      .in = "iussui",
                      .cols = post_shown_cols},
    [POST_LIST_OF] = {.text = POST_SELECT_LIST("by_account_id") POST_OF_OWN POST_BELOW,
                      .in = "iuuusui",
                      .cols = post_shown_cols},
    [POST_LIST_OF_IN] = {.text = POST_SELECT_LIST("by_account") POST_OF_OWN " AND p.state = ?" POST_BELOW,
                         .in = "iuuussui",
                         .cols = post_shown_cols},
    [POST_PROCESSING_OF] = {.text =
                                "SELECT " POST_COLS " FROM posts p WHERE p.account_id = ? AND p.state = 'processing'"
                                " AND p.publish_id IS NOT NULL ORDER BY p.id DESC LIMIT ?",
                            .in = "ui",
                            .cols = post_cols},
    [POST_IMAGES] =
        {.text = "SELECT i.upload_id, i.position, u.width, u.height, u.size_bytes, u.changes, "
                 "u.provenance, "
                 "u.media_type, u.original_bytes, u.original_width, u.original_height, u.original_sha256, "
                 "u.sha256, u.deleted_at_us, u.delete_due_at_us, f.fetched_at_us FROM post_images i JOIN uploads "
                 "u ON u.id = i.upload_id "
                 "LEFT JOIN attempt_fetches f ON f.position = i.position AND f.attempt_id = (SELECT a.id "
                 "FROM post_attempts a WHERE a.post_id = i.post_id ORDER BY a.number DESC LIMIT 1) "
                 "WHERE i.post_id = ? ORDER BY i.position",
         .in = "u",
         .cols = post_image_cols},
    /* The newest, should there be more. */
    [POST_EVENTS] = {.text =
                         "SELECT at_us, event, code, platform_code, platform_log_id, request_id, state FROM (SELECT *"
                         " FROM post_events WHERE post_id = ? ORDER BY at_us DESC, id DESC LIMIT ?) e"
                         " ORDER BY at_us, id",
                     .in = "ui",
                     .cols = post_event_cols},
    [POST_LAST_POLL] = {.text = "SELECT platform_code FROM post_events WHERE post_id = ? AND event = '" EVENT_POLL "'"
                                " ORDER BY at_us DESC, id DESC LIMIT 1",
                        .in = "u",
                        .cols = post_code_cols},
    [POST_LAST_EVENT] = {.text = "SELECT event = ? AND code = ? FROM post_events WHERE post_id = ? ORDER BY at_us DESC,"
                                 " id DESC LIMIT 1",
                         .in = "ssu",
                         .cols = db_number_cols},
};
