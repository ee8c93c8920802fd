#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/post_state.h"

enum { POST_CREATE_INSERT, POST_CREATE_ADD_IMAGE };
static const struct sql post_create_sqls[];

struct create {
    struct arena *arena;
    const struct conf *conf;
    const struct account *account;
    const struct post_draft *draft;
    struct problems *problems;
    size_t problems_n; /* how many there were before */
    struct uuid id;
};

static size_t post_create_images_n(const struct post_draft *d)
{
    return d->by_upload_ids ? d->upload_ids_n : d->reports_n;
}

static const struct uuid *post_create_image_id(const struct post_draft *d, size_t i)
{
    return d->by_upload_ids ? &d->upload_ids[i] : &d->reports[i].id;
}

/* From here on the uploads belong to the post: new ones are ready, and old ones cannot be purged any more. */
static enum err post_create_take_images(struct db *db, struct create *c)
{
    const struct post_draft *d = c->draft;
    enum err e = OK;

    for (size_t i = 0; i < post_create_images_n(d) && e == OK; i++) {
        if (!d->by_upload_ids) {
            e = upload_ready(db, c->conf, &d->reports[i]);
            continue;
        }
        e = upload_take(db, &c->account->user_id, &d->upload_ids[i]);
        if (e == ERR_UPLOAD_NOT_FOUND) {
            problem_add(c->problems, e, c->arena, "upload_ids[%zu]", i);
            e = OK;
        }
    }
    return e == OK && c->problems->n > c->problems_n ? ERR_VALIDATION : e;
}

static enum err post_create_insert_post(struct db *db, const struct create *c, int64_t now_us)
{
    const struct post_draft *d = c->draft;
    const struct post_options *o = &d->options;

    return db_exec(db, &post_create_sqls[POST_CREATE_INSERT],
                   DB_ARGS(db_uuid(&c->id), db_uuid(&c->account->user_id), db_uuid(&c->account->id),
                           db_uuid_or_null(&d->key_id), db_str(d->title), db_str(d->description), db_str(o->post_mode),
                           db_str(o->privacy_level), db_i64(o->disable_comment), db_i64(o->auto_add_music),
                           db_i64(o->brand_content_toggle), db_i64(o->brand_organic_toggle), db_i64(o->is_aigc),
                           db_i64(o->photo_cover_index), db_i64(now_us), db_i64(now_us)),
                   NULL);
}

static enum err post_create_add_images(struct db *db, const struct create *c)
{
    enum err e = OK;

    for (size_t i = 0; i < post_create_images_n(c->draft) && e == OK; i++)
        e = db_exec(db, &post_create_sqls[POST_CREATE_ADD_IMAGE],
                    DB_ARGS(db_uuid(&c->id), db_i64((int64_t)i), db_uuid(post_create_image_id(c->draft, i))), NULL);
    return e;
}

static bool post_create_wants_creator(const struct create *c)
{
    return str_eqc(c->draft->options.post_mode, "DIRECT_POST") && !post_snapshot_is_fresh(c->account);
}

static enum err post_create_tx(struct db *db, void *arg)
{
    struct create *c = arg;
    const struct post_draft *d = c->draft;
    int64_t now_us = clock_now_us();

    c->problems->n = c->problems_n;
    enum err e = post_create_take_images(db, c);
    if (e == OK)
        e = post_create_insert_post(db, c, now_us);
    if (e == OK)
        e = post_create_add_images(db, c);
    if (e == OK)
        e = post_note(db, &c->id, &(struct post_move){.event = "created", .request_id = d->request_id}, POST_QUEUED);
    if (e == OK && post_create_wants_creator(c))
        e = job_add(db, JOB_PUBLISH, "creator", &c->account->id, now_us, d->request_id);
    if (e == OK)
        e = job_add(db, JOB_PUBLISH, "publish", &c->id, now_us, d->request_id);
    return e;
}

enum err post_create(struct db *db, struct arena *arena, const struct conf *conf, const struct account *account,
                     const struct post_draft *draft, struct problems *problems, struct uuid *ret_id)
{
    struct create c = {.arena = arena,
                       .conf = conf,
                       .account = account,
                       .draft = draft,
                       .problems = problems,
                       .problems_n = problems->n,
                       .id = uuid_new()};

    ASSERT(post_create_images_n(draft) > 0 && post_create_images_n(draft) <= POST_IMAGES_MAX);
    enum err e = db_tx(db, post_create_tx, &c);
    if (e == OK)
        *ret_id = c.id;
    return e;
}

static const struct sql post_create_sqls[] = {
    [POST_CREATE_INSERT] =
        {.text = "INSERT INTO posts (id, user_id, account_id, key_id, title, description, post_mode, "
                 "privacy_level, disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, "
                 "is_aigc, photo_cover_index, state, created_at_us, updated_at_us) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
         .in = "uuuussssiiiiiiii"},
    [POST_CREATE_ADD_IMAGE] = {.text = "INSERT INTO post_images (post_id, position, upload_id) VALUES (?, ?, ?)",
                               .in = "uiu"},
};
