#include "base/clock.h"
#include "model/billing/counter.h"
#include "model/mail/notice.h"
#include "model/post/post_state.h"

enum {
    POST_MOVE_LOCK,
    POST_MOVE_LOCK_ONLY,
    POST_MOVE_LOCK_IN,
    POST_MOVE_LOCK_OF,
    POST_MOVE_UPDATE,
    POST_MOVE_UPDATE_ALL,
    POST_MOVE_ADD_EVENT,
    POST_MOVE_SHOW_NEXT,
    POST_MOVE_WHO_IS_TOLD
};
static const struct sql post_move_sqls[];

/* What a move must know about the post as it is. */
struct now {
    int state;
    struct str failure_code, publish_id;
    int64_t ended_at_us;
};

static struct db_arg post_move_state_arg(enum post_state s)
{
    return db_cstr(post_state_names[s]);
}

/* A post, and where the event takes it. */
struct moving {
    const struct uuid *id;
    const struct post_move *move;
    enum post_state from, to;
    bool ends; /* for the first time */
};

static enum err post_move_add_events(struct db *db, const struct moving *v, size_t n, int64_t now_us)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        const struct post_move *m = v[i].move;
        struct uuid id = uuid_new();
        db_many_add(&many,
                    DB_ARGS(db_uuid(&id), db_uuid(v[i].id), db_i64(MAX(now_us, m->not_before_us)), db_cstr(m->event),
                            post_move_state_arg(v[i].to),
                            db_str(m->event_code.p == NULL ? m->failure_code : m->event_code), db_str(m->platform_code),
                            db_str(m->platform_log_id), db_uuid_or_null(&m->attempt_id), db_str(m->request_id)));
    }
    return db_exec_many(db, &post_move_sqls[POST_MOVE_ADD_EVENT], &many);
}

enum err post_lock(struct db *db, const struct uuid *post_id)
{
    int64_t one;

    return db_number(db, &post_move_sqls[POST_MOVE_LOCK_ONLY], DB_ARGS(db_uuid(post_id)), &one);
}

enum err post_lock_in(struct db *db, const struct uuid *post_id, enum post_state state)
{
    int64_t one;
    enum err e =
        db_number(db, &post_move_sqls[POST_MOVE_LOCK_IN], DB_ARGS(db_uuid(post_id), post_move_state_arg(state)), &one);

    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

enum err post_note(struct db *db, const struct uuid *post_id, const struct post_move *note, enum post_state state,
                   int64_t at_us)
{
    const struct moving v = {.id = post_id, .move = note, .to = state};

    return post_move_add_events(db, &v, 1, at_us);
}

/* failure_code and TikTok's words are those of this move; the events keep what came before it. */
static enum err post_move_update(struct db *db, const struct moving *v, size_t n, int64_t now_us)
{
    struct db_many many = {.n = 0};

    for (size_t i = 0; i < n; i++) {
        const struct post_move *m = v[i].move;
        bool accepted = m->publish_id.n > 0; /* TikTok is asked about it from now on, whatever it was called before */
        db_many_add(&many, DB_ARGS(post_move_state_arg(v[i].to), db_str(m->failure_code), db_str(m->platform_code),
                                   db_str(m->platform_log_id), db_str(m->publish_id), db_str(m->tiktok_post_ids),
                                   db_i64_or_null(m->next_attempt_at_us), db_i64_or_null(accepted ? now_us : 0),
                                   db_i64_or_null(v[i].ends ? now_us : 0), db_i64(now_us), db_uuid(v[i].id),
                                   post_move_state_arg(v[i].from)));
    }
    db_many_sort(&many, 10);
    return db_change_alike(db, &post_move_sqls[POST_MOVE_UPDATE], &post_move_sqls[POST_MOVE_UPDATE_ALL], &many, 10);
}

/* Whose posts fail now, is told by mail; of a test post nobody is. */
static enum err post_move_tell(struct db *db, struct arena *arena, const struct moving *v, size_t n)
{
    struct notice_new notices[DB_MANY_MAX];
    size_t notices_n = 0;
    enum err e = OK;

