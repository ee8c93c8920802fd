#include "jobs/runner.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "jobs/backoff.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/rand.h"
#include "model/job/heartbeat.h"
#include "net/loop.h"

#define CLAIM_BATCH 8              /* small, so that all threads get some of what is due */
#define RUN_ARENA_BYTES (8u << 20) /* an answer from TikTok takes a few KiB */
#define WAIT_MS 100                /* how long a thread sleeps before it checks whether to stop */
#define AWAY_US US_PER_SEC         /* between claims while the database is away */
#define RECORD_MIN_US (100 * US_PER_MS)
#define RECORD_MAX_US (5 * US_PER_SEC)
#define DROP_MIN_US (2 * US_PER_SEC)
#define DROP_MAX_US (300 * US_PER_SEC)
#define CRASH_US (10 * US_PER_SEC) /* doubled each time: ten minutes until it is dead */
#define STOP_US (15 * US_PER_SEC)  /* for recording results, on top of the time a call takes */

/* A run that is under way. It belongs to one thread at a time, to the network loop, or to the list of parked runs. */
struct open_run {
    struct job_run run;
    struct arena arena;
    struct net_result result;
    int64_t began_us, parked_until_us;
    unsigned parked; /* how many times */
    struct open_run *next;
};

struct runner {
    const struct worker *worker;
    const struct db_options *options;
    struct net_loop *loop;
    pthread_t *threads;
    atomic_bool stopping;
    atomic_llong stop_by_us;
    atomic_int open;

    pthread_mutex_t lock; /* guards the fields below */
    bool claiming, standing_made, away;
    int64_t next_claim_us, beat_at_us;
    struct open_run *parked;
};

struct runner_thread {
    struct runner *runner;
    struct db *db;
    struct arena arena;
};

static void runner_log_run(const struct open_run *o, const char *outcome, enum log_level level, const char *database)
{
    const struct job_run *run = &o->run;

    worker_metrics_job(run->worker->metrics, run->kind, outcome);
    log_event(level, "job", LOG_CSTR("job", uuid_text(&run->job.id).s), LOG_STR("kind", run->job.kind),
              LOG_CSTR("subject", uuid_text(&run->job.subject_id).s), LOG_STR("request_id", run->job.request_id),
              LOG_CSTR("outcome", outcome), LOG_CSTR("note", run->note),
              LOG_CSTR("error", run->err == OK ? NULL : err_slug(run->err)), LOG_CSTR("database", database),
              LOG_INT("runs", run->job.runs), LOG_INT("tries", run->job.tries),
              LOG_INT("duration_us", clock_mono_us() - o->began_us), LOG_END);
}

static void runner_alarm_of_run(const struct open_run *o, enum alarm_kind which)
{
    const struct job_run *run = &o->run;

    alarm_raise(run->worker->metrics->set, which, LOG_CSTR("job", uuid_text(&run->job.id).s),
                LOG_STR("kind", run->job.kind), LOG_CSTR("subject", uuid_text(&run->job.subject_id).s), LOG_END);
}

/* NULL when this worker does not know the kind: a newer program made the job. */
static const struct job_kind *runner_kind_of(const struct worker *w, struct str name)
{
    for (const struct job_kind *const *k = w->kinds; *k != NULL; k++)
        if ((*k)->class == w->class && str_eqc(name, (*k)->name))
            return *k;
    return NULL;
}

static struct open_run *runner_open_new(struct runner *r, const struct job *job)
{
    struct open_run *o = xcalloc(1, sizeof(*o));

    arena_init(&o->arena, RUN_ARENA_BYTES);
    o->began_us = clock_mono_us();
    o->run = (struct job_run){.worker = r->worker, .job = *job, .arena = &o->arena};
    o->run.job.kind = arena_str(&o->arena, job->kind);
    o->run.job.request_id = arena_str(&o->arena, job->request_id);
    o->run.kind = runner_kind_of(r->worker, job->kind);
    atomic_fetch_add(&r->open, 1);
    worker_metrics_runs(r->worker->metrics, 1);
    return o;
}

