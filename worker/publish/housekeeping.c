/*
 * The housekeeping kind: every hour, it deletes rows and test data whose time is over, refreshes old tokens, audits the posts, and ends
 * those that nobody has approved. It also finds the jobs that are put off because the clock was set back; it is due when a
 * worker starts or sees that.
 */
#include "base/clock.h"
#include "base/log.h"
#include "model/idempotency/idempotency.h"
#include "model/tiktok/account.h"
#include "model/tiktok/grant_end.h"
#include "model/job/upkeep.h"
#include "model/post/post_approve.h"
#include "model/post/test_data.h"
#include "model/post/turn.h"
#include "publish/kinds.h"

#define EVERY_US (3600 * US_PER_SEC)
#define SOON_US (10 * US_PER_SEC) /* when there are more keys to purge */
#define BATCH 500                 /* the rest waits for the next hour */
#define HURRIES 100               /* batches of jobs that are due too late */
#define PURGES 20      /* batches of snapshots; an account that publishes never has one this old, so there are few */
#define APPROVALS 50   /* batches of posts that nobody decided about */
#define KEY_PURGES 200 /* batches of idempotency keys; then others' jobs have their turn */

struct batch {
    struct arena *arena;
    const struct uuid *ids;
    const struct upkeep_job *jobs;
    const struct upkeep_post *posts;
    size_t n;
};

static enum err housekeeping_add_refreshes(struct db *db, void *arg)
{
    const struct batch *b = arg;
    enum err e = OK;

    for (size_t i = 0; i < b->n && e == OK; i++)
        e = job_add(db, JOB_PUBLISH, refresh_kind.name, &b->ids[i], clock_now_us(), (struct str){0});
    return e;
}

static enum err housekeeping_refresh_aging(struct job_run *run)
{
    struct batch b = {0};
    struct uuid *ids;

    enum err e = upkeep_aging_accounts(run->db, run->arena, clock_now_us(), BATCH, &ids, &b.n);
    if (e != OK || b.n == 0)
        return e;
    b.ids = ids;
    return db_tx(run->db, housekeeping_add_refreshes, &b);
}

static enum err housekeeping_add_lost_jobs(struct db *db, void *arg)
{
    const struct batch *b = arg;
    enum err e = OK;

    for (size_t i = 0; i < b->n && e == OK; i++)
        e = b->posts[i].publish
                ? turn_add(db, &b->posts[i].user_id, &b->posts[i].account_id, clock_now_us(), (struct str){0})
                : job_add(db, JOB_PUBLISH, poll_kind.name, &b->posts[i].id, clock_now_us(), (struct str){0});
    return e;
}

static enum err housekeeping_add_late_jobs(struct db *db, void *arg)
{
    const struct batch *b = arg;
    enum err e = OK;

    for (size_t i = 0; i < b->n && e == OK; i++)
        e = job_add(db, JOB_PUBLISH, arena_strdup(b->arena, b->jobs[i].kind), &b->jobs[i].subject_id, clock_now_us(),
                    (struct str){0});
    return e;
}

/* Their runs read from the state rows when it is time. */
static enum err housekeeping_hurry(struct job_run *run)
{
    struct batch b = {.arena = run->arena, .n = BATCH};
    struct arena_mark mark = arena_mark(run->arena);
    enum err e = OK;

    for (int i = 0; i < HURRIES && b.n == BATCH && e == OK && !job_run_is_stopping(run); i++) {
        struct upkeep_job *jobs;
        e = upkeep_late_jobs(run->db, run->arena, clock_now_us(), BATCH, &jobs, &b.n);
        b.jobs = jobs;
        if (e == OK && b.n > 0)
            e = db_tx(run->db, housekeeping_add_late_jobs, &b);
        arena_back(run->arena, &mark);
    }
    return e;
}

/* A state that needs a job is written together with it, so this should find nothing. If it does, it raises an alarm. */
static enum err housekeeping_audit(struct job_run *run)
{
    struct batch b = {0};
    struct upkeep_post *posts;

    enum err e = upkeep_posts_without_job(run->db, run->arena, clock_now_us(), BATCH, &posts, &b.n);
    if (e != OK || b.n == 0)
        return e;
    b.posts = posts;
    for (size_t i = 0; i < b.n; i++)
        alarm_raise(run->worker->metrics->set, ALARM_POST_WITHOUT_JOB, LOG_CSTR("post", uuid_text(&posts[i].id).s),
                    LOG_END);
    return db_tx(run->db, housekeeping_add_lost_jobs, &b);
}

/* They are as good as gone when their time is over (idempotency_claim); the answers themselves are gone within an hour. */
static enum err housekeeping_purge_keys(struct job_run *run, int64_t now_us, bool *ret_more)
{
    uint64_t n = IDEMPOTENCY_PURGE_BATCH;
    enum err e = OK;

    for (int i = 0; i < KEY_PURGES && n == IDEMPOTENCY_PURGE_BATCH && e == OK && !job_run_is_stopping(run); i++)
        e = idempotency_purge(run->db, now_us, &n);
    *ret_more = n == IDEMPOTENCY_PURGE_BATCH;
    return e;
}

static enum err housekeeping_expire_approvals(struct job_run *run, int64_t now_us)
{
    bool more = true;
    enum err e = OK;

    for (int i = 0; i < APPROVALS && more && e == OK && !job_run_is_stopping(run); i++)
        e = post_expire_approvals(run->db, run->arena, run->worker->conf, now_us, &more);
    return e;
}

static enum job_step housekeeping_step(struct job_run *run)
{
    int64_t now_us = clock_now_us();

    /* Also deletes what will be too old before the next round: the promise is 24 hours, not 25. */
    enum err e = OK;
    bool more, more_test_data = false;
    for (int i = 0; i < PURGES && e == OK; i++)
        e = account_purge_snapshots(run->db, now_us + EVERY_US);
    if (e == OK)
        e = upkeep_delete_states(run->db, now_us);
    if (e == OK)
        e = grant_end_purge(run->db, now_us);
    if (e == OK)
        e = housekeeping_refresh_aging(run);
    if (e == OK)
        e = housekeeping_hurry(run);
    if (e == OK)
        e = housekeeping_audit(run);
    if (e == OK)
        e = housekeeping_expire_approvals(run, now_us);
    enum err purged = housekeeping_purge_keys(run, now_us, &more); /* whatever became of the others */
    if (e == OK)
        e = purged;
    if (e == OK)
        e = test_data_purge(run->db, run->arena, now_us, &more_test_data);
    run->err = e;
    run->again_at_us = now_us + (more || more_test_data ? SOON_US : EVERY_US);
    return e == OK ? JOB_AGAIN : JOB_ERROR;
}

const struct job_kind housekeeping_kind = {
    .name = "housekeeping", .class = JOB_PUBLISH, .standing = true, .step = housekeeping_step};
