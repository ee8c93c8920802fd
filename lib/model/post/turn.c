#include "model/post/turn.h"

#include "base/clock.h"
#include "model/job/job.h"

enum { TURN_HEADS, TURN_TIMES, TURN_REQUEST, TURN_SHOW, TURN_OLD_JOB };
static const struct sql turn_sqls[];

enum { HEAD_PUBLISHING, HEAD_DEFERRED, HEAD_QUEUED, HEAD__MAX };

/* No post is put off for longer: a time that is further ahead was written before the clock was set back. */
static const int64_t turn_far_us[] = {
    [HEAD_PUBLISHING] = 0, [HEAD_DEFERRED] = TURN_DEFERRED_FAR_US, [HEAD_QUEUED] = 2400 * US_PER_SEC};

#define TURN_MINUTE_US (60 * US_PER_SEC)

/* No post waits: later than any. */
#define TURN_NEVER "4000000000000000000"
#define TURN_NEVER_US INT64_C(4000000000000000000)

struct head {
    struct uuid id;
    int64_t at_us, which;
};

/* Of several that are due: one under way, then one that was put off, then the queue. Else who is due first. */
static bool turn_is_before(const struct head *a, const struct head *b, int64_t now_us)
{
    bool a_due = a->at_us <= now_us, b_due = b->at_us <= now_us;

    if (a_due != b_due)
        return a_due;
    return a_due ? a->which < b->which : a->at_us < b->at_us;
}

static enum err turn_read_request(struct db *db, struct arena *arena, const struct uuid *post_id, struct str *ret_id)
{
    enum err e = db_row(db, &turn_sqls[TURN_REQUEST], DB_ARGS(db_uuid(post_id)), arena, ret_id);

    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err turn_first(struct db *db, struct arena *arena, const struct uuid *account_id, int64_t now_us,
                           struct head *ret_head)
{
    struct head *heads;
    size_t n, first = 0;

    enum err e = db_rows(db, &turn_sqls[TURN_HEADS],
                         DB_ARGS(db_uuid(account_id), db_uuid(account_id), db_uuid(account_id), db_uuid(account_id),
                                 db_uuid(account_id)),
                         arena, sizeof *heads, HEAD__MAX, (void **)&heads, &n);
    if (e != OK)
        return e;
    if (n == 0)
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < n; i++)
        if (heads[i].at_us > now_us + turn_far_us[heads[i].which])
            heads[i].at_us = 0;
    for (size_t i = 1; i < n; i++)
        if (turn_is_before(&heads[i], &heads[first], now_us))
            first = i;
    *ret_head = heads[first];
    return OK;
}

enum err turn_next(struct db *db, struct arena *arena, const struct uuid *account_id, int64_t now_us,
                   struct turn *ret_turn)
{
    struct head head;

    enum err e = turn_first(db, arena, account_id, now_us, &head);
    if (e != OK)
        return e;
    struct turn turn = {.post_id = head.id,
                        .at_us = head.at_us <= now_us ? 0 : head.at_us,
                        .is_minute = head.which == HEAD_QUEUED && head.at_us <= now_us + TURN_MINUTE_US};
    e = turn_read_request(db, arena, &turn.post_id, &turn.request_id);
    if (e == OK)
        *ret_turn = turn;
    return e;
}

enum err turn_time(struct db *db, struct arena *arena, const struct uuid *account_id, int64_t now_us,
                   int64_t *ret_at_us)
{
    int64_t at_us;

    enum err e = turn_times(db, arena, account_id, 1, now_us, &at_us);
    if (e == OK && at_us == 0)
        return ERR_NOT_FOUND;
    if (e == OK)
        *ret_at_us = at_us;
    return e;
}

enum err turn_times(struct db *db, struct arena *arena, const struct uuid *account_ids, size_t n, int64_t now_us,
                    int64_t *ret_at_us)
{
    struct db_arg args[2 + DB_MANY_MAX] = {db_i64(now_us + turn_far_us[HEAD_DEFERRED]),
                                           db_i64(now_us + turn_far_us[HEAD_QUEUED])};
    struct head *heads;
    size_t heads_n;

    db_many_ids(&args[2], account_ids, n);
    enum err e = db_rows(db, &turn_sqls[TURN_TIMES], args, ARRAY_LEN(args), arena, sizeof *heads, DB_MANY_MAX,
                         (void **)&heads, &heads_n);
    for (size_t i = 0; i < n && e == OK; i++) {
        ret_at_us[i] = 0;
        for (size_t j = 0; j < heads_n; j++)
            if (uuid_eq(&heads[j].id, &account_ids[i]) && heads[j].at_us != TURN_NEVER_US)
                ret_at_us[i] = MAX(heads[j].at_us, now_us);
    }
    return e;
}