static void runner_open_end(struct runner *r, struct open_run *o)
{
    secret_done(&o->run.token);
    arena_done(&o->arena);
    free(o);
    atomic_fetch_sub(&r->open, 1);
    worker_metrics_runs(r->worker->metrics, -1);
}

/* Ends a run that has a result. If another worker holds the lease by now, the job is its business, and no error. */
static void runner_end(struct runner_thread *t, struct open_run *o, const char *outcome, enum err e)
{
    if (e == OK)
        runner_log_run(o, outcome, o->run.job.runs > JOB_RUNS_MAX ? LOG_ERROR : LOG_INFO, NULL);
    else if (e == ERR_CONFLICT)
        runner_log_run(o, "lease_lost", LOG_WARNING, NULL);
    else
        runner_log_run(o, "not_recorded", LOG_WARNING,
                       db_error(t->db)); /* the job comes again when its lease is over */
    runner_open_end(t->runner, o);
}

/*
 * Gives a run up. An error that passes (the database or the store is away) is nobody's fault. Any other counts as a
 * crash, so that a bug of ours ends in a dead job, which an alarm shows, and not in a job that runs for ever.
 */
static void runner_drop(struct runner_thread *t, struct open_run *o)
{
    struct job_run *run = &o->run;
    bool counted = !err_retryable(run->err) && !db_is_away(run->err);
    int64_t wait_us =
        counted ? CRASH_US << MIN(run->job.runs, JOB_RUNS_MAX) : backoff_us(run->job.tries, DROP_MIN_US, DROP_MAX_US);

    runner_log_run(o, "dropped", counted ? LOG_ERROR : LOG_WARNING, db_errno(t->db) != 0 ? db_error(t->db) : NULL);
    enum err e = job_drop(t->db, run->worker->class, &run->job, clock_now_us() + wait_us, counted);
    if (e != OK && e != ERR_CONFLICT) /* the job comes again when its lease is over */
        runner_log_run(o, "not_recorded", LOG_WARNING, db_error(t->db));
    runner_open_end(t->runner, o);
}

static void runner_park(struct runner_thread *t, struct open_run *o)
{
    struct runner *r = t->runner;
    int64_t wait_us = MIN(RECORD_MIN_US << MIN(o->parked, 10u), RECORD_MAX_US);

    if (clock_now_us() >= o->run.job.run_at_us) { /* another worker takes over now */
        o->run.err = ERR_DB_UNAVAILABLE;
        runner_log_run(o, "result_lost", LOG_ERROR, db_error(t->db));
        runner_alarm_of_run(o, ALARM_RESULT_LOST);
        runner_open_end(r, o);
        return;
    }
    o->parked++;
    o->parked_until_us = clock_mono_us() + wait_us / 2 + (int64_t)rand_below((uint64_t)wait_us);
    lock_take(&r->lock);
    o->next = r->parked;
    r->parked = o;
    lock_release(&r->lock);
}

static struct open_run *runner_unpark(struct runner *r)
{
    int64_t now_us = clock_mono_us();
    struct open_run *o = NULL;

    lock_take(&r->lock);
    for (struct open_run **p = &r->parked; *p != NULL; p = &(*p)->next)
        if ((*p)->parked_until_us <= now_us) {
            o = *p;
            *p = o->next;
            break;
        }
    lock_release(&r->lock);
    return o;
}

