/* What worker@privacy does, step by step: each reads from the rows what is left to do, and may be repeated. */
#include "base/clock.h"
#include "model/billing/jobs.h"
#include "model/job/job.h"
#include "model/mail/outbox.h"
#include "model/post/turn.h"
#include "model/privacy/erasure_private.h"
#include "model/privacy/journal.h"
#include "model/user/user.h"

#define OPEN_MAX 50                 /* posts that are looked after in one step */
#define ER_ROW_IS_REFERENCED_2 1451 /* MariaDB's: a row that is to go is still referred to */

enum {
    RUN_START,
    RUN_ACCOUNT_JOBS,
    RUN_OPEN_POSTS,
    RUN_TOKENS,
    RUN_IMAGES,
    RUN_SET_IMAGES,
    RUN_IMAGES_LEFT,
    RUN_IMAGES_GONE,
    RUN_STRIPE_LEFT,
    RUN_STRIPE_JOB,
    RUN_STRIPE_GONE,
    RUN_ROWS_GONE,
    RUN_MAILED,
    RUN_MAILS_LEFT,
    RUN_JOURNAL_LEFT,
    RUN_USER,
    RUN_SEAL,
    RUN_POSTS_ON_THE_WAY,
    RUN_CANCELED
};
static const struct sql erasure_run_sqls[];

struct erasure_step {
    struct arena *arena;
    const struct conf *conf;
    const struct erasure *x;
    struct erasure_progress *ret;
};

struct open_post {
    struct uuid id, account_id;
    int64_t is_processing;
};

/* Is there a row? */
static enum err erasure_has(struct db *db, int q, const struct uuid *id, bool *ret_has)
{
    int64_t one;
    enum err e = db_number(db, &erasure_run_sqls[q], DB_ARGS(db_uuid(id)), &one);

    *ret_has = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err erasure_mark(struct db *db, const struct erasure_step *s, int q)
{
    enum err e = db_exec(db, &erasure_run_sqls[q], DB_ARGS(db_i64(clock_now_us()), db_uuid(&s->x->id)), NULL);

    s->ret->goes_on = e == OK;
    return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e; /* it may be marked again */
}

static enum err erasure_wait(const struct erasure_step *s, const char *what)
{
    s->ret->waits = what;
    return OK;
}

/* A cancel may have been quicker since the row was read, and what the user has now is to stay. ERR_CONFLICT: the row says. */
static enum err erasure_lock(struct db *db, const struct erasure_step *s)
{
    enum user_state state = USER_ERASING;
    enum err e = user_lock_state(db, s->arena, &s->x->user_id, &state);

    if (e == OK && state == USER_ERASING)
        return OK;
    return e == OK || e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

/* From here on there is no way back, and a restore must do it again. */
static enum err erasure_start_tx(struct db *db, void *arg)
{
    const struct erasure_step *s = arg;

    enum err e = user_lock_any(db, &s->x->user_id);
    if (e == OK)
        e = db_change(db, &erasure_run_sqls[RUN_START], DB_ARGS(db_uuid(&s->x->id)));
    return e == OK ? journal_add(db, JOURNAL_ERASURE, &s->x->user_id, &s->x->user_id) : e;
}

static enum err erasure_start(struct db *db, const struct erasure_step *s)
{
    enum err e = db_tx(db, erasure_start_tx, (void *)(uintptr_t)s);

    s->ret->goes_on =
        e == OK || e == ERR_CONFLICT; /* it was canceled, or somebody else has begun: the row says which */
    return e == ERR_CONFLICT ? OK : e;
}

/* Accounts and posts */

struct erasure_accounts {
    const struct erasure_step *s;
    struct uuid *ids;
    size_t n;
};

static enum err erasure_end_accounts_tx(struct db *db, void *arg)
{
    const struct erasure_accounts *a = arg;