enum err turn_add(struct db *db, const struct uuid *user_id, const struct uuid *account_id, int64_t at_us,
                  struct str request_id)
{
    return job_add_of(db, JOB_PUBLISH, TURN_KIND, account_id, user_id, at_us, request_id);
}

enum err turn_show(struct db *db, const struct uuid *account_id, int64_t at_us)
{
    return db_exec(
        db, &turn_sqls[TURN_SHOW],
        DB_ARGS(db_uuid(account_id), db_uuid(account_id), db_i64(at_us), db_i64(clock_now_us()), db_i64(at_us)), NULL);
}

enum err turn_has_old_job(struct db *db, const struct uuid *post_id, bool *ret_has)
{
    int64_t one;
    enum err e = db_number(db, &turn_sqls[TURN_OLD_JOB], DB_ARGS(db_uuid(post_id)), &one);

    *ret_has = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static const struct db_col turn_head_cols[] = {DB_COL(struct head, id, UUID), DB_COL(struct head, at_us, I64),
                                               DB_COL(struct head, which, I64), DB_END};
static const struct db_col turn_time_cols[] = {DB_COL(struct head, id, UUID), DB_COL(struct head, at_us, I64), DB_END};
static const struct db_col turn_request_cols[] = {{.type = DB_STR}, DB_END};

/* Posts up to this one are on hold (post/hold.h), and passed over. */
#define TURN_HELD_TO "COALESCE((SELECT h.held_to_id FROM accounts h WHERE h.id = ?), '')"

static const struct sql turn_sqls[] = {
    /* Each part reads one row of its index, and TURN_SHOW six: left to itself, MariaDB sorts the queue by the other one, and
     * a plain UPDATE with ORDER BY even locks all of it. */
    [TURN_HEADS] = {.text =
                        "(SELECT id, 0 AS at_us, 0 AS which FROM posts FORCE INDEX (by_account)"
                        " WHERE account_id = ? AND state = 'publishing' ORDER BY id LIMIT 1)"
                        " UNION ALL (SELECT id, COALESCE(next_attempt_at_us, 0), 1 FROM posts FORCE INDEX (by_turn)"
                        " WHERE account_id = ? AND state = 'deferred' AND id > " TURN_HELD_TO
                        " ORDER BY next_attempt_at_us LIMIT 1)"
                        " UNION ALL (SELECT id, COALESCE(next_attempt_at_us, 0), 2 FROM posts FORCE INDEX (by_account)"
                        " WHERE account_id = ? AND state = 'queued' AND id > " TURN_HELD_TO " ORDER BY id LIMIT 1)",
                    .in = "uuuuu",
                    .cols = turn_head_cols},
    [TURN_TIMES] =
        {.text =
             "SELECT a.id, LEAST("
             "COALESCE((SELECT 0 FROM posts FORCE INDEX (by_account) WHERE account_id = a.id"
             " AND state = 'publishing' LIMIT 1), " TURN_NEVER "),"
             " COALESCE((SELECT IF(next_attempt_at_us > ?, 0, COALESCE(next_attempt_at_us, 0)) FROM posts FORCE INDEX "
             "(by_turn)"
             " WHERE account_id = a.id AND state = 'deferred' AND id > COALESCE(a.held_to_id, '') ORDER BY "
             "next_attempt_at_us LIMIT 1), " TURN_NEVER "),"
             " COALESCE((SELECT IF(next_attempt_at_us > ?, 0, COALESCE(next_attempt_at_us, 0)) FROM posts FORCE INDEX "
             "(by_account)"
             " WHERE account_id = a.id AND state = 'queued' AND id > COALESCE(a.held_to_id, '') ORDER BY id LIMIT "
             "1), " TURN_NEVER "))"
             " FROM accounts a WHERE a.id IN " DB_MANY_IDS,
         .in = "ii" DB_MANY_IDS_IN,
         .cols = turn_time_cols},
    [TURN_REQUEST] = {.text = "SELECT request_id FROM post_events WHERE post_id = ? ORDER BY at_us, id LIMIT 1",
                      .in = "u",
                      .cols = turn_request_cols},
    [TURN_SHOW] = {.text = "UPDATE posts p JOIN (SELECT id FROM posts FORCE INDEX (by_account) WHERE account_id = ?"
                           " AND state = 'queued' AND id > " TURN_HELD_TO " ORDER BY id LIMIT 6) q ON q.id = p.id"
                           " SET p.next_attempt_at_us = ?, p.updated_at_us = ? WHERE p.state = 'queued'"
                           " AND (p.next_attempt_at_us IS NULL OR p.next_attempt_at_us < ?)",
                   .in = "uuiii"},
    [TURN_OLD_JOB] = {.text =
                          "SELECT 1 FROM jobs_publish WHERE kind = 'publish' AND subject_id = ? AND state = 'ready'",
                      .in = "u",
                      .cols = db_number_cols},
};
