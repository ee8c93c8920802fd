#include "model/billing/jobs.h"

#include "base/clock.h"
#include "model/billing/provider_event.h"
#include "model/billing/sync.h"
#include "model/job/job.h"
#include "model/user/user.h"

#define LAPSED_US US_PER_DAY /* Stripe renews within hours; and what is asked for today is not asked for again */

enum {
    JOBS_HAS_CUSTOMER,
    JOBS_EACH,
    JOBS_LAPSED,
    JOBS_USER_OF,
    JOBS_CONTACT,
    JOBS_BIND,
    JOBS_ASKED,
    JOBS_ASKED_OVER,
    JOBS_NO_DELETE
};
static const struct sql jobs_sqls[];

enum err billing_ask_sync(struct db *db, const struct uuid *user_id, struct str request_id)
{
    return job_add(db, JOB_BILLING, BILLING_JOB_CUSTOMER, user_id, clock_now_us(), request_id);
}

enum err billing_ask_reconcile(struct db *db, struct str request_id)
{
    return job_add(db, JOB_BILLING, BILLING_JOB_RECONCILE, &UUID_NONE, clock_now_us() + BILLING_MISSED_US, request_id);
}

enum err billing_forget(struct db *db, const struct uuid *user_id, struct str request_id)
{
    return job_add(db, JOB_BILLING, BILLING_JOB_DELETE, user_id, clock_now_us(), request_id);
}

enum err billing_customer_asked(struct db *db, const struct uuid *user_id, int64_t *ret_at_us)
{
    int64_t at_us = 0;
    enum err e = db_number(db, &jobs_sqls[JOBS_ASKED], DB_ARGS(db_uuid(user_id)), &at_us);

    if (e == OK || e == ERR_NOT_FOUND)
        *ret_at_us = at_us;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err billing_customer_looked(struct db *db, const struct uuid *user_id, int64_t asked_at_us)
{
    return db_exec(db, &jobs_sqls[JOBS_ASKED_OVER], DB_ARGS(db_uuid(user_id), db_i64(asked_at_us)), NULL);
}

struct jobs_disowning {
    struct arena *arena;
    const struct conf *conf;
    struct sync sync;
};

/* The job last, which finds no customer then, and ends what is left of an erasure. Where there is none, it would find the next customer. */
static enum err jobs_disown_tx(struct db *db, void *arg)
{
    const struct jobs_disowning *d = arg;
    const struct uuid *user_id = &d->sync.user_id;
    enum user_state state = USER_ERASING;

    enum err e = sync_forget(db, d->arena, d->conf, &d->sync);
    if (e == OK)
        e = user_lock_state(db, d->arena, user_id, &state);
    if (e == OK)
        e = provider_events_forget(db, user_id);
    if (e != OK)
        return e;
    return state == USER_ERASING ? billing_forget(db, user_id, (struct str){0})
                                 : db_exec(db, &jobs_sqls[JOBS_NO_DELETE], DB_ARGS(db_uuid(user_id)), NULL);
}

enum err billing_disown(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id)
{
    struct jobs_disowning d = {.arena = arena, .conf = conf};

    enum err e = sync_claim(db, arena, user_id, clock_now_us(), &d.sync);
    if (e == OK)
        e = db_tx(db, jobs_disown_tx, &d);
    return e == ERR_CONFLICT ? ERR_AGAIN : e;
}

enum err billing_ask_email(struct db *db, const struct uuid *user_id, struct str request_id)
{
    int64_t one;

    enum err e = db_number(db, &jobs_sqls[JOBS_HAS_CUSTOMER], DB_ARGS(db_uuid(user_id)), &one);
    if (e == ERR_NOT_FOUND)
        return OK;
    return e == OK ? job_add(db, JOB_BILLING, BILLING_JOB_EMAIL, user_id, clock_now_us(), request_id) : e;
}

struct jobs_all {
    struct db *db;
    uint64_t n;
    struct uuid ids[DB_MANY_MAX];
    size_t ids_n;
};

static enum err jobs_some_tx(struct db *db, void *arg)
{
    const struct jobs_all *all = arg;
    struct job_new jobs[DB_MANY_MAX];

    for (size_t i = 0; i < all->ids_n; i++)
        jobs[i] =
            (struct job_new){.kind = BILLING_JOB_CUSTOMER, .subject_id = all->ids[i], .run_at_us = clock_now_us()};
    return job_add_many(db, JOB_BILLING, jobs, all->ids_n);
}

static enum err jobs_some(struct jobs_all *all)
{
    enum err e = all->ids_n == 0 ? OK : db_tx(all->db, jobs_some_tx, all);

    if (e == OK)
        all->n += all->ids_n;
    all->ids_n = 0;
    return e;
}

static enum err jobs_one(const void *row, void *arg)
{
    struct jobs_all *all = arg;

    all->ids[all->ids_n++] = *(const struct uuid *)row;
    return all->ids_n == DB_MANY_MAX ? jobs_some(all) : OK;
}

enum err billing_ask_all(struct db *db, uint64_t *ret_n)
{
    struct jobs_all all = {.db = db};