    enum err e = erasure_lock(db, a->s);
    return e == OK ? erasure_end_accounts(db, a->s->arena, &a->s->x->user_id, a->ids, a->n) : e;
}

struct erasure_posts {
    const struct erasure_step *s;
    const struct open_post *posts;
    size_t n;
};

/* Each has a job already, as a rule; one that was lost must not keep the erasure from its end. */
static enum err erasure_move_posts_tx(struct db *db, void *arg)
{
    const struct erasure_posts *p = arg;
    struct job_new *jobs = arena_array(p->s->arena, p->n + 1, sizeof *jobs);

    for (size_t i = 0; i < p->n; i++)
        jobs[i] = p->posts[i].is_processing
                      ? (struct job_new){.kind = "poll", .subject_id = p->posts[i].id, .run_at_us = clock_now_us()}
                      : (struct job_new){.kind = TURN_KIND,
                                         .subject_id = p->posts[i].account_id,
                                         .user_id = p->s->x->user_id,
                                         .run_at_us = clock_now_us()};
    return job_add_all(db, JOB_PUBLISH, p->s->arena, jobs, p->n);
}

static enum err erasure_tokens(struct db *db, const struct erasure_step *s)
{
    struct erasure_accounts a = {.s = s};
    struct erasure_posts p = {.s = s};
    bool has = false;

    enum err e = erasure_accounts(db, s->arena, &s->x->user_id, &a.ids, &a.n);
    if (e == OK)
        e = erasure_has(db, RUN_ACCOUNT_JOBS, &s->x->user_id, &has);
    if (e == OK && a.n > 0 && !has)
        e = db_tx(db, erasure_end_accounts_tx, &a);
    s->ret->goes_on = e == ERR_CONFLICT;
    if (e != OK)
        return e == ERR_CONFLICT ? OK : e;
    if (a.n > 0 || has)
        return erasure_wait(s, "TikTok accounts are being disconnected");
    e = db_rows(db, &erasure_run_sqls[RUN_OPEN_POSTS], DB_ARGS(db_uuid(&s->x->user_id), db_i64(OPEN_MAX)), s->arena,
                sizeof *p.posts, OPEN_MAX, (void **)(uintptr_t)&p.posts, &p.n);
    if (e != OK)
        return e;
    if (p.n == 0)
        return erasure_mark(db, s, RUN_TOKENS);
    e = db_tx(db, erasure_move_posts_tx, &p);
    return e == OK ? erasure_wait(s, "posts have not ended") : e;
}

/* Images */

struct erasure_images {
    const struct erasure_step *s;
    const struct uuid *ids;
    size_t n;
};

static enum err erasure_images_tx(struct db *db, void *arg)
{
    const struct erasure_images *i = arg;
    struct db_arg args[DB_MANY_MAX + 1];
    struct job_new jobs[DB_MANY_MAX];

    args[0] = db_i64(clock_now_us());
    db_many_ids(args + 1, i->ids, i->n);
    enum err e = erasure_lock(db, i->s);
    if (e == OK)
        e = db_exec(db, &erasure_run_sqls[RUN_SET_IMAGES], args, ARRAY_LEN(args), NULL);
    for (size_t j = 0; j < i->n; j++)
        jobs[j] = (struct job_new){.kind = "purge", .subject_id = i->ids[j], .run_at_us = clock_now_us()};
    return e == OK ? job_add_all(db, JOB_MEDIA, i->s->arena, jobs, i->n) : e;
}

/* One that is coming in right now becomes nothing, because its user's lock refuses it, and goes by itself. */
static enum err erasure_images(struct db *db, const struct erasure_step *s)
{
    struct erasure_images i = {.s = s};
    bool has = false;

    enum err e = db_rows(db, &erasure_run_sqls[RUN_IMAGES], DB_ARGS(db_uuid(&s->x->user_id), db_i64(DB_MANY_MAX)),
                         s->arena, sizeof *i.ids, DB_MANY_MAX, (void **)(uintptr_t)&i.ids, &i.n);
    if (e == OK && i.n > 0) {
        e = db_tx(db, erasure_images_tx, &i);
        s->ret->goes_on = e == OK || e == ERR_CONFLICT;
        return e == ERR_CONFLICT ? OK : e;
    }
    if (e == OK)
        e = erasure_has(db, RUN_IMAGES_LEFT, &s->x->user_id, &has);
    if (e != OK)
        return e;
    return has ? erasure_wait(s, "images are being deleted") : erasure_mark(db, s, RUN_IMAGES_GONE);
}

/* Stripe */

static enum err erasure_stripe_tx(struct db *db, void *arg)
{
    const struct erasure_step *s = arg;

