#include "base/clock.h"
#include "model/billing/counter.h"
#include "model/job/job.h"
#include "model/key/budget.h"
#include "model/mail/notice.h"
#include "model/post/post_state.h"
#include "model/post/turn.h"
#include "model/user/caps.h"

enum { POST_CREATE_INSERT, POST_CREATE_ADD_IMAGE };
static const struct sql post_create_sqls[];

struct create {
    struct arena *arena;
    const struct conf *conf;
    const struct account *account;
    const struct post_draft *draft;
    struct problems *problems;
    size_t problems_n; /* how many there were before */
    const struct last_step *last;
    struct post_receipt *made;
    const struct plan *plan; /* the user's, and the month in which it counts the post; 0: it does not */
    int64_t plan_month;
};

static size_t post_create_images_n(const struct post_draft *d)
{
    return d->by_upload_ids ? d->upload_ids_n : d->reports_n;
}

static enum err post_create_take_room(struct db *db, struct create *c)
{
    const struct post_draft *d = c->draft;
    enum caps_of what = d->by_upload_ids ? CAPS_OF_POST : CAPS_OF_POST_OF_IMAGES;
    int64_t bytes = 0;

    for (size_t i = 0; i < d->reports_n; i++)
        bytes += (int64_t)d->reports[i].image.size_bytes;
    enum err e = caps_take_of_plan(db, c->arena, c->conf, &c->account->user_id, what, bytes, &c->plan);
    if (e == OK) /* test data is nobody's use of a plan */
        c->plan_month = c->account->mode == MODE_LIVE ? plan_posts_month(c->plan) : 0;
    return e;
}

static enum err post_create_take_budget(struct db *db, struct create *c)
{
    struct post *p = &c->made->post;
    const struct budget_use use = {.key_id = p->key_id, .account_id = p->account_id, .privacy_level = p->privacy_level};
    bool waits = false;

    enum err e = budget_take(db, c->arena, &c->account->user_id, &use, &waits);
    p->state = waits ? POST_AWAITING_APPROVAL : POST_QUEUED;
    c->made->events[0].event = waits ? STR("submitted") : STR("created");
    c->made->events[0].state = p->state;
    return e;
}

static enum err post_create_take_new(struct db *db, struct create *c, const struct upload_report *r,
                                     struct post_image *ret_image)
{
    *ret_image = (struct post_image){
        .upload_id = r->id,
        .original = upload_original(r),
        .width = r->image.width,
        .height = r->image.height,
        .size_bytes = (int64_t)r->image.size_bytes,
        .changes = upload_changes(c->arena, &r->image),
        .provenance = upload_provenance(&r->image),
        .sha256 = r->sha256,
    };
    return upload_ready(db, c->conf, r);
}

static enum err post_create_take_old(struct db *db, struct create *c, size_t i, struct post_image *ret_image)
{
    struct upload u = {0};
    enum err e = upload_take(db, c->arena, &c->account->user_id, c->account->mode, &c->draft->upload_ids[i], &u);

    if (e != OK)
        return e;
    *ret_image = (struct post_image){.upload_id = u.id,
                                     .original = u.original,
                                     .sha256 = u.sha256,
                                     .width = u.width,
                                     .height = u.height,
                                     .size_bytes = u.size_bytes,
                                     .changes = u.changes,
                                     .provenance = u.provenance};
    return e;
}

static const struct uuid *post_create_image_id(const struct post_draft *d, size_t i)
{
    return d->by_upload_ids ? &d->upload_ids[i] : &d->reports[i].id;
}

/* Rows are locked in the order of their ids, whatever their order in the carousel. */
static void post_create_sort(const struct post_draft *d, size_t n, size_t *ret_order)
{
    for (size_t i = 0; i < n; i++) {
        size_t to = i;
        for (; to > 0 && uuid_cmp(post_create_image_id(d, ret_order[to - 1]), post_create_image_id(d, i)) > 0; to--)
            ret_order[to] = ret_order[to - 1];
        ret_order[to] = i;
    }
}

/* The credentials by which TikTok would label these images are gone from what it fetches, so the label must be asked for. A draft's
 * is for whoever finishes it in the app. */
