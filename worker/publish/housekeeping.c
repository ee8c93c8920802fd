/*
 * The housekeeping kind: every hour, it deletes rows and test data whose time is over, refreshes old tokens, audits the posts, and ends
 * those that nobody has approved. It tells of posts on hold, which wait for an administrator. It also finds the jobs that are put off because the clock was set back; it is due when a
 * worker starts or sees that.
 */
#include "base/clock.h"
#include "base/log.h"
#include "model/idempotency/idempotency.h"
#include "model/tiktok/account.h"
#include "model/tiktok/grant_end.h"
#include "model/tiktok/tiktok_event.h"
#include "model/job/upkeep.h"
#include "model/post/hold.h"
#include "model/post/post_approve.h"
#include "model/post/test_data.h"
#include "publish/kinds.h"

#define EVERY_US (3600 * US_PER_SEC)
#define SOON_US (10 * US_PER_SEC) /* when there are more keys to purge */
#define BATCH 500                 /* the rest waits for the next hour */
#define HURRIES 100               /* batches of jobs that are due too late */
#define PURGES 20       /* batches of snapshots; an account that publishes never has one this old, so there are few */
#define APPROVALS 50    /* batches of posts that nobody decided about */
#define KEY_PURGES 200  /* batches of idempotency keys; then others' jobs have their turn */
#define HELD_TOLD 10000 /* so many are as good as more */
#define HELD_TOLD_EVERY_US (EVERY_US / 2) /* rounds come sooner while there is more to purge, or one fails */
#define EVENT_PURGES 50                   /* batches of TikTok's events: a post has two or three */

/* Jobs of any kinds: whoever locks several does so in the order of their ids. */
struct batch {
    struct arena *arena;
    struct job_new *jobs;
    size_t n;
};

static enum err housekeeping_add_tx(struct db *db, void *arg)
{
    const struct batch *b = arg;

    return job_add_all(db, JOB_PUBLISH, b->arena, b->jobs, b->n);
}

static struct job_new *housekeeping_jobs(struct job_run *run, size_t n)
{
    struct job_new *jobs = arena_array(run->arena, n, sizeof *jobs);

    for (size_t i = 0; i < n; i++)
        jobs[i].run_at_us = clock_now_us();
    return jobs;
}

static enum err housekeeping_add(struct job_run *run, struct job_new *jobs, size_t n)
{
    return db_tx(run->db, housekeeping_add_tx, &(struct batch){.arena = run->arena, .jobs = jobs, .n = n});
}

static enum err housekeeping_refresh_aging(struct job_run *run)
{
    struct uuid *ids;
    size_t n;

    enum err e = upkeep_aging_accounts(run->db, run->arena, clock_now_us(), BATCH, &ids, &n);
    if (e != OK || n == 0)
        return e;
    struct job_new *jobs = housekeeping_jobs(run, n);
    for (size_t i = 0; i < n; i++) {
        jobs[i].kind = refresh_kind.name;
        jobs[i].subject_id = ids[i];
    }
    return housekeeping_add(run, jobs, n);
}

static enum err housekeeping_hurry_some(struct job_run *run, size_t *ret_n)
{
    struct upkeep_job *late;

    enum err e = upkeep_late_jobs(run->db, run->arena, clock_now_us(), BATCH, &late, ret_n);
    if (e != OK || *ret_n == 0)
        return e;
    struct job_new *jobs = housekeeping_jobs(run, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        jobs[i].kind = arena_strdup(run->arena, late[i].kind);
        jobs[i].subject_id = late[i].subject_id;
    }
    return housekeeping_add(run, jobs, *ret_n);
}

/* Their runs read from the state rows when it is time. */
static enum err housekeeping_hurry(struct job_run *run)
{
    struct arena_mark mark = arena_mark(run->arena);
    size_t n = BATCH;
    enum err e = OK;

    for (int i = 0; i < HURRIES && n == BATCH && e == OK && !job_run_is_stopping(run); i++) {
        e = housekeeping_hurry_some(run, &n);
        arena_back(run->arena, &mark);
    }
    return e;
}

/* A state that needs a job is written together with it, so this should find nothing. If it does, it raises an alarm. */
static enum err housekeeping_audit(struct job_run *run)
{
    struct upkeep_post *posts;
    size_t n;

    enum err e = upkeep_posts_without_job(run->db, run->arena, clock_now_us(), BATCH, &posts, &n);
    if (e != OK || n == 0)
        return e;
    struct job_new *jobs = housekeeping_jobs(run, n);
    for (size_t i = 0; i < n; i++) {
        jobs[i].kind = posts[i].publish ? turn_kind.name : poll_kind.name;
        jobs[i].subject_id = posts[i].publish ? posts[i].account_id : posts[i].id;
        jobs[i].user_id = posts[i].publish ? posts[i].user_id : UUID_NONE;
        alarm_raise(run->worker->metrics->set, ALARM_POST_WITHOUT_JOB, LOG_CSTR("post", uuid_text(&posts[i].id).s),
                    LOG_END);
    }
    return housekeeping_add(run, jobs, n);
}

/* After a restore, and so soon after its first worker has started. Not by each of the rounds of one hour. */
static enum err housekeeping_tell_held(struct job_run *run)
{
    atomic_llong *told_us = &run->worker->metrics->held_told_us;
    int64_t now_us = clock_mono_us(), last_us = atomic_load(told_us), n = 0;

    if (last_us != 0 && now_us - last_us < HELD_TOLD_EVERY_US)
        return OK;
    enum err e = hold_count(run->db, HELD_TOLD, &n);
    if (e != OK || n == 0)
        return e;
    atomic_store(told_us, now_us);
    alarm_raise(run->worker->metrics->set, ALARM_POSTS_HELD, LOG_INT("posts", n), LOG_END);
    return OK;
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

static enum err housekeeping_purge_events(struct job_run *run, int64_t now_us, bool *ret_more)
{
    uint64_t n = TIKTOK_EVENTS_PURGED;
    enum err e = OK;

    for (int i = 0; i < EVENT_PURGES && n == TIKTOK_EVENTS_PURGED && e == OK && !job_run_is_stopping(run); i++)
        e = tiktok_events_purge(run->db, now_us, &n);
    *ret_more = n == TIKTOK_EVENTS_PURGED;
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
    bool more, more_events = false, more_test_data = false;
    for (int i = 0; i < PURGES && e == OK; i++)
        e = account_purge_snapshots(run->db, now_us + EVERY_US);
    if (e == OK)
        e = upkeep_delete_states(run->db, now_us);
    if (e == OK)
        e = grant_end_purge(run->db, now_us);
    if (e == OK)
        e = housekeeping_purge_events(run, now_us, &more_events);
    if (e == OK)
        e = housekeeping_refresh_aging(run);
    if (e == OK)
        e = housekeeping_hurry(run);
    if (e == OK)
        e = housekeeping_audit(run);
    if (e == OK)
        e = housekeeping_expire_approvals(run, now_us);
    enum err purged = housekeeping_purge_keys(run, now_us, &more); /* whatever became of the others */
    enum err told = housekeeping_tell_held(run);
    if (e == OK)
        e = purged;
    if (e == OK)
        e = told;
    if (e == OK)
        e = test_data_purge(run->db, run->arena, now_us, &more_test_data);
    run->err = e;
    run->again_at_us = now_us + (more || more_events || more_test_data ? SOON_US : EVERY_US);
    return e == OK ? JOB_AGAIN : JOB_ERROR;
}

const struct job_kind housekeeping_kind = {
    .name = "housekeeping", .class = JOB_PUBLISH, .standing = true, .step = housekeeping_step};
