#include "model/privacy/request.h"

#include "model/job/job.h"
#include "model/privacy/erasure.h"
#include "model/user/activity.h"
#include "model/user/user.h"

#define ACCOUNTS_MAX 10000 /* of a user: as many as tiktok.accounts_max can be */

enum {
    REQUEST_INSERT,
    REQUEST_OPEN,
    REQUEST_END,
    REQUEST_LIST_OPEN,
    REQUEST_LIST_ALL,
    REQUEST_OVERDUE,
    REQUEST_ACCOUNTS,
    REQUEST_ASK_END,
    REQUEST_IS_END_ASKED
};
static const struct sql request_sqls[];

static enum err request_insert(struct db *db, const struct request_new *new, int64_t done_at_us, struct uuid *ret_id)
{
    int64_t received_us = new->received_at_us != 0 ? new->received_at_us : clock_now_us();

    *ret_id = uuid_new();
    return db_exec(db, &request_sqls[REQUEST_INSERT],
                   DB_ARGS(db_uuid(ret_id), db_uuid_or_null(&new->user_id), db_cstr(request_what_names[new->what]),
                           db_str(new->reason), db_i64(received_us), db_i64(received_us + REQUEST_DUE_US),
                           db_i64_or_null(done_at_us)),
                   NULL);
}

struct request_noting {
    const struct request_new *new;
    struct uuid id;
};

static enum err request_note_tx(struct db *db, void *arg)
{
    struct request_noting *n = arg;
    enum err e = uuid_is_none(&n->new->user_id) ? OK : user_lock_any(db, &n->new->user_id);

    return e == OK ? request_insert(db, n->new, 0, &n->id) : e;
}

enum err request_note(struct db *db, const struct request_new *new, struct uuid *ret_id)
{
    struct request_noting n = {.new = new};

    enum err e = db_tx(db, request_note_tx, &n);
    if (e == OK)
        *ret_id = n.id;
    return e;
}

struct request_doing {
    struct arena *arena;
    const struct request_new *new;
};

static enum err request_done_tx(struct db *db, void *arg)
{
    const struct request_doing *d = arg;
    const struct request_new *new = d->new;
    int64_t now_us = clock_now_us();
    struct uuid id;

    enum err e = user_lock_any(db, &new->user_id);
    if (e != OK)
        return e;
    e = db_row(db, &request_sqls[REQUEST_OPEN], DB_ARGS(db_uuid(&new->user_id), db_cstr(request_what_names[new->what])),
               d->arena, &id);
    if (e == OK)
        e = db_exec(db, &request_sqls[REQUEST_END], DB_ARGS(db_i64(now_us), db_uuid(&id)), NULL);
    else if (e == ERR_NOT_FOUND)
        e = request_insert(db, new, now_us, &id);
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = new->user_id,
                                                             .what = ACTIVITY_ADMIN_PRIVACY,
                                                             .by = ACTIVITY_BY_ADMIN,
                                                             .about = str_from(request_what_names[new->what])})
                   : e;
}

enum err request_done(struct db *db, struct arena *arena, const struct uuid *user_id, enum request_what what,
                      struct str reason)
{
    const struct request_new new = {.user_id = *user_id, .what = what, .reason = reason};
    struct request_doing d = {arena, &new};

    return db_tx(db, request_done_tx, &d);
}

struct request_leaving {
    struct arena *arena;
    const struct uuid *user_id, *account_id; /* account none: all */
    size_t n;
};

static enum err request_disconnect_tx(struct db *db, void *arg)
{
    struct request_leaving *l = arg;
    struct db_arg account = db_uuid_or_null(l->account_id);
    struct uuid *ids;

    enum err e = db_rows(db, &request_sqls[REQUEST_ACCOUNTS],
                         DB_ARGS(db_uuid(l->user_id), account, account, db_i64(ACCOUNTS_MAX)), l->arena, sizeof *ids,
                         ACCOUNTS_MAX, (void **)&ids, &l->n);
    if (e == OK && l->n > 0)
        e = db_exec(db, &request_sqls[REQUEST_ASK_END],
                    DB_ARGS(db_i64(clock_now_us()), db_uuid(l->user_id), account, account), NULL);
    if (e != OK || l->n == 0)
        return e;
    struct job_new *jobs = arena_array(l->arena, l->n, sizeof *jobs);
    for (size_t i = 0; i < l->n; i++)
        jobs[i] = (struct job_new){
            .kind = ACCOUNT_ERASE_JOB, .subject_id = ids[i], .user_id = *l->user_id, .run_at_us = clock_now_us()};
    return job_add_all(db, JOB_PUBLISH, l->arena, jobs, l->n);
}

