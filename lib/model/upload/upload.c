#include "model/upload/upload.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/retention.h"
#include "model/job/job.h"
#include "model/user/caps.h"

enum {
    UPLOAD_INSERT,
    UPLOAD_SET_READY,
    UPLOAD_SET_DROPPED,
    UPLOAD_BY_ID,
    UPLOAD_PLACE,
    UPLOAD_LIST,
    UPLOAD_LOCK_OWN,
    UPLOAD_TAKE,
    UPLOAD_TAKE_BACK,
    UPLOAD_LOCK,
    UPLOAD_COUNT_USES,
    UPLOAD_SET_DELETED,
    UPLOAD_SET_GONE,
    UPLOAD_OF_POSTS,
    UPLOAD_SET_DUE,
    UPLOAD_LOOK_LATER,
    UPLOAD_DUE,
    UPLOAD_OF_ATTEMPT,
    UPLOAD_ADD_FETCH,
};
static const struct sql upload_sqls[];

#define PURGE_KIND "purge"
#define KEEP_DAYS_MAX (RETENTION_IMAGE_N - 1) /* a day is left for outages */
#define RETRY_IN_USE_US \
    (INT64_C(3600) * US_PER_SEC) /* how often the purge of an image in use asks whether its post has ended */
#define ATTEMPT_FETCH_US (INT64_C(3600) * US_PER_SEC) /* TikTok's download task times out after it */
#define POST_UPLOADS_MAX 35

const char *const upload_state_names[] = {"storing", "ready", "deleted", NULL};
int64_t upload_due_at(const struct conf *conf, int64_t from_us)
{
    return from_us + MIN(conf->store_keep_days, KEEP_DAYS_MAX) * US_PER_DAY;
}

struct begin {
    struct arena *arena;
    const struct conf *conf;
    const struct upload_sender *sender;
    struct str request_id;
    struct uuid id;
    int64_t created_at_us;
};

static enum err upload_begin_tx(struct db *db, void *arg)
{
    struct begin *b = arg;
    const struct upload_sender *s = b->sender;
    int64_t now = clock_now_us(), due = now + UPLOAD_STORING_US;

    b->id = uuid_new();
    b->created_at_us = now;
    enum err e = caps_take(db, b->arena, b->conf, &s->user_id, CAPS_OF_UPLOAD, 0);
    if (e == OK)
        e = upload_key_has_room(db, b->conf, &s->user_id, &s->key_id);
    if (e == OK)
        e = db_exec(db, &upload_sqls[UPLOAD_INSERT],
                    DB_ARGS(db_uuid(&b->id), db_uuid(&s->user_id), db_uuid_or_null(&s->key_id),
                            db_cstr(store_kind_names[b->conf->store_kind]), db_i64(now), db_i64(due),
                            db_cstr(mode_names[s->mode])),
                    NULL);
    return e == OK ? job_add(db, JOB_MEDIA, PURGE_KIND, &b->id, due, b->request_id) : e;
}

enum err upload_begin(struct db *db, struct arena *arena, const struct conf *conf, const struct upload_sender *sender,
                      struct str request_id, struct uuid *ret_id, int64_t *ret_created_at_us)
{
    struct begin b = {.arena = arena, .conf = conf, .sender = sender, .request_id = request_id};
    enum err e = db_tx(db, upload_begin_tx, &b);

    if (e == OK) {
        *ret_id = b.id;
        *ret_created_at_us = b.created_at_us;
    }
    /* The client does not see this row: whether it is there or not, nothing has happened yet. */
    return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e;
}

/* The purge job that upload_begin made finds the image not due, and comes back when it is. */
enum err upload_ready(struct db *db, const struct conf *conf, const struct upload_report *r)
{
    _cleanup_(buf_done) struct buf changes = BUF_MAX(UPLOAD_CHANGES_MAX_BYTES);