    enum err e = db_each(db, &jobs_sqls[JOBS_EACH], DB_NO_ARGS, sizeof(struct uuid), jobs_one, &all);
    if (e == OK)
        e = jobs_some(&all);
    *ret_n = all.n;
    return e;
}

struct jobs_lapsed {
    struct arena *arena;
    size_t n;
};

static enum err jobs_lapsed_tx(struct db *db, void *arg)
{
    struct job_new jobs[BILLING_LAPSED_MAX];
    int64_t now_us = clock_now_us();
    struct db_arg before = db_i64(now_us - LAPSED_US);
    struct jobs_lapsed *l = arg;
    void *rows;

    enum err e =
        db_rows(db, &jobs_sqls[JOBS_LAPSED],
                DB_ARGS(before, before, db_i64(SYNC_UNKNOWN_CUSTOMER | SYNC_OTHER_MODE), db_i64(BILLING_LAPSED_MAX)),
                l->arena, sizeof(struct uuid), BILLING_LAPSED_MAX, &rows, &l->n);
    if (e != OK)
        return e;
    for (size_t i = 0; i < l->n; i++)
        jobs[i] = (struct job_new){
            .kind = BILLING_JOB_CUSTOMER, .subject_id = ((const struct uuid *)rows)[i], .run_at_us = now_us};
    return job_add_all(db, JOB_BILLING, l->arena, jobs, l->n);
}

enum err billing_ask_lapsed(struct db *db, struct arena *arena, uint64_t *ret_n)
{
    struct jobs_lapsed l = {.arena = arena};
    enum err e = db_tx(db, jobs_lapsed_tx, &l);

    if (e == OK)
        *ret_n = l.n;
    return e;
}

enum err billing_user_of(struct db *db, struct arena *arena, struct str customer, struct uuid *ret_user_id)
{
    return db_row(db, &jobs_sqls[JOBS_USER_OF], DB_ARGS(db_str(customer)), arena, ret_user_id);
}

enum err billing_contact(struct db *db, struct arena *arena, const struct uuid *user_id,
                         struct billing_contact *ret_contact)
{
    return db_row(db, &jobs_sqls[JOBS_CONTACT], DB_ARGS(db_uuid(user_id)), arena, ret_contact);
}

enum err billing_bind(struct db *db, struct arena *arena, const struct uuid *user_id, struct str customer,
                      struct str request_id)
{
    struct db_arg now = db_i64(clock_now_us());

    enum err e = user_lock(db, arena, user_id);
    if (e == OK)
        e = db_exec(db, &jobs_sqls[JOBS_BIND], DB_ARGS(db_uuid(user_id), db_str(customer), now, now), NULL);
    return e == OK ? billing_ask_email(db, user_id, request_id) : e;
}

static const struct db_col jobs_contact_cols[] = {DB_COL(struct billing_contact, customer, STR),
                                                  DB_COL(struct billing_contact, email, STR), DB_END};

static const struct sql jobs_sqls[] = {
    [JOBS_HAS_CUSTOMER] = {.text = "SELECT 1 FROM subscriptions WHERE user_id = ?", .in = "u", .cols = db_number_cols},
    [JOBS_ASKED] = {.text = "SELECT COALESCE(customer_asked_at_us, 0) FROM users WHERE id = ?",
                    .in = "u",
                    .cols = db_number_cols},
    [JOBS_ASKED_OVER] = {.text =
                             "UPDATE users SET customer_asked_at_us = NULL WHERE id = ? AND customer_asked_at_us = ?",
                         .in = "ui"},
    [JOBS_NO_DELETE] = {.text = "DELETE FROM jobs_billing WHERE kind = '" BILLING_JOB_DELETE "' AND subject_id = ?",
                        .in = "u"},
    [JOBS_EACH] = {.text = "SELECT user_id FROM subscriptions WHERE user_id > ? ORDER BY user_id LIMIT ?",
                   .in = "ui",
                   .cols = db_uuid_cols},
    [JOBS_LAPSED] = {.text = "SELECT user_id FROM subscriptions FORCE INDEX (by_period)"
                             " WHERE status IN ('trialing', 'active', 'past_due') AND period_end_us < ?"
                             " AND updated_at_us < ? AND (attention & ?) = 0 LIMIT ?",
                     .in = "iiii",
                     .cols = db_uuid_cols},
    [JOBS_USER_OF] = {.text = "SELECT user_id FROM subscriptions WHERE customer_id = ?",
                      .in = "s",
                      .cols = db_uuid_cols},
    [JOBS_CONTACT] = {.text = "SELECT s.customer_id, u.email FROM subscriptions s JOIN users u ON u.id = s.user_id"
                              " WHERE s.user_id = ?",
                      .in = "u",
                      .cols = jobs_contact_cols},
    [JOBS_BIND] = {.text = "INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us)"
                           " VALUES (?, ?, ?, ?)",
                   .in = "usii"},
};
