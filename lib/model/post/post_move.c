#include "base/clock.h"
#include "model/post/post_state.h"

enum {
    POST_MOVE_LOCK,
    POST_MOVE_LOCK_ONLY,
    POST_MOVE_LOCK_IN,
    POST_MOVE_UPDATE,
    POST_MOVE_ADD_EVENT,
    POST_MOVE_SHOW_NEXT
};
static const struct sql post_move_sqls[];

/* What a move must know about the post as it is. */
struct now {
    int state;
    struct str failure_code;
    int64_t ended_at_us;
};

static struct db_arg post_move_state_arg(enum post_state s)
{
    return db_cstr(post_state_names[s]);
}

static enum err post_move_add_event(struct db *db, const struct uuid *post_id, const struct post_move *m,
                                    enum post_state state, int64_t now_us)
{
    struct uuid id = uuid_new();

    return db_exec(db, &post_move_sqls[POST_MOVE_ADD_EVENT],
                   DB_ARGS(db_uuid(&id), db_uuid(post_id), db_i64(now_us), db_cstr(m->event),
                           post_move_state_arg(state), db_str(m->failure_code), db_str(m->platform_code),
                           db_str(m->platform_log_id), db_uuid_or_null(&m->attempt_id), db_str(m->request_id)),
                   NULL);
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
    return post_move_add_event(db, post_id, note, state, at_us);
}

/* failure_code and TikTok's words are those of this move; the events keep what came before it. */
static enum err post_move_update(struct db *db, const struct uuid *post_id, const struct post_move *m,
                                 enum post_state from, enum post_state to, bool ends, int64_t now_us)
{
    bool accepted = from == POST_PUBLISHING && to == POST_PROCESSING;

    return db_change(db, &post_move_sqls[POST_MOVE_UPDATE],
                     DB_ARGS(post_move_state_arg(to), db_str(m->failure_code), db_str(m->platform_code),
                             db_str(m->platform_log_id), db_str(m->publish_id), db_str(m->tiktok_post_ids),
                             db_i64_or_null(m->next_attempt_at_us), db_i64_or_null(accepted ? now_us : 0),
                             db_i64_or_null(ends ? now_us : 0), db_i64(now_us), db_uuid(post_id),
                             post_move_state_arg(from)));
}

enum err post_move(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *post_id,
                   const struct post_move *move)
{
    int64_t now_us = clock_now_us(); /* one instant for the post, its event and its images */
    struct now now = {0};
    enum post_state to;

    enum err e = db_row(db, &post_move_sqls[POST_MOVE_LOCK], DB_ARGS(db_uuid(post_id)), arena, &now);
    if (e == OK)
        e = post_state_next(str_from(move->event), (enum post_state)now.state, now.failure_code, &to);
    if (e != OK)
        return e;
    bool ends = post_state_has_ended(to) && now.ended_at_us == 0;
    e = post_move_update(db, post_id, move, (enum post_state)now.state, to, ends, now_us);
    if (e == OK)
        e = post_move_add_event(db, post_id, move, to, now_us);
    if (e == OK && ends)
        e = upload_release(db, post_id, upload_due_at(conf, now_us));
    return e;
}

enum err post_show_next_attempt(struct db *db, const struct uuid *post_id, int64_t at_us)
{
    return db_exec(db, &post_move_sqls[POST_MOVE_SHOW_NEXT],
                   DB_ARGS(db_i64(at_us), db_i64(clock_now_us()), db_uuid(post_id)), NULL);
}

static const struct db_col post_move_now_cols[] = {DB_COL_ENUM(struct now, state, post_state_names),
                                                   DB_COL(struct now, failure_code, STR),
                                                   DB_COL(struct now, ended_at_us, I64), DB_END};

static const struct sql post_move_sqls[] = {
    [POST_MOVE_LOCK] = {.text = "SELECT state, failure_code, ended_at_us FROM posts WHERE id = ? FOR UPDATE",
                        .in = "u",
                        .cols = post_move_now_cols},
    [POST_MOVE_LOCK_ONLY] = {.text = "SELECT 1 FROM posts WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
    [POST_MOVE_LOCK_IN] = {.text = "SELECT 1 FROM posts WHERE id = ? AND state = ? FOR UPDATE",
                           .in = "us",
                           .cols = db_number_cols},
    [POST_MOVE_UPDATE] = {.text =
                              "UPDATE posts SET state = ?, failure_code = ?, platform_code = ?, platform_log_id = ?, "
                              "publish_id = COALESCE(?, publish_id), tiktok_post_ids = COALESCE(?, tiktok_post_ids), "
                              "next_attempt_at_us = ?, accepted_at_us = COALESCE(?, accepted_at_us), "
                              "ended_at_us = COALESCE(ended_at_us, ?), updated_at_us = ? WHERE id = ? AND state = ?",
                          .in = "ssssssiiiius"},
    [POST_MOVE_ADD_EVENT] = {.text = "INSERT INTO post_events (id, post_id, at_us, event, state, code, platform_code, "
                                     "platform_log_id, attempt_id, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             .in = "uuisssssus"},
    [POST_MOVE_SHOW_NEXT] = {.text = "UPDATE posts SET next_attempt_at_us = ?, updated_at_us = ? WHERE id = ?"
                                     " AND state IN ('queued', 'deferred')",
                             .in = "iiu"},
};