    return billing_forget(db, &s->x->user_id, (struct str){0});
}

static enum err erasure_stripe(struct db *db, const struct erasure_step *s)
{
    bool has = false, has_job = false;

    enum err e = erasure_has(db, RUN_STRIPE_LEFT, &s->x->user_id, &has);
    if (e == OK)
        e = erasure_has(db, RUN_STRIPE_JOB, &s->x->user_id, &has_job);
    if (e == OK && has && !has_job)
        e = db_tx(db, erasure_stripe_tx, (void *)(uintptr_t)s);
    if (e != OK)
        return e;
    return has || has_job ? erasure_wait(s, "the customer at Stripe is being deleted")
                          : erasure_mark(db, s, RUN_STRIPE_GONE);
}

/* Rows, the last mail, and the end */

static enum err erasure_rows_step(struct db *db, const struct erasure_step *s)
{
    bool more = false;
    enum err e = erasure_rows(db, s->arena, &s->x->user_id, false, &more);

    if (e != OK)
        return e;
    s->ret->goes_on = true;
    return more ? OK : erasure_mark(db, s, RUN_ROWS_GONE);
}

/* Beside the posts that are known to remain, which the template counts. */
static struct str erasure_mail_words(const struct erasure_step *s)
{
    long long n = (long long)s->x->posts_unknown_n;

    if (n == 0)
        return s->x->posts_n == 0 ? STR("No post that was made here is known to remain at TikTok.") : (struct str){0};
    return arena_printf(s->arena, "Of %lld %s nobody knows whether TikTok has %s: look at your profile there.", n,
                        n == 1 ? "post" : "posts", n == 1 ? "it" : "them");
}

static enum err erasure_mail_tx(struct db *db, void *arg)
{
    const struct erasure_step *s = arg;
    const struct mail_params params = {.link = erasure_link(s->arena, s->conf, &s->x->id),
                                       .at_us = clock_now_us(),
                                       .count = s->x->posts_n,
                                       .why = erasure_mail_words(s)};

    enum err e = user_lock_any(db, &s->x->user_id);
    if (e == OK)
        e = db_change(db, &erasure_run_sqls[RUN_MAILED], DB_ARGS(db_i64(clock_now_us()), db_uuid(&s->x->id)));
    return e == OK
               ? mail_add(db, &(struct mail_new){.template = MAIL_ERASED, .user_id = s->x->user_id, .params = &params})
               : e;
}

static enum err erasure_mail(struct db *db, const struct erasure_step *s)
{
    enum err e = db_tx(db, erasure_mail_tx, (void *)(uintptr_t)s);

    s->ret->goes_on = e == OK || e == ERR_CONFLICT || e == ERR_OUTCOME_UNKNOWN; /* the row says */
    return s->ret->goes_on ? OK : e;
}

static enum err erasure_seal_tx(struct db *db, void *arg)
{
    const struct erasure_step *s = arg;

    enum err e = user_lock_any(db, &s->x->user_id);
    if (e == OK)
        e = db_change(db, &erasure_run_sqls[RUN_USER], DB_ARGS(db_uuid(&s->x->user_id)));
    return e == OK ? db_change(db, &erasure_run_sqls[RUN_SEAL], DB_ARGS(db_i64(clock_now_us()), db_uuid(&s->x->id)))
                   : e;
}

/* One more row of the user, which came meanwhile, is found in the next step. */
static enum err erasure_seal(struct db *db, const struct erasure_step *s)
{
    enum err e = db_tx(db, erasure_seal_tx, (void *)(uintptr_t)s);

    if (e == ERR_DB_FAILED && db_errno(db) == ER_ROW_IS_REFERENCED_2)
        return erasure_wait(s, "a row has come meanwhile");
    s->ret->goes_on = e == OK || e == ERR_OUTCOME_UNKNOWN;
    return s->ret->goes_on ? OK : e;
}

static enum err erasure_last(struct db *db, const struct erasure_step *s)
{
    bool waits = false, more = false;