static void post_create_check_labels(struct create *c)
{
    const struct post *p = &c->made->post;
    const char *images = c->draft->by_upload_ids ? "upload_ids" : "images";

    if (p->is_aigc || p->post_mode != POST_DIRECT_POST || !c->conf->tiktok_require_aigc_label)
        return;
    for (size_t i = 0; i < c->made->images_n; i++)
        if (str_eqc(c->made->images[i].provenance, upload_provenance_names[IMAGE_AI_GENERATED]))
            problem_add(c->problems, ERR_AIGC_LABEL_MISSING, c->arena, "%s[%zu]", images, i);
}

/* From here on the uploads belong to the post: new ones are ready, and old ones cannot be purged any more. */
static enum err post_create_take_images(struct db *db, struct create *c)
{
    const struct post_draft *d = c->draft;
    size_t n = post_create_images_n(d), order[POST_IMAGES_MAX];
    bool missing[POST_IMAGES_MAX] = {false};
    enum err e = OK;

    post_create_sort(d, n, order);
    for (size_t k = 0; k < n && e == OK; k++) {
        size_t i = order[k];
        struct post_image *image = &c->made->images[i];
        e = d->by_upload_ids ? post_create_take_old(db, c, i, image)
                             : post_create_take_new(db, c, &d->reports[i], image);
        image->position = (int64_t)i;
        missing[i] = d->by_upload_ids && e == ERR_UPLOAD_NOT_FOUND;
        e = missing[i] ? OK : e;
    }
    for (size_t i = 0; i < n && e == OK; i++)
        if (missing[i])
            problem_add(c->problems, ERR_UPLOAD_NOT_FOUND, c->arena, "upload_ids[%zu]", i);
    if (e == OK)
        post_create_check_labels(c);
    return e == OK && c->problems->n > c->problems_n ? ERR_VALIDATION : e;
}

static enum err post_create_insert_post(struct db *db, const struct create *c)
{
    const struct post *p = &c->made->post;

    return db_exec(db, &post_create_sqls[POST_CREATE_INSERT],
                   DB_ARGS(db_uuid(&p->id), db_uuid(&c->account->user_id), db_uuid(&p->account_id),
                           db_uuid_or_null(&p->key_id), db_str(p->title), db_str(p->description),
                           db_cstr(post_mode_names[p->post_mode]), db_str(p->privacy_level), db_i64(p->disable_comment),
                           db_i64(p->auto_add_music), db_i64(p->brand_content_toggle), db_i64(p->brand_organic_toggle),
                           db_i64(p->is_aigc), db_i64(p->photo_cover_index), db_cstr(post_state_names[p->state]),
                           db_i64(p->created_at_us), db_i64(p->created_at_us), db_cstr(mode_names[p->mode]),
                           db_i64_or_null(c->plan_month)),
                   NULL);
}

static enum err post_create_add_images(struct db *db, const struct create *c)
{
    const struct post_receipt *m = c->made;
    enum err e = OK;

    for (size_t i = 0; i < m->images_n && e == OK; i++)
        e = db_exec(db, &post_create_sqls[POST_CREATE_ADD_IMAGE],
                    DB_ARGS(db_uuid(&m->post.id), db_i64(m->images[i].position), db_uuid(&m->images[i].upload_id)),
                    NULL);
    return e;
}

static bool post_create_wants_creator(const struct create *c)
{
    return str_eqc(c->draft->options.post_mode, "DIRECT_POST") && !post_snapshot_is_fresh(c->account);
}

/* Its owner is told by mail; of a test post nobody is. */
static enum err post_create_tell(struct db *db, const struct create *c)
{
    const struct post *p = &c->made->post;

    if (p->state != POST_AWAITING_APPROVAL || p->mode != MODE_LIVE)
        return OK;
    return notice_add(db, &(struct notice_new){.kind = NOTICE_APPROVAL_WAITING,
                                               .user_id = c->account->user_id,
                                               .subject_id = p->id,
                                               .request_id = c->draft->request_id});
}