    for (size_t i = 0; i < n && e == OK; i++) {
        struct notice_new *to = &notices[notices_n];
        if (v[i].to != POST_FAILED || v[i].from == POST_FAILED)
            continue;
        *to = (struct notice_new){
            .kind = NOTICE_POST_FAILED, .subject_id = *v[i].id, .request_id = v[i].move->request_id};
        e = db_row(db, &post_move_sqls[POST_MOVE_WHO_IS_TOLD], DB_ARGS(db_uuid(v[i].id)), arena, &to->user_id);
        notices_n += e == OK;
        e = e == ERR_NOT_FOUND ? OK : e;
    }
    return e == OK && notices_n > 0 ? notice_add_many(db, notices, notices_n) : e;
}

/* What was never sent does not count against its user's plan. */
static enum err post_move_give_back(struct db *db, const struct moving *v, size_t n)
{
    enum err e = OK;

    for (size_t i = 0; i < n && e == OK; i++)
        if (v[i].ends && post_state_was_unsent(str_from(v[i].move->event), v[i].from))
            e = plan_posts_give_back(db, v[i].id);
    return e;
}

static enum err post_move_write(struct db *db, struct arena *arena, const struct conf *conf, const struct moving *v,
                                size_t n)
{
    int64_t now_us = clock_now_us(); /* one instant for the posts, their events and their images */
    struct uuid ended[DB_MANY_MAX];
    size_t ended_n = 0;

    for (size_t i = 0; i < n; i++)
        if (v[i].ends)
            ended[ended_n++] = *v[i].id;
    enum err e = post_move_update(db, v, n, now_us);
    if (e == OK)
        e = post_move_add_events(db, v, n, now_us);
    if (e == OK)
        e = post_move_give_back(db, v, n);
    if (e == OK && ended_n > 0)
        e = upload_release(db, ended, ended_n, upload_due_at(conf, now_us));
    return e == OK ? post_move_tell(db, arena, v, n) : e;
}

enum err post_move(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                   const struct post_move *move)
{
    struct moving v = {.id = post_id, .move = move};
    struct now now = {0};

    enum err e = db_row(db, &post_move_sqls[POST_MOVE_LOCK], DB_ARGS(db_uuid(post_id)), arena, &now);
    if (e != OK)
        return e;
    v.from = (enum post_state)now.state;
    if (move->of_publish_id.p != NULL && !str_eq(move->of_publish_id, now.publish_id))
        return ERR_CONFLICT;
    e = post_state_next(str_from(move->event), v.from, now.failure_code, &v.to);
    v.ends = e == OK && post_state_has_ended(v.to) && now.ended_at_us == 0;
    return e == OK ? post_move_write(db, arena, conf, &v, 1) : e;
}

/* A publish_id is one post's alone: so many rows are these. */
static enum err post_move_check_ids(struct db *db, struct arena *arena, const struct post_moving *posts, size_t n)
{
    struct db_arg args[2 * DB_MANY_MAX];
    struct uuid ids[DB_MANY_MAX], *found;
    size_t of_n = 0, found_n;