    enum err e = erasure_has(db, RUN_MAILS_LEFT, &s->x->user_id, &waits);
    if (e == OK && waits && clock_now_us() < s->x->mailed_at_us + ERASURE_MAIL_WAIT_US)
        return erasure_wait(s, "the last mail is being sent");
    if (e == OK)
        e = erasure_has(db, RUN_JOURNAL_LEFT, &s->x->user_id, &waits);
    if (e == OK && waits)
        return erasure_wait(s, "the journal is not written");
    if (e == OK)
        e = erasure_rows(db, s->arena, &s->x->user_id, true, &more);
    if (e != OK)
        return e;
    s->ret->goes_on = more;
    return more ? OK : erasure_seal(db, s);
}

static enum err erasure_step(struct db *db, const struct erasure_step *s)
{
    const struct erasure *x = s->x;

    if (x->state == ERASURE_WAITING && x->due_at_us <= clock_now_us())
        return erasure_start(db, s);
    if (x->tokens_at_us == 0)
        return erasure_tokens(db, s);
    if (x->images_at_us == 0)
        return erasure_images(db, s);
    if (x->state == ERASURE_WAITING) {
        s->ret->again_at_us = x->due_at_us;
        return erasure_wait(s, "it can be canceled");
    }
    if (x->stripe_at_us == 0)
        return erasure_stripe(db, s);
    if (x->rows_at_us == 0)
        return erasure_rows_step(db, s);
    return x->mailed_at_us == 0 ? erasure_mail(db, s) : erasure_last(db, s);
}

enum err erasure_advance(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                         struct erasure_progress *ret)
{
    struct erasure x = {0};
    const struct erasure_step s = {.arena = arena, .conf = conf, .x = &x, .ret = ret};

    *ret = (struct erasure_progress){0};
    enum err e = erasure_get(db, arena, id, &x);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    ret->is_over = e == ERR_NOT_FOUND || x.state == ERASURE_DONE || x.state == ERASURE_CANCELED;
    return ret->is_over ? OK : erasure_step(db, &s);
}

enum err erasure_waits_for_posts(struct db *db, const struct uuid *account_id, int64_t asked_at_us, bool *ret_waits)
{
    int64_t settled;