    return db_change(
        db, &upload_sqls[UPLOAD_SET_READY],
        DB_ARGS(db_str(upload_original(r).media_type), db_i64((int64_t)r->original_bytes),
                db_i64(r->image.original_width), db_i64(r->image.original_height),
                db_bytes(r->original_sha256.b, SHA256_BYTES), db_str(upload_change_set(r->image.changes, &changes)),
                db_str(upload_provenance(&r->image)), db_str(upload_kept_type(r)), db_i64((int64_t)r->image.size_bytes),
                db_i64(r->image.width), db_i64(r->image.height), db_bytes(r->sha256.b, SHA256_BYTES),
                db_i64(upload_due_at(conf, 0)), db_uuid(&r->id), db_i64(clock_now_us())));
}

struct keeping {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *user_id;
    const struct upload_report *report;
    const struct last_step *last;
};

static enum err upload_keep_tx(struct db *db, void *arg)
{
    const struct keeping *k = arg;
    int64_t bytes = (int64_t)k->report->image.size_bytes;

    enum err e = caps_take(db, k->arena, k->conf, k->user_id, CAPS_OF_IMAGE, bytes);
    if (e == OK)
        e = upload_ready(db, k->conf, k->report);
    return e == OK ? k->last->fn(k->report, k->last->arg) : e;
}

enum err upload_keep(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                     const struct upload_report *report, const struct last_step *last)
{
    struct keeping k = {arena, conf, user_id, report, last};

    return db_tx(db, upload_keep_tx, &k);
}

struct dropping {
    const struct upload_report *reports;
    size_t n;
    struct str request_id;
};

static enum err upload_drop_tx(struct db *db, void *arg)
{
    const struct dropping *d = arg;
    int64_t now = clock_now_us();
    enum err e = OK;

    for (size_t i = 0; i < d->n && e == OK; i++) {
        const struct uuid *id = &d->reports[i].id;
        uint64_t dropped = 0;
        e = db_exec(db, &upload_sqls[UPLOAD_SET_DROPPED], DB_ARGS(db_i64(now), db_uuid(id)), &dropped);
        if (e == OK && dropped > 0)
            e = job_add(db, JOB_MEDIA, PURGE_KIND, id, now, d->request_id);
    }
    return e;
}

void upload_drop(struct db *db, const struct upload_report *reports, size_t n, struct str request_id)
{
    struct dropping d = {reports, n, request_id};
    enum err e = n > 0 ? db_tx(db, upload_drop_tx, &d) : OK;

    (void)e; /* the purge job that upload_begin made is there in any case */
}

enum err upload_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, const struct uuid *id,
                    struct upload *ret_upload)
{
    return db_row(db, &upload_sqls[UPLOAD_BY_ID], DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])),
                  arena, ret_upload);
}

enum err upload_place_of(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                         const struct uuid *id, struct upload_place *ret_place)
{
    return db_row(db, &upload_sqls[UPLOAD_PLACE], DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])),
                  arena, ret_place);
}

enum err upload_list(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, const struct uuid *below,
                     size_t max, struct upload **ret_uploads, size_t *ret_n)
{
    return db_rows(db, &upload_sqls[UPLOAD_LIST],
                   DB_ARGS(db_uuid(user_id), db_cstr(mode_names[mode]), db_uuid(below), db_i64((int64_t)max)), arena,
                   sizeof **ret_uploads, max, (void **)ret_uploads, ret_n);
}

struct upload_lock {
    int state;
    int64_t delete_due_at_us, deleted_at_us;
    int store, store_other;
};

static enum err upload_in_use(struct db *db, const struct uuid *id, bool *ret_used)
{
    int64_t uses = 0;
    enum err e = db_number(db, &upload_sqls[UPLOAD_COUNT_USES], DB_ARGS(db_uuid(id)), &uses);

    *ret_used = uses > 0;
    return e;
}

