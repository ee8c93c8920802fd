#include "model/privacy/policy_notice.h"

#include "base/clock.h"
#include "model/mail/outbox.h"
#include "model/user/registration.h"

#define BATCH 50
#define SETTLED_US (60 * US_PER_SEC) /* a row with an older id is committed, whoever's clock made it */
#define EVERY_US (3600 * US_PER_SEC)

enum {
    POLICY_NOTICE_INSERT,
    POLICY_NOTICE_READ,
    POLICY_NOTICE_USERS,
    POLICY_NOTICE_TOLD,
    POLICY_NOTICE_COUNT,
    POLICY_NOTICE_OF
};
static const struct sql policy_notice_sqls[];

struct policy_notice_row {
    struct str version;
    struct uuid told_below;
    int64_t effective_at_us;
};

struct policy_notice_run {
    struct arena *arena;
    const struct job *job;
    struct str url;
    int64_t now_us, again_at_us;
};

enum err policy_notice_add(struct db *db, const struct uuid *id, struct str version, int64_t at_us)
{
    return db_exec(db, &policy_notice_sqls[POLICY_NOTICE_INSERT],
                   DB_ARGS(db_uuid(id), db_str(version), db_uuid(&UUID_NONE), db_i64(at_us)), NULL);
}

static enum err policy_notice_tell(struct db *db, const struct policy_notice_run *run,
                                   const struct policy_notice_row *n, const struct uuid *users, size_t count)
{
    const struct mail_params params = {
        .about = n->version,
        .link = arena_printf(run->arena, "%.*s/privacy/%.*s", STR_FMT(run->url), STR_FMT(n->version)),
        .at_us = n->effective_at_us,
    };
    enum err e = OK;

    for (size_t i = 0; i < count && e == OK; i++)
        e = mail_add(db, &(struct mail_new){.template = MAIL_POLICY_CHANGED, .user_id = users[i], .params = &params});
    return e;
}

/* Until the version has been in force for as long as a registration waits for its confirmation: whoever registered before that day has
 * accepted what was in force then, and may have become a user since. */
static int64_t policy_notice_next(const struct policy_notice_run *run, const struct policy_notice_row *n, bool is_full)
{
    if (is_full)
        return run->now_us;
    int64_t settled_us = n->effective_at_us + REGISTRATION_LIFETIME_US + SETTLED_US;
    return run->now_us >= settled_us ? 0 : MIN(run->now_us + EVERY_US, settled_us);
}

static enum err policy_notice_step_tx(struct db *db, void *arg)
{
    struct policy_notice_run *run = arg;
    struct uuid until = uuid_floor(run->now_us - SETTLED_US), *users;
    struct policy_notice_row n;
    size_t count;

    enum err e =
        db_row(db, &policy_notice_sqls[POLICY_NOTICE_READ], DB_ARGS(db_uuid(&run->job->subject_id)), run->arena, &n);
    if (e == OK)
        e = db_rows(db, &policy_notice_sqls[POLICY_NOTICE_USERS],
                    DB_ARGS(db_uuid(&n.told_below), db_uuid(&until), db_i64(n.effective_at_us), db_i64(BATCH)),
                    run->arena, sizeof *users, BATCH, (void **)&users, &count);
    if (e == OK)
        e = policy_notice_tell(db, run, &n, users, count);
    if (e != OK)
        return e;
    bool is_full = count == BATCH;
    run->again_at_us = policy_notice_next(run, &n, is_full);
    /* No user's id stays here once all are told. A clock that was set back takes nothing back. */
    struct uuid told = is_full ? users[count - 1] : uuid_cmp(&until, &n.told_below) > 0 ? until : n.told_below;
    e = db_change(db, &policy_notice_sqls[POLICY_NOTICE_TOLD],
                  DB_ARGS(db_uuid(&told), db_i64((int64_t)count),
                          db_i64_or_null(run->again_at_us == 0 ? run->now_us : 0), db_uuid(&run->job->subject_id),
                          db_uuid(&n.told_below)));
    if (e != OK)
        return e;
    return run->again_at_us == 0 ? job_finish(db, JOB_MAIL, run->job)
                                 : job_restart(db, JOB_MAIL, run->job, run->again_at_us);
}

enum err policy_notice_step(struct db *db, struct arena *arena, const struct job *job, struct str url,
                            int64_t *ret_again_at_us)
{
    struct policy_notice_run run = {.arena = arena, .job = job, .url = url, .now_us = clock_now_us()};

    enum err e = db_tx(db, policy_notice_step_tx, &run);
    if (e == OK)
        *ret_again_at_us = run.again_at_us;
    return e;
}

enum err policy_notice_count(struct db *db, int64_t *ret_n)
{
    return db_number(db, &policy_notice_sqls[POLICY_NOTICE_COUNT], DB_NO_ARGS, ret_n);
}

enum err policy_notice_of(struct db *db, struct arena *arena, struct str version, struct policy_notice_state *ret)
{
    return db_row(db, &policy_notice_sqls[POLICY_NOTICE_OF], DB_ARGS(db_str(version)), arena, ret);
}

static const struct db_col policy_notice_cols[] = {
    DB_COL(struct policy_notice_row, version, STR),
    DB_COL(struct policy_notice_row, told_below, UUID),
    DB_COL(struct policy_notice_row, effective_at_us, I64),
    DB_END,
};

static const struct db_col policy_notice_state_cols[] = {
    DB_COL(struct policy_notice_state, told, I64),
    DB_COL(struct policy_notice_state, ended_at_us, I64),
    DB_END,
};

static const struct sql policy_notice_sqls[] = {
    [POLICY_NOTICE_INSERT] =
        {.text = "INSERT INTO policy_notices (id, version, told_below, created_at_us) VALUES (?, ?, ?, ?)",
         .in = "usui"},
    [POLICY_NOTICE_READ] = {.text = "SELECT n.version, n.told_below, v.effective_at_us FROM policy_notices n"
                                    " JOIN policy_versions v ON v.version = n.version WHERE n.id = ?",
                            .in = "u",
                            .cols = policy_notice_cols},
    /* In their order, which is that of the lock that the mail's row takes of its user. Whoever has accepted this version, or one after
     * it, knows it. */
    [POLICY_NOTICE_USERS] =
        {.text = "SELECT u.id FROM users u FORCE INDEX (PRIMARY) WHERE u.id > ? AND u.id <= ? AND NOT EXISTS"
                 " (SELECT 1 FROM policy_versions v WHERE v.version = u.policy_version AND v.effective_at_us >= ?)"
                 " ORDER BY u.id LIMIT ? LOCK IN SHARE MODE",
         .in = "uuii",
         .cols = db_uuid_cols},
    [POLICY_NOTICE_TOLD] = {.text = "UPDATE policy_notices SET told_below = ?, told = told + ?, ended_at_us = ?"
                                    " WHERE id = ? AND told_below = ?",
                            .in = "uiiuu"},
    [POLICY_NOTICE_COUNT] = {.text = "SELECT COUNT(*) FROM users", .in = "", .cols = db_number_cols},
    [POLICY_NOTICE_OF] = {.text = "SELECT told, ended_at_us FROM policy_notices WHERE version = ?",
                          .in = "s",
                          .cols = policy_notice_state_cols},
};
