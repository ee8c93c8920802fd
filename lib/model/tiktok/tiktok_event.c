#include "model/tiktok/tiktok_event.h"

#include "base/clock.h"
#include "model/job/job.h"
#include "model/post/post_again.h"

enum {
    TIKTOK_EVENT_SQL_KNOWN,
    TIKTOK_EVENT_SQL_IS_SOMEBODYS,
    TIKTOK_EVENT_SQL_POST,
    TIKTOK_EVENT_SQL_EARLIER,
    TIKTOK_EVENT_SQL_ADD,
    TIKTOK_EVENT_SQL_READ,
    TIKTOK_EVENT_SQL_END,
    TIKTOK_EVENT_SQL_PURGE
};
static const struct sql tiktok_event_sqls[];

struct tiktok_event_adding {
    struct arena *arena;
    const struct conf *conf;
    const struct tiktok_event *event;
    struct db_arg digest;
    struct str request_id;
    struct tiktok_event_seen seen;
    struct uuid post_id; /* whose poll is due; none: of none */
};

/* One of before a retry. */
struct tiktok_event_attempt {
    struct uuid id, post_id;
};

/* Whose it is not, is not kept: that somebody who is nobody here has a TikTok account is none of our business. */
static enum err tiktok_event_find(struct db *db, struct tiktok_event_adding *a, bool *ret_is_somebodys)
{
    int64_t one;

    *ret_is_somebodys = false;
    if (a->event->open_id.p == NULL)
        return OK;
    enum err e =
        db_number(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_IS_SOMEBODYS], DB_ARGS(db_str(a->event->open_id)), &one);
    *ret_is_somebodys = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

/*
 * About an attempt of before a retry, which nobody polls any more: unless it says that TikTok does not have it, the receipt tells, and a
 * retry that has not left waits for what TikTok says when it is asked. ERR_NOT_FOUND: of no such attempt of this account.
 */
static enum err tiktok_event_hear_earlier(struct db *db, struct tiktok_event_adding *a)
{
    const struct tiktok_event *event = a->event;
    struct tiktok_event_attempt attempt;
    bool polls;

    enum err e = db_row(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_EARLIER],
                        DB_ARGS(db_str(event->publish_id), db_str(event->open_id)), a->arena, &attempt);
    if (e != OK || str_eqc(event->name, "post.publish.failed"))
        return e;
    const struct post_move accepted = {
        .event = "accepted", .publish_id = event->publish_id, .attempt_id = attempt.id, .request_id = a->request_id};
    e = post_hear_accepted(db, a->arena, a->conf, &attempt.post_id, &accepted, &polls);
    if (e == OK && polls)
        a->post_id = attempt.post_id;
    return e;
}

/* ERR_NOT_FOUND: it has no publish_id yet, or is not of this account; then its poll comes by itself. */
static enum err tiktok_event_find_post(struct db *db, struct tiktok_event_adding *a)
{
    const struct tiktok_event *event = a->event;

    enum err e = db_row(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_POST],
                        DB_ARGS(db_str(event->publish_id), db_str(event->open_id)), a->arena, &a->post_id);
    if (e == ERR_NOT_FOUND)
        e = tiktok_event_hear_earlier(db, a);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err tiktok_event_put(struct db *db, struct tiktok_event_adding *a, const struct uuid *id, bool is_somebodys)
{
    const struct tiktok_event *event = a->event;
    int64_t now_us = clock_now_us();
    struct str none = {0};

    return db_exec(
        db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_ADD],
        DB_ARGS(a->digest, db_uuid(id), db_str(event->name), db_cstr(tiktok_event_state_names[a->seen.state]),
                db_str(is_somebodys ? event->open_id : none), db_str(is_somebodys ? event->publish_id : none),
                db_str(is_somebodys ? event->post_id : none), db_str(event->reason), db_i64(event->created_us),
                db_i64(now_us), db_i64_or_null(a->seen.state == TIKTOK_EVENT_WAITING ? 0 : now_us)),
        NULL);
}

static enum err tiktok_event_add_tx(struct db *db, void *arg)
{
    struct tiktok_event_adding *a = arg;
    const struct tiktok_event *event = a->event;
    struct uuid id = uuid_new();
    bool is_somebodys;

    a->seen = (struct tiktok_event_seen){0};
    a->post_id = UUID_NONE;
    enum err e = db_row(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_KNOWN], DB_ARGS(a->digest), a->arena, &a->seen);
    if (e != ERR_NOT_FOUND)
        return e;
    e = tiktok_event_find(db, a, &is_somebodys);
    if (e == OK && is_somebodys && event->use == TIKTOK_USE_POST && event->publish_id.p != NULL)
        e = tiktok_event_find_post(db, a);
    if (e != OK)
        return e;
    bool waits = is_somebodys && event->use == TIKTOK_USE_REMOVED;
    a->seen.is_new = true;
    a->seen.state = waits ? TIKTOK_EVENT_WAITING : is_somebodys ? TIKTOK_EVENT_DONE : TIKTOK_EVENT_IGNORED;
    e = tiktok_event_put(db, a, &id, is_somebodys);
    if (e == OK && waits)
        e = job_add(db, JOB_PUBLISH, TIKTOK_EVENT_JOB, &id, clock_now_us(), a->request_id);
    if (e == OK && !uuid_is_none(&a->post_id))
        e = job_add(db, JOB_PUBLISH, "poll", &a->post_id, clock_now_us(), a->request_id);
    return e;
}