static enum err upload_set_deleted(struct db *db, const struct uuid *id, int64_t due_at_us)
{
    return db_exec(db, &upload_sqls[UPLOAD_SET_DELETED], DB_ARGS(db_i64(due_at_us), db_uuid(id)), NULL);
}

struct deletion {
    const struct uuid *user_id, *id;
    int mode;
    struct str request_id;
    struct arena *arena;
};

static enum err upload_delete_tx(struct db *db, void *arg)
{
    const struct deletion *d = arg;
    struct upload_lock lock;
    bool used = false;
    int64_t now = clock_now_us();

    enum err e = db_row(db, &upload_sqls[UPLOAD_LOCK_OWN],
                        DB_ARGS(db_uuid(d->id), db_uuid(d->user_id), db_cstr(mode_names[d->mode])), d->arena, &lock);
    if (e == OK)
        e = upload_in_use(db, d->id, &used);
    if (e == OK && used)
        e = ERR_UPLOAD_IN_USE;
    if (e == OK)
        e = upload_set_deleted(db, d->id, now);
    return e == OK ? job_add(db, JOB_MEDIA, PURGE_KIND, d->id, now, d->request_id) : e;
}

enum err upload_delete(struct db *db, const struct uuid *user_id, int mode, const struct uuid *id,
                       struct str request_id)
{
    struct arena arena;
    struct deletion d = {.user_id = user_id, .id = id, .mode = mode, .request_id = request_id, .arena = &arena};

    arena_init(&arena, 64 << 10);
    enum err e = db_tx(db, upload_delete_tx, &d);
    arena_done(&arena);
    return e;
}

enum err upload_take(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, const struct uuid *id,
                     struct upload *ret_upload)
{
    enum err e = db_row(db, &upload_sqls[UPLOAD_TAKE],
                        DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])), arena, ret_upload);

    return e == ERR_NOT_FOUND ? ERR_UPLOAD_NOT_FOUND : e;
}

enum err upload_take_back(struct db *db, const struct uuid *user_id, int mode, const struct uuid *id,
                          int64_t needed_until_us)
{
    int64_t one;
    enum err e =
        db_number(db, &upload_sqls[UPLOAD_TAKE_BACK],
                  DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode]), db_i64(needed_until_us)), &one);

    return e == ERR_NOT_FOUND ? ERR_IMAGES_GONE : e;
}

/* At most DB_MANY_MAX of them. One that is deleted, or not ready yet, is not touched, and gets no job. */
static enum err upload_set_due(struct db *db, const struct uuid *ids, size_t n, int64_t due_at_us)
{
    struct job_new jobs[DB_MANY_MAX];
    struct db_many many = {.n = 0};
    enum err e = OK;

    for (size_t i = 0; i < n; i++) {
        jobs[i] = (struct job_new){.kind = PURGE_KIND, .subject_id = ids[i], .run_at_us = due_at_us};
        db_many_add(&many, DB_ARGS(db_i64(due_at_us), db_i64(due_at_us), db_uuid(&ids[i])));
    }
    e = db_change_many(db, &upload_sqls[UPLOAD_SET_DUE], &many);
    if (e == OK)
        return job_add_many(db, JOB_MEDIA, jobs, n);
    if (e != ERR_CONFLICT)
        return e;
    e = OK;
    for (size_t i = 0; n > 1 && i < n && e == OK; i++)
        e = upload_set_due(db, &ids[i], 1, due_at_us);
    return e;
}

enum err upload_release(struct db *db, const struct uuid *post_ids, size_t n, int64_t due_at_us)
{
    struct db_arg args[DB_MANY_MAX];
    struct arena arena;
    struct uuid *v = NULL;
    size_t all = 0;

