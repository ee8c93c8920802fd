#include "model/post/post_approve.h"

#include "crypto/digest.h"
#include "model/key/budget.h"
#include "model/post/post_digest.h"
#include "model/post/turn.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

#define EXPIRE_BATCH 100

enum { POST_APPROVE_SET, POST_APPROVE_OVER };
static const struct sql post_approve_sqls[];

struct deciding {
    struct arena *arena;
    const struct conf *conf;
    const struct post_decider *by;
    struct str digest; /* absent: it is refused */
    const struct last_step *last;
    struct post_receipt made;
};

static enum err post_approve_read(struct db *db, struct deciding *d)
{
    return post_get(db, d->arena, d->by->user_id, d->by->mode, d->by->id, &d->made.post);
}

/* The post is locked once it is known whose it is. */
static enum err post_approve_lock(struct db *db, struct deciding *d)
{
    struct post_receipt *r = &d->made;
    const struct post_decider *by = d->by;

    enum err e = user_lock(db, d->arena, by->user_id); /* whoever ends the session has it */
    if (e == OK)
        e = session_check_still(db, by->session_id, by->sent);
    if (e == OK)
        e = post_approve_read(db, d);
    if (e == OK)
        e = post_lock_in(db, by->id, POST_AWAITING_APPROVAL);
    if (e == ERR_CONFLICT)
        return ERR_NOT_AWAITING;
    return e == OK ? post_images(db, d->arena, by->id, &r->images, &r->images_n) : e;
}

/* As when a post is made. One that was disconnected is about to cancel its posts. */
static enum err post_approve_look(struct db *db, const struct deciding *d)
{
    struct account account;

    enum err e = account_get(db, d->arena, d->by->user_id, d->by->mode, &d->made.post.account_id, &account);
    if (e == OK && account.state == ACCOUNT_NEEDS_RECONNECT)
        e = ERR_ACCOUNT_NEEDS_RECONNECT;
    return e == ERR_NOT_FOUND ? ERR_NOT_AWAITING : e;
}

static enum err post_approve_allow(struct db *db, const struct deciding *d, const struct sha256 *digest)
{
    const struct post *p = &d->made.post;
    const struct budget_use use = {
        .key_id = p->key_id, .account_id = p->account_id, .privacy_level = p->privacy_level, .is_approved = true};

    if (!str_ieq(d->digest, hex_encode(d->arena, digest->b, sizeof digest->b)))
        return ERR_APPROVAL_DIGEST;
    enum err e = post_approve_look(db, d);
    return e == OK ? budget_look_again(db, d->arena, &use) : e;
}

static enum err post_approve_move(struct db *db, const struct deciding *d, const struct post_move *move)
{
    enum err e = post_move(db, d->arena, d->conf, d->by->id, move);

    return e == ERR_CONFLICT ? ERR_NOT_AWAITING : e;
}

static enum err post_approve_finish(struct db *db, struct deciding *d)
{
    struct post_receipt *r = &d->made;

    enum err e = post_approve_read(db, d);
    if (e == OK)
        e = post_events(db, d->arena, d->by->id, &r->events, &r->events_n);
    return e == OK ? d->last->fn(r, d->last->arg) : e;
}

static enum err post_approve_tx(struct db *db, void *arg)
{
    struct deciding *d = arg;
    const struct post_move move = {.event = "approved", .request_id = d->by->request_id};

    enum err e = post_approve_lock(db, d);
    if (e != OK)
        return e;
    struct sha256 digest = post_digest(&d->made.post, d->made.images, d->made.images_n);
    e = post_approve_allow(db, d, &digest);
    if (e == OK)
        e = post_approve_move(db, d, &move);
    if (e == OK)
        e = db_change(db, &post_approve_sqls[POST_APPROVE_SET],
                      DB_ARGS(db_bytes(digest.b, sizeof digest.b), db_uuid(d->by->id)));
    if (e == OK)
        e = turn_add(db, d->by->user_id, &d->made.post.account_id, clock_now_us(), d->by->request_id);
    return e == OK ? post_approve_finish(db, d) : e;
}

static enum err post_refuse_tx(struct db *db, void *arg)
{
    struct deciding *d = arg;
    const struct post_move move = {
        .event = "refused", .failure_code = STR("refused_by_owner"), .request_id = d->by->request_id};

    enum err e = post_approve_lock(db, d);
    if (e == OK)
        e = post_approve_move(db, d, &move);
    return e == OK ? post_approve_finish(db, d) : e;
}

enum err post_approve(struct db *db, struct arena *arena, const struct conf *conf, const struct post_decider *by,
                      struct str digest, const struct last_step *last)
{
    struct deciding d = {.arena = arena, .conf = conf, .by = by, .digest = digest, .last = last};

    return db_tx(db, post_approve_tx, &d);
}

enum err post_refuse(struct db *db, struct arena *arena, const struct conf *conf, const struct post_decider *by,
                     const struct last_step *last)
{
    struct deciding d = {.arena = arena, .conf = conf, .by = by, .last = last};

    return db_tx(db, post_refuse_tx, &d);
}

struct expiring {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *id;
};

static enum err post_expire_tx(struct db *db, void *arg)
{
    const struct expiring *x = arg;
    const struct post_move move = {.event = "approval_expired", .failure_code = STR("approval_expired")};

    return post_move(db, x->arena, x->conf, x->id, &move);
}

enum err post_expire_approvals(struct db *db, struct arena *arena, const struct conf *conf, int64_t now_us,
                               bool *ret_more)
{
    struct uuid *ids;
    size_t n;

    enum err e = db_rows(db, &post_approve_sqls[POST_APPROVE_OVER],
                         DB_ARGS(db_i64(now_us - POST_AWAITING_US), db_i64(EXPIRE_BATCH)), arena, sizeof *ids,
                         EXPIRE_BATCH, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        struct expiring x = {.arena = arena, .conf = conf, .id = &ids[i]};
        e = db_tx(db, post_expire_tx, &x);
        if (e == ERR_CONFLICT) /* its owner was quicker */
            e = OK;
    }
    *ret_more = e == OK && n == EXPIRE_BATCH;
    return e;
}

static const struct sql post_approve_sqls[] = {
    [POST_APPROVE_SET] = {.text = "UPDATE posts SET approved_digest = ? WHERE id = ?", .in = "bu"},
    /* A post that waits has not been changed since it was made. */
    [POST_APPROVE_OVER] = {.text = "SELECT id FROM posts WHERE state = 'awaiting_approval' AND updated_at_us < ?"
                                   " ORDER BY updated_at_us LIMIT ?",
                           .in = "ii",
                           .cols = db_uuid_cols},
};