enum err tiktok_event_add(struct db *db, struct arena *arena, const struct conf *conf, const struct tiktok_event *event,
                          const struct sha256 *digest, struct str request_id, struct tiktok_event_seen *ret_seen)
{
    struct tiktok_event_adding a = {.arena = arena,
                                    .conf = conf,
                                    .event = event,
                                    .digest = db_bytes(digest->b, sizeof digest->b),
                                    .request_id = request_id};

    enum err e = db_tx(db, tiktok_event_add_tx, &a);
    if (e == ERR_DB_DUPLICATE) /* it has come on two connections at once: now it is known */
        e = db_tx(db, tiktok_event_add_tx, &a);
    if (e == OK)
        *ret_seen = a.seen;
    return e;
}

enum err tiktok_event_read(struct db *db, struct arena *arena, const struct uuid *id,
                           struct tiktok_event_row *ret_event)
{
    return db_row(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_READ], DB_ARGS(db_uuid(id)), arena, ret_event);
}

enum err tiktok_event_done(struct db *db, const struct uuid *id)
{
    return db_exec(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_END], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)), NULL);
}

enum err tiktok_events_purge(struct db *db, int64_t now_us, uint64_t *ret_n)
{
    return db_exec(db, &tiktok_event_sqls[TIKTOK_EVENT_SQL_PURGE],
                   DB_ARGS(db_i64(now_us - TIKTOK_EVENT_KEEP_US), db_i64(TIKTOK_EVENTS_PURGED)), ret_n);
}

const char *const tiktok_event_state_names[] = {"waiting", "done", "ignored", NULL};

static const struct db_col tiktok_event_seen_cols[] = {
    DB_COL_ENUM(struct tiktok_event_seen, state, tiktok_event_state_names), DB_END};

static const struct db_col tiktok_event_attempt_cols[] = {DB_COL(struct tiktok_event_attempt, id, UUID),
                                                          DB_COL(struct tiktok_event_attempt, post_id, UUID), DB_END};

static const struct db_col tiktok_event_cols[] = {DB_COL(struct tiktok_event_row, id, UUID),
                                                  DB_COL(struct tiktok_event_row, open_id, STR),
                                                  DB_COL(struct tiktok_event_row, reason, STR),
                                                  DB_COL_ENUM(struct tiktok_event_row, state, tiktok_event_state_names),
                                                  DB_COL(struct tiktok_event_row, created_at_us, I64),
                                                  DB_COL(struct tiktok_event_row, received_at_us, I64),
                                                  DB_END};

static const struct sql tiktok_event_sqls[] = {
    [TIKTOK_EVENT_SQL_KNOWN] = {.text = "SELECT state FROM tiktok_events WHERE digest = ?",
                                .in = "b",
                                .cols = tiktok_event_seen_cols},
    [TIKTOK_EVENT_SQL_IS_SOMEBODYS] = {.text = "SELECT 1 FROM accounts WHERE open_id = ? AND mode = 'live' LIMIT 1",
                                       .in = "s",
                                       .cols = db_number_cols},
    [TIKTOK_EVENT_SQL_POST] = {.text = "SELECT p.id FROM posts p JOIN accounts a ON a.id = p.account_id"
                                       " WHERE p.publish_id = ? AND a.open_id = ? AND a.mode = 'live'",
                               .in = "ss",
                               .cols = db_uuid_cols},
    /* One that came after the newest retry is the post's own, and its publish_id is as well. */
    [TIKTOK_EVENT_SQL_EARLIER] = {.text =
                                      "SELECT t.id, t.post_id FROM post_attempts t JOIN posts p ON p.id = t.post_id"
                                      " JOIN accounts a ON a.id = p.account_id WHERE t.publish_id = ?"
                                      " AND t.number <= p.retried_after AND a.open_id = ? AND a.mode = 'live' LIMIT 1",
                                  .in = "ss",
                                  .cols = tiktok_event_attempt_cols},
    [TIKTOK_EVENT_SQL_ADD] =
        {.text = "INSERT INTO tiktok_events (digest, id, kind, state, open_id, publish_id, post_id, reason,"
                 " created_at_us, received_at_us, done_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
         .in = "bussssssiii"},
    [TIKTOK_EVENT_SQL_READ] = {.text =
                                   "SELECT id, open_id, reason, state, created_at_us, received_at_us FROM tiktok_events"
                                   " WHERE id = ?",
                               .in = "u",
                               .cols = tiktok_event_cols},
    [TIKTOK_EVENT_SQL_END] =
        {.text = "UPDATE tiktok_events SET state = 'done', done_at_us = ? WHERE id = ? AND state = 'waiting'",
         .in = "iu"},
    [TIKTOK_EVENT_SQL_PURGE] =
        {.text = "DELETE FROM tiktok_events WHERE received_at_us < ? ORDER BY received_at_us LIMIT ?", .in = "ii"},
};