static void runner_step(struct runner_thread *t, struct open_run *o)
{
    struct job_run *run = &o->run;
    enum job_class class = run->worker->class;

    run->db = t->db;
    run->err = OK;
    switch (run->kind->step(run)) {
    case JOB_CALL:
        if (net_loop_submit(t->runner->loop, &run->call, run->arena, o))
            return;
        /* The loop has room for every run that may be open, so this should not happen. If it does, nothing was sent:
         * without this result an init that is already written down would end as an unknown outcome. */
        o->result = (struct net_result){.err = ERR_NET_NOT_SENT, .detail = "not taken by the network loop"};
        run->result = &o->result;
        runner_step(t, o);
        return;
    case JOB_RECORD:
        runner_park(t, o);
        return;
    case JOB_DONE:
        runner_end(t, o, "done", run->job_ended ? OK : job_finish(t->db, class, &run->job));
        return;
    case JOB_AGAIN:
        runner_end(t, o, "again", run->job_ended ? OK : job_again(t->db, class, &run->job, run->again_at_us));
        return;
    case JOB_ERROR:
        runner_drop(t, o);
        return;
    }
}

static enum err runner_bury(struct db *db, void *arg)
{
    struct job_run *run = arg;
    enum job_class class = run->worker->class;

    enum err e = OK;
    if (run->kind->dead != NULL)
        e = run->kind->dead(db, run);
    return e == OK ? job_bury(db, class, &run->job) : e;
}

static void runner_begin(struct runner_thread *t, struct open_run *o)
{
    if (o->run.kind == NULL) { /* a newer program made it, and a newer worker will take it */
        o->run.note = "unknown kind";
        o->run.err = ERR_DB_UNAVAILABLE;
        runner_drop(t, o);
    } else if (o->run.job.runs > JOB_RUNS_MAX) {
        o->run.db = t->db;
        enum err e = db_tx(t->db, runner_bury, &o->run);
        if (e == OK)
            runner_alarm_of_run(o, ALARM_JOB_DEAD);
        runner_end(t, o, "dead", e);
    } else {
        runner_step(t, o);
    }
}

/* Makes the jobs of which there is always one. */
static enum err runner_make_standing(struct runner_thread *t)
{
    struct runner *r = t->runner;
    enum err e = OK;

    for (const struct job_kind *const *k = r->worker->kinds; *k != NULL && e == OK; k++)
        if ((*k)->standing && (*k)->class == r->worker->class)
            e = job_add(t->db, (*k)->class, (*k)->name, &UUID_NONE, clock_now_us(), (struct str){0});
    return e;
}

static void runner_note_database(struct runner *r, struct runner_thread *t, enum err e)
{
    bool away = e != OK;

    if (away == r->away)
        return;
    r->away = away;
    if (away)
        alarm_raise(r->worker->metrics->set, ALARM_DATABASE_AWAY, LOG_CSTR("error", err_slug(e)),
                    LOG_CSTR("database", db_error(t->db)), LOG_END);
    else
        log_event(LOG_WARNING, "database_back", LOG_END);
}

/* One thread claims at a time; when nothing is due, every idle_ms at most. */
static bool runner_claim_turn(struct runner *r, size_t *ret_room)
{
    int room = 0;

    if (atomic_load(&r->stopping))
        return false;
    lock_take(&r->lock);
    /* Only the thread whose turn it is opens runs, so the count cannot grow meanwhile. */
    if (!r->claiming && clock_mono_us() >= r->next_claim_us)
        room = (int)r->worker->conf->worker_in_flight_max - atomic_load(&r->open);
    if (room > 0)
        r->claiming = true;
    lock_release(&r->lock);
    *ret_room = (size_t)MIN(room, CLAIM_BATCH);
    return room > 0;
}

/* Called by the thread whose turn it is, and only after a claim that worked: a sign of life must mean that jobs run. */
static void runner_look_around(struct runner_thread *t)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_now_us();

    if (r->away)
        return;
    if (llabs(now_us - r->beat_at_us) >= HEARTBEAT_EVERY_US) {
        r->beat_at_us = now_us;
        if (heartbeat_write(t->db, r->worker->class, now_us) != OK)
            log_event(LOG_WARNING, "heartbeat_not_written", LOG_CSTR("database", db_error(t->db)), LOG_END);
    }
    worker_metrics_tables(r->worker->metrics, t->db, &t->arena);
}