    arena_init(&arena, 64 << 10);
    db_many_ids(args, post_ids, n);
    enum err e = db_rows(db, &upload_sqls[UPLOAD_OF_POSTS], args, DB_MANY_MAX, &arena, sizeof *v,
                         (size_t)DB_MANY_MAX * POST_UPLOADS_MAX, (void **)&v, &all);
    for (size_t i = 0; i < all && e == OK; i += DB_MANY_MAX)
        e = upload_set_due(db, &v[i], MIN(all - i, (size_t)DB_MANY_MAX), due_at_us);
    arena_done(&arena);
    return e;
}

enum err upload_of_attempt(struct db *db, struct arena *arena, const struct uuid *attempt_id, int64_t position,
                           struct upload_place *ret_place)
{
    return db_row(db, &upload_sqls[UPLOAD_OF_ATTEMPT],
                  DB_ARGS(db_i64(position), db_uuid(attempt_id), db_i64(clock_now_us() - ATTEMPT_FETCH_US)), arena,
                  ret_place);
}

enum err upload_note_fetch(struct db *db, const struct uuid *attempt_id, int64_t position)
{
    enum err e = db_exec(db, &upload_sqls[UPLOAD_ADD_FETCH],
                         DB_ARGS(db_uuid(attempt_id), db_i64(position), db_i64(clock_now_us())), NULL);

    return e == ERR_DB_DUPLICATE ? OK : e; /* the first fetch is the evidence */
}

enum err upload_purge_begin(struct db *db, struct arena *arena, const struct uuid *id, enum upload_purge *ret_purge,
                            struct upload_place *ret_place, int64_t *ret_again_at_us)
{
    struct upload_lock lock;
    bool used = false;
    int64_t now = clock_now_us(), again = 0;
    enum upload_purge purge = PURGE_FILE;

    enum err e = db_row(db, &upload_sqls[UPLOAD_LOCK], DB_ARGS(db_uuid(id)), arena, &lock);
    if (e == ERR_NOT_FOUND || (e == OK && lock.deleted_at_us != 0)) {
        *ret_purge = PURGE_DONE;
        return OK;
    }
    if (e == OK && lock.state != UPLOAD_DELETED) {
        e = upload_in_use(db, id, &used);
        if (e == OK && lock.delete_due_at_us > now) {
            purge = PURGE_LATER;
            again = lock.delete_due_at_us;
        } else if (e == OK && used) {
            purge = PURGE_LATER;
            again = now + RETRY_IN_USE_US; /* the end of the post sets it right */
            e = db_exec(db, &upload_sqls[UPLOAD_LOOK_LATER], DB_ARGS(db_i64(again), db_uuid(id)), NULL);
        } else if (e == OK) {
            e = upload_set_deleted(db, id, lock.delete_due_at_us);
        }
    }
    if (e != OK)
        return e;
    *ret_purge = purge;
    *ret_place = (struct upload_place){.id = *id, .store = lock.store, .store_other = lock.store_other};
    *ret_again_at_us = again;
    return OK;
}

enum err upload_purged(struct db *db, const struct uuid *id)
{
    return db_exec(db, &upload_sqls[UPLOAD_SET_GONE], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)), NULL);
}

enum err upload_due(struct db *db, struct arena *arena, int64_t by_us, const struct upload_due *after, size_t max,
                    struct upload_due **ret_due, size_t *ret_n)
{
    return db_rows(db, &upload_sqls[UPLOAD_DUE],
                   DB_ARGS(db_i64(by_us), db_i64(after->due_at_us), db_i64(after->due_at_us), db_uuid(&after->id),
                           db_i64((int64_t)max)),
                   arena, sizeof **ret_due, max, (void **)ret_due, ret_n);
}

const struct db_col upload_due_cols[] = {DB_COL(struct upload_due, id, UUID), DB_COL(struct upload_due, due_at_us, I64),
                                         DB_END};