static enum err post_create_tx(struct db *db, void *arg)
{
    struct create *c = arg;
    const struct post *p = &c->made->post;
    struct str request_id = c->draft->request_id;

    c->problems->n = c->problems_n;
    enum err e = post_create_take_room(db, c);
    if (e == OK)
        e = post_create_take_budget(db, c);
    if (e == OK)
        e = post_create_insert_post(db, c);
    if (e == OK)
        e = plan_posts_take(db, &p->user_id, c->plan, c->plan_month);
    if (e == OK)
        e = post_create_take_images(db, c);
    if (e == OK)
        e = post_create_add_images(db, c);
    const struct post_move created = {.event = c->made->events[0].event.p, .request_id = request_id};
    if (e == OK)
        e = post_note(db, &p->id, &created, (enum post_state)p->state, p->created_at_us);
    if (e == OK)
        e = post_create_tell(db, c);
    if (e == OK && post_create_wants_creator(c))
        e = job_add(db, JOB_PUBLISH, "creator", &p->account_id, p->created_at_us, request_id);
    if (e ==
        OK) /* also of one that waits for approval: if the account has just been disconnected, its turn ends the post */
        e = turn_add(db, &c->account->user_id, &p->account_id, p->created_at_us, request_id);
    return e == OK ? c->last->fn(c->made, c->last->arg) : e;
}

static int post_create_mode(struct str name)
{
    return str_eqc(name, post_mode_names[POST_DIRECT_POST]) ? POST_DIRECT_POST : POST_MEDIA_UPLOAD;
}

/* The receipt as it will be written, but for the images and the state, which the transaction finds. */
static struct post_receipt post_create_receipt(struct arena *arena, const struct account *account,
                                               const struct post_draft *d)
{
    const struct post_options *o = &d->options;
    int64_t now_us = clock_now_us();
    size_t n = post_create_images_n(d);
    struct post_receipt r = {
        .post = {.id = uuid_new(),
                 .user_id = account->user_id,
                 .account_id = account->id,
                 .mode = account->mode,
                 .title = d->title,
                 .description = d->description,
                 .post_mode = post_create_mode(o->post_mode),
                 .privacy_level = o->privacy_level,
                 .disable_comment = o->disable_comment,
                 .auto_add_music = o->auto_add_music,
                 .brand_content_toggle = o->brand_content_toggle,
                 .brand_organic_toggle = o->brand_organic_toggle,
                 .is_aigc = o->is_aigc,
                 .photo_cover_index = o->photo_cover_index,
                 .key_id = d->key_id,
                 .created_at_us = now_us},
        .images = arena_array(arena, n, sizeof *r.images),
        .images_n = n,
        .events = arena_array(arena, 1, sizeof *r.events),
        .events_n = 1,
    };

    r.events[0] = (struct post_event){.at_us = now_us, .request_id = d->request_id};
    return r;
}

enum err post_create(struct db *db, struct arena *arena, const struct conf *conf, const struct account *account,
                     const struct post_draft *draft, struct problems *problems, const struct last_step *last,
                     struct post_receipt *ret_receipt)
{
    struct post_receipt made = post_create_receipt(arena, account, draft);
    struct create c = {.arena = arena,
                       .conf = conf,
                       .account = account,
                       .draft = draft,
                       .problems = problems,
                       .problems_n = problems->n,
                       .last = last,
                       .made = &made};

    ASSERT(made.images_n > 0 && made.images_n <= POST_IMAGES_MAX);
    enum err e = db_tx(db, post_create_tx, &c);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        *ret_receipt = made;
    return e;
}

static const struct sql post_create_sqls[] = {
    [POST_CREATE_INSERT] =
        {.text = "INSERT INTO posts (id, user_id, account_id, key_id, title, description, post_mode, "
                 "privacy_level, disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, "
                 "is_aigc, photo_cover_index, state, created_at_us, updated_at_us, mode, plan_month) "
                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
         .in = "uuuussssiiiiiisiisi"},
    [POST_CREATE_ADD_IMAGE] = {.text = "INSERT INTO post_images (post_id, position, upload_id) VALUES (?, ?, ?)",
                               .in = "uiu"},
};