    enum err e = db_number(db, &erasure_run_sqls[RUN_POSTS_ON_THE_WAY], DB_ARGS(db_uuid(account_id)), &settled);
    *ret_waits = e == OK && (settled == 0 || clock_now_us() < asked_at_us + ERASURE_POSTS_US);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err erasure_was_canceled(struct db *db, const struct uuid *user_id, int64_t since_us, bool *ret_was)
{
    struct uuid since = uuid_floor(since_us);
    int64_t one;

    enum err e = db_number(db, &erasure_run_sqls[RUN_CANCELED], DB_ARGS(db_uuid(user_id), db_uuid(&since)), &one);
    *ret_was = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static const struct db_col erasure_open_cols[] = {
    DB_COL(struct open_post, id, UUID),
    DB_COL(struct open_post, account_id, UUID),
    DB_COL(struct open_post, is_processing, I64),
    DB_END,
};

#define MARK(column) \
    { \
        .text = "UPDATE erasures SET " column " = ? WHERE id = ? AND " column " IS NULL", .in = "iu" \
    }
#define ANY(text_) \
    { \
        .text = "SELECT 1 FROM " text_ " LIMIT 1", .in = "u", .cols = db_number_cols \
    }

static const struct sql erasure_run_sqls[] = {
    [RUN_START] = {.text = "UPDATE erasures SET state = 'running' WHERE id = ? AND state = 'waiting'", .in = "u"},
    [RUN_ACCOUNT_JOBS] = ANY("accounts a JOIN jobs_publish j ON j.kind = 'account_erase' AND j.subject_id = a.id"
                             " WHERE a.user_id = ? AND j.state = 'ready'"),
    [RUN_OPEN_POSTS] = {.text = "SELECT id, account_id, state = 'processing' FROM posts FORCE INDEX (by_user_ended)"
                                " WHERE user_id = ? AND ended_at_us IS NULL LIMIT ?",
                        .in = "ui",
                        .cols = erasure_open_cols},
    [RUN_TOKENS] = MARK("tokens_at_us"),
    /* That index has those that are held, and not all that ever were. */
    [RUN_IMAGES] = {.text = "SELECT u.id FROM uploads u FORCE INDEX (by_held) WHERE u.user_id = ? AND u.state = 'ready'"
                            " AND u.deleted_at_us IS NULL AND NOT EXISTS (SELECT 1 FROM post_images i JOIN posts p"
                            " ON p.id = i.post_id WHERE i.upload_id = u.id AND p.ended_at_us IS NULL)"
                            " LIMIT ?",
                    .in = "ui",
                    .cols = db_uuid_cols},
    [RUN_SET_IMAGES] = {.text = "UPDATE uploads SET state = 'deleted', delete_due_at_us = ? WHERE id IN " DB_MANY_IDS
                                " AND state = 'ready'",
                        .in = "i" DB_MANY_IDS_IN},
    [RUN_IMAGES_LEFT] = ANY("uploads WHERE user_id = ? AND deleted_at_us IS NULL"),
    [RUN_IMAGES_GONE] = MARK("images_at_us"),
    [RUN_STRIPE_LEFT] = ANY("users u WHERE u.id = ? AND (u.customer_asked_at_us IS NOT NULL"
                            " OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.user_id = u.id)"
                            " OR EXISTS (SELECT 1 FROM provider_events e WHERE e.user_id = u.id))"),
    [RUN_STRIPE_JOB] = ANY("jobs_billing WHERE kind = 'customer_delete' AND subject_id = ? AND state = 'ready'"),
    /* What remains at TikTok is counted while the posts are still there; of test data nothing does. */
    [RUN_STRIPE_GONE] = {.text = "UPDATE erasures x SET x.stripe_at_us = ?, x.posts_n = (SELECT COUNT(*) FROM posts p"
                                 " WHERE p.user_id = x.user_id AND p.mode = 'live'"
                                 " AND p.state IN ('published', 'in_inbox')), x.posts_unknown_n = (SELECT COUNT(*)"
                                 " FROM posts p WHERE p.user_id = x.user_id AND p.mode = 'live' AND p.state = 'failed'"
                                 " AND p.failure_code IN ('outcome_unknown', 'unconfirmed', 'confirmation_timeout'))"
                                 " WHERE x.id = ? AND x.stripe_at_us IS NULL",
                         .in = "iu"},
    [RUN_ROWS_GONE] = MARK("rows_at_us"),
    [RUN_MAILED] = MARK("mailed_at_us"),
    [RUN_MAILS_LEFT] = ANY("mail_outbox WHERE user_id = ? AND state = 'queued'"),
    [RUN_JOURNAL_LEFT] = ANY("journal_due WHERE user_id = ?"),
    [RUN_USER] = {.text = "DELETE FROM users WHERE id = ? AND state = 'erasing'", .in = "u"},
    [RUN_SEAL] = {.text = "UPDATE erasures SET state = 'done', user_id = NULL, ended_at_us = ? WHERE id = ?"
                          " AND state = 'running'",
                  .in = "iu"},
    /* 0: one is on its way; else TikTok has them all. */
    [RUN_POSTS_ON_THE_WAY] = {.text = "SELECT state = 'processing' FROM posts FORCE INDEX (by_account)"
                                      " WHERE account_id = ? AND state IN ('publishing', 'processing')"
                                      " ORDER BY state LIMIT 1",
                              .in = "u",
                              .cols = db_number_cols},
    [RUN_CANCELED] = {.text = "SELECT 1 FROM users u JOIN activity a ON a.user_id = u.id WHERE u.id = ?"
                              " AND u.state <> 'erasing' AND a.id > ? AND a.what = 'erasure_canceled' LIMIT 1",
                      .in = "uu",
                      .cols = db_number_cols},
};