static const struct db_col upload_cols[] = {
    DB_COL(struct upload, id, UUID),
    DB_COL_ENUM(struct upload, state, upload_state_names),
    DB_COL(struct upload, original.media_type, STR),
    DB_COL(struct upload, original.size_bytes, I64),
    DB_COL(struct upload, original.width, I64),
    DB_COL(struct upload, original.height, I64),
    DB_COL_FIXED(struct upload, original.sha256.b),
    DB_COL(struct upload, changes, STR),
    DB_COL(struct upload, provenance, STR),
    DB_COL(struct upload, media_type, STR),
    DB_COL(struct upload, size_bytes, I64),
    DB_COL(struct upload, width, I64),
    DB_COL(struct upload, height, I64),
    DB_COL_FIXED(struct upload, sha256.b),
    DB_COL(struct upload, created_at_us, I64),
    DB_COL(struct upload, delete_due_at_us, I64),
    DB_COL(struct upload, deleted_at_us, I64),
    DB_END,
};

static const struct db_col upload_lock_cols[] = {
    DB_COL_ENUM(struct upload_lock, state, upload_state_names),
    DB_COL(struct upload_lock, delete_due_at_us, I64),
    DB_COL(struct upload_lock, deleted_at_us, I64),
    DB_COL_ENUM(struct upload_lock, store, store_kind_names),
    DB_COL_ENUM(struct upload_lock, store_other, store_kind_names),
    DB_END,
};

static const struct db_col upload_place_cols[] = {
    DB_COL(struct upload_place, id, UUID),
    DB_COL_ENUM(struct upload_place, store, store_kind_names),
    DB_COL_ENUM(struct upload_place, store_other, store_kind_names),
    DB_COL(struct upload_place, media_type, STR),
    DB_END,
};

#define KEPT_TYPE "COALESCE(kept_type, 'image/jpeg')"
#define UPLOAD_COLS \
    "id, state, media_type, original_bytes, original_width, original_height, original_sha256, changes," \
    " provenance, " KEPT_TYPE ", size_bytes, width, height, sha256, created_at_us, delete_due_at_us, deleted_at_us"
#define UPLOAD_IS_OWN "id = ? AND user_id = ? AND mode = ? AND state = 'ready'"
#define LOCK_COLS "state, delete_due_at_us, deleted_at_us, store, COALESCE(store_other, store)"