    for (size_t i = 0; i < n; i++) {
        struct str of = posts[i].move.of_publish_id;
        args[DB_MANY_MAX + i] = db_str(of);
        if (of.p != NULL)
            ids[of_n++] = posts[i].id;
    }
    if (of_n == 0)
        return OK;
    db_many_ids(args, ids, of_n);
    for (size_t i = n; i < DB_MANY_MAX; i++)
        args[DB_MANY_MAX + i] = db_str((struct str){0});
    enum err e = db_rows(db, &post_move_sqls[POST_MOVE_LOCK_OF], args, ARRAY_LEN(args), arena, sizeof *found,
                         DB_MANY_MAX, (void **)&found, &found_n);
    return e == OK && found_n < of_n ? ERR_CONFLICT : e;
}

enum err post_move_many(struct db *db, struct arena *arena, const struct conf *conf, const struct post_moving *posts,
                        size_t n)
{
    struct moving v[DB_MANY_MAX];
    ASSERT(n <= DB_MANY_MAX);
    enum err e = post_move_check_ids(db, arena, posts, n);
    for (size_t i = 0; i < n && e == OK; i++) {
        const struct post_moving *p = &posts[i];
        ASSERT(!post_state_has_ended(p->from));
        v[i] = (struct moving){.id = &p->id, .move = &p->move, .from = p->from};
        e = post_state_next(str_from(p->move.event), p->from, (struct str){0}, &v[i].to);
        v[i].ends = e == OK && post_state_has_ended(v[i].to);
    }
    return e == OK ? post_move_write(db, arena, conf, v, n) : e;
}

enum err post_show_next_attempt(struct db *db, const struct uuid *post_id, int64_t at_us)
{
    return db_exec(db, &post_move_sqls[POST_MOVE_SHOW_NEXT],
                   DB_ARGS(db_i64(at_us), db_i64(clock_now_us()), db_uuid(post_id)), NULL);
}

static const struct db_col post_move_now_cols[] = {
    DB_COL_ENUM(struct now, state, post_state_names), DB_COL(struct now, failure_code, STR),
    DB_COL(struct now, publish_id, STR), DB_COL(struct now, ended_at_us, I64), DB_END};

#define POST_MOVE_SET \
    "UPDATE posts FORCE INDEX (PRIMARY) SET state = ?, failure_code = ?, platform_code = ?, platform_log_id = ?, " \
    "publish_id = COALESCE(?, publish_id), tiktok_post_ids = COALESCE(?, tiktok_post_ids), " \
    "next_attempt_at_us = ?, accepted_at_us = COALESCE(?, accepted_at_us), " \
    "ended_at_us = COALESCE(ended_at_us, ?), updated_at_us = ?"

static const struct sql post_move_sqls[] = {
    [POST_MOVE_LOCK] = {.text =
                            "SELECT state, failure_code, publish_id, ended_at_us FROM posts WHERE id = ? FOR UPDATE",
                        .in = "u",
                        .cols = post_move_now_cols},
    [POST_MOVE_LOCK_ONLY] = {.text = "SELECT 1 FROM posts WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
    [POST_MOVE_LOCK_IN] = {.text = "SELECT 1 FROM posts WHERE id = ? AND state = ? FOR UPDATE",
                           .in = "us",
                           .cols = db_number_cols},
    [POST_MOVE_LOCK_OF] = {.text = "SELECT id FROM posts FORCE INDEX (PRIMARY) WHERE id IN " DB_MANY_IDS
                                   " AND publish_id IN " DB_MANY_IDS " FOR UPDATE",
                           .in = DB_MANY_IDS_IN "ssssssssssssssss",
                           .cols = db_uuid_cols},
    [POST_MOVE_UPDATE] = {.text = POST_MOVE_SET " WHERE id = ? AND state = ?", .in = "ssssssiiiius"},
    [POST_MOVE_UPDATE_ALL] = {.text = POST_MOVE_SET " WHERE id IN " DB_MANY_IDS " AND state = ?",
                              .in = "ssssssiiii" DB_MANY_IDS_IN "s"},
    [POST_MOVE_ADD_EVENT] = {.text = "INSERT INTO post_events (id, post_id, at_us, event, state, code, platform_code, "
                                     "platform_log_id, attempt_id, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             .in = "uuisssssus"},
    [POST_MOVE_SHOW_NEXT] = {.text = "UPDATE posts SET next_attempt_at_us = ?, updated_at_us = ? WHERE id = ?"
                                     " AND state IN ('queued', 'deferred')",
                             .in = "iiu"},
    [POST_MOVE_WHO_IS_TOLD] = {.text = "SELECT user_id FROM posts WHERE id = ? AND mode = 'live'",
                               .in = "u",
                               .cols = db_uuid_cols},
};