enum err request_disconnect(struct db *db, struct arena *arena, const struct uuid *user_id,
                            const struct uuid *account_id, size_t *ret_n)
{
    struct request_leaving l = {.arena = arena, .user_id = user_id, .account_id = account_id};

    enum err e = db_tx(db, request_disconnect_tx, &l);
    *ret_n = l.n;
    return e == OK && l.n == 0 && !uuid_is_none(account_id) ? ERR_NOT_FOUND : e;
}

enum err request_is_end_asked(struct db *db, const struct uuid *account_id, bool *ret_is)
{
    int64_t one;

    enum err e = db_number(db, &request_sqls[REQUEST_IS_END_ASKED], DB_ARGS(db_uuid(account_id)), &one);
    *ret_is = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err request_close(struct db *db, const struct uuid *id)
{
    uint64_t n;

    enum err e = db_exec(db, &request_sqls[REQUEST_END], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)), &n);
    return e == OK && n == 0 ? ERR_NOT_FOUND : e;
}

enum err request_list(struct db *db, struct arena *arena, bool all, size_t max, struct request_row **ret_requests,
                      size_t *ret_n)
{
    return db_rows(db, &request_sqls[all ? REQUEST_LIST_ALL : REQUEST_LIST_OPEN], DB_ARGS(db_i64((int64_t)max)), arena,
                   sizeof **ret_requests, max, (void **)ret_requests, ret_n);
}

enum err request_tell_overdue(struct db *db, int64_t now_us, uint64_t *ret_n)
{
    return db_exec(
        db, &request_sqls[REQUEST_OVERDUE],
        DB_ARGS(db_i64(now_us), db_i64(now_us), db_i64(now_us - US_PER_DAY), db_i64(now_us + CLOCKS_DIFFER_US)), ret_n);
}

const char *const request_what_names[] = {"access", "correct", "export", "erase", "disconnect", NULL};

#define COLS "SELECT id, user_id, what, reason, received_at_us, due_at_us, done_at_us FROM privacy_requests "

static const struct db_col request_cols[] = {DB_COL(struct request_row, id, UUID),
                                             DB_COL(struct request_row, user_id, UUID),
                                             DB_COL_ENUM(struct request_row, what, request_what_names),
                                             DB_COL(struct request_row, reason, STR),
                                             DB_COL(struct request_row, received_at_us, I64),
                                             DB_COL(struct request_row, due_at_us, I64),
                                             DB_COL(struct request_row, done_at_us, I64),
                                             DB_END};

static const struct sql request_sqls[] = {
    [REQUEST_INSERT] = {.text = "INSERT INTO privacy_requests (id, user_id, what, reason, received_at_us, due_at_us,"
                                " done_at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
                        .in = "uussiii"},
    [REQUEST_OPEN] = {.text = "SELECT id FROM privacy_requests WHERE user_id = ? AND what = ? AND done_at_us IS NULL"
                              " ORDER BY id LIMIT 1 FOR UPDATE",
                      .in = "us",
                      .cols = db_uuid_cols},
    [REQUEST_END] = {.text = "UPDATE privacy_requests SET done_at_us = ? WHERE id = ? AND done_at_us IS NULL",
                     .in = "iu"},
    [REQUEST_LIST_OPEN] = {.text = COLS "WHERE done_at_us IS NULL ORDER BY due_at_us LIMIT ?",
                           .in = "i",
                           .cols = request_cols},
    [REQUEST_LIST_ALL] = {.text = COLS "ORDER BY id DESC LIMIT ?", .in = "i", .cols = request_cols},
    [REQUEST_ACCOUNTS] = {.text = "SELECT id FROM accounts FORCE INDEX (by_user_state) WHERE user_id = ? AND state IN"
                                  " ('active', 'needs_reconnect') AND (ISNULL(?) OR id = ?) ORDER BY id LIMIT ?",
                          .in = "uuui",
                          .cols = db_uuid_cols},
    [REQUEST_ASK_END] = {.text = "UPDATE accounts FORCE INDEX (by_user_state) SET end_asked_at_us = ? WHERE user_id = ?"
                                 " AND state IN ('active', 'needs_reconnect') AND (ISNULL(?) OR id = ?)",
                         .in = "iuuu"},
    [REQUEST_IS_END_ASKED] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND end_asked_at_us IS NOT NULL",
                              .in = "u",
                              .cols = db_number_cols},
    /* One that was told on a day to come, by a clock that was set back since, was not told. */
    [REQUEST_OVERDUE] = {.text = "UPDATE privacy_requests SET told_at_us = ? WHERE done_at_us IS NULL AND due_at_us < ?"
                                 " AND (COALESCE(told_at_us, 0) < ? OR told_at_us > ?)",
                         .in = "iiii"},
};