/* True when there was something to do. */
static bool runner_claim(struct runner_thread *t)
{
    struct runner *r = t->runner;
    struct open_run *opened[CLAIM_BATCH];
    struct job *jobs = NULL;
    size_t room, n = 0;
    enum err e = OK;

    if (!runner_claim_turn(r, &room))
        return false;
    runner_look_around(t);
    if (!r->standing_made)
        e = runner_make_standing(t);
    if (e == OK) {
        r->standing_made = true;
        e = job_claim(t->db, r->worker->class, clock_now_us(), JOB_LEASE_US, room, &t->arena, &jobs, &n);
    }
    runner_note_database(r, t, e);
    for (size_t i = 0; i < n; i++) /* they must count as open before the next thread asks for room */
        opened[i] = runner_open_new(r, &jobs[i]);
    arena_clear(&t->arena);
    lock_take(&r->lock);
    r->claiming = false;
    r->next_claim_us = clock_mono_us() + (e != OK ? AWAY_US : n == 0 ? r->worker->conf->worker_idle_ms * US_PER_MS : 0);
    lock_release(&r->lock);
    for (size_t i = 0; i < n; i++)
        runner_begin(t, opened[i]);
    return n > 0;
}

static bool runner_is_over(struct runner *r)
{
    return atomic_load(&r->stopping) && (atomic_load(&r->open) == 0 || clock_mono_us() >= atomic_load(&r->stop_by_us));
}

static void *runner_thread_main(void *arg)
{
    struct runner *r = arg;
    struct runner_thread t = {.runner = r, .db = db_new(r->options)};
    struct open_run *o;
    struct net_result result;
    void *tag;
    bool busy = false;

    arena_init(&t.arena, RUN_ARENA_BYTES);
    while (!runner_is_over(r)) {
        if (net_loop_next(r->loop, busy ? 0 : WAIT_MS, &tag, &result)) {
            o = tag;
            o->result = result;
            o->run.result = &o->result;
            runner_step(&t, o);
            busy = true;
        } else if ((o = runner_unpark(r)) != NULL) {
            runner_step(&t, o);
            busy = true;
        } else {
            busy = runner_claim(&t);
        }
    }
    arena_done(&t.arena);
    db_free(t.db);
    return NULL;
}

struct runner *runner_new(const struct worker *worker, const struct db_options *options)
{
    struct runner *r = xcalloc(1, sizeof(*r));
    size_t n = (size_t)worker->conf->worker_threads;

    *r = (struct runner){.worker = worker, .options = options};
    lock_init(&r->lock);
    r->loop = net_loop_new(&(struct net_loop_options){.max = (int)worker->conf->worker_in_flight_max});
    r->threads = xcalloc(n, sizeof(*r->threads));
    for (size_t i = 0; i < n; i++)
        ASSERT(pthread_create(&r->threads[i], NULL, runner_thread_main, r) == 0);
    return r;
}

void runner_stop(struct runner *r)
{
    int64_t call_us = r->worker->conf->tiktok_timeout_sec * US_PER_SEC;

    atomic_store(&r->stop_by_us, clock_mono_us() + call_us + STOP_US);
    atomic_store(&r->stopping, true);
    for (int64_t i = 0; i < r->worker->conf->worker_threads; i++)
        ASSERT(pthread_join(r->threads[i], NULL) == 0);
    net_loop_free(r->loop);
    if (atomic_load(&r->open) > 0) /* their jobs come again when the leases are over */
        log_event(LOG_WARNING, "stopped_with_runs_open", LOG_INT("open", atomic_load(&r->open)), LOG_END);
    while (r->parked != NULL) {
        struct open_run *o = r->parked;
        r->parked = o->next;
        runner_open_end(r, o);
    }
    lock_done(&r->lock);
    free(r->threads);
    free(r);
}