static const struct sql upload_sqls[] = {
    [UPLOAD_INSERT] = {.text =
                           "INSERT INTO uploads (id, user_id, key_id, state, store, created_at_us, delete_due_at_us, "
                           "mode) VALUES (?, ?, ?, 'storing', ?, ?, ?, ?)",
                       .in = "uuusiis"},
    /* A row that is due already belongs to the purge. */
    [UPLOAD_SET_READY] = {.text = "UPDATE uploads SET state = 'ready', media_type = ?, original_bytes = ?,"
                                  " original_width = ?, original_height = ?, original_sha256 = ?, changes = ?,"
                                  " provenance = ?, kept_type = ?, size_bytes = ?, width = ?, height = ?, sha256 = ?,"
                                  " delete_due_at_us = created_at_us + ?"
                                  " WHERE id = ? AND state = 'storing' AND delete_due_at_us > ?",
                          .in = "siiibsssiiibiui"},
    [UPLOAD_SET_DROPPED] = {.text = "UPDATE uploads SET state = 'deleted', delete_due_at_us = ? WHERE id = ?"
                                    " AND state = 'storing'",
                            .in = "iu"},
    [UPLOAD_BY_ID] = {.text = "SELECT " UPLOAD_COLS " FROM uploads WHERE " UPLOAD_IS_OWN,
                      .in = "uus",
                      .cols = upload_cols},
    [UPLOAD_PLACE] = {.text = "SELECT id, store, COALESCE(store_other, store), " KEPT_TYPE
                              " FROM uploads WHERE " UPLOAD_IS_OWN,
                      .in = "uus",
                      .cols = upload_place_cols},
    [UPLOAD_LIST] = {.text = "SELECT " UPLOAD_COLS
                             " FROM uploads WHERE user_id = ? AND mode = ? AND id < ? AND state = 'ready'"
                             " ORDER BY id DESC LIMIT ?",
                     .in = "usui",
                     .cols = upload_cols},
    [UPLOAD_LOCK_OWN] = {.text = "SELECT " LOCK_COLS " FROM uploads WHERE " UPLOAD_IS_OWN " FOR UPDATE",
                         .in = "uus",
                         .cols = upload_lock_cols},
    [UPLOAD_TAKE] = {.text = "SELECT " UPLOAD_COLS " FROM uploads WHERE " UPLOAD_IS_OWN " FOR UPDATE",
                     .in = "uus",
                     .cols = upload_cols},
    [UPLOAD_TAKE_BACK] = {.text = "SELECT 1 FROM uploads WHERE " UPLOAD_IS_OWN
                                  " AND COALESCE(post_due_at_us, delete_due_at_us) > ? FOR UPDATE",
                          .in = "uusi",
                          .cols = db_number_cols},
    [UPLOAD_LOCK] = {.text = "SELECT " LOCK_COLS " FROM uploads WHERE id = ? FOR UPDATE",
                     .in = "u",
                     .cols = upload_lock_cols},
    [UPLOAD_COUNT_USES] = {.text = "SELECT COUNT(*) FROM post_images i JOIN posts p ON p.id = i.post_id"
                                   " WHERE i.upload_id = ? AND p.ended_at_us IS NULL",
                           .in = "u",
                           .cols = db_number_cols},
    [UPLOAD_SET_DELETED] = {.text = "UPDATE uploads SET state = 'deleted', delete_due_at_us = ? WHERE id = ?",
                            .in = "iu"},
    [UPLOAD_SET_GONE] = {.text = "UPDATE uploads SET deleted_at_us = ? WHERE id = ? AND deleted_at_us IS NULL",
                         .in = "iu"},
    [UPLOAD_OF_POSTS] = {.text = "SELECT DISTINCT upload_id FROM post_images WHERE post_id IN " DB_MANY_IDS
                                 " ORDER BY upload_id",
                         .in = DB_MANY_IDS_IN,
                         .cols = db_uuid_cols},
    /* MariaDB sets columns from left to right. */
    [UPLOAD_SET_DUE] = {.text = "UPDATE uploads SET post_due_at_us = LEAST(COALESCE(post_due_at_us, ?), ?),"
                                " delete_due_at_us = post_due_at_us WHERE id = ? AND state = 'ready'",
                        .in = "iiu"},
    [UPLOAD_LOOK_LATER] = {.text = "UPDATE uploads SET delete_due_at_us = ? WHERE id = ? AND state = 'ready'",
                           .in = "iu"},
    [UPLOAD_DUE] = {.text = "SELECT id, delete_due_at_us FROM uploads WHERE deleted_at_us IS NULL"
                            " AND delete_due_at_us <= ? AND (delete_due_at_us > ? OR (delete_due_at_us = ? AND id > ?))"
                            " ORDER BY delete_due_at_us, id LIMIT ?",
                    .in = "iiiui",
                    .cols = upload_due_cols},
    [UPLOAD_OF_ATTEMPT] =
        {.text = "SELECT i.upload_id, u.store, u.store, COALESCE(u.kept_type, 'image/jpeg') FROM post_attempts a"
                 " JOIN posts p ON p.id = a.post_id"
                 " JOIN post_images i ON i.post_id = a.post_id AND i.position = ?"
                 " JOIN uploads u ON u.id = i.upload_id AND u.state = 'ready'"
                 " WHERE a.id = ? AND a.number > p.retried_after AND (p.ended_at_us IS NULL OR a.created_at_us > ?)",
         .in = "iui",
         .cols = upload_place_cols},
    [UPLOAD_ADD_FETCH] = {.text = "INSERT INTO attempt_fetches (attempt_id, position, fetched_at_us) VALUES (?, ?, ?)",
                          .in = "uii"},
};
