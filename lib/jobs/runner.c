#include "jobs/runner.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "jobs/backoff.h"
#include "jobs/private.h"

#define WAIT_MS 100 /* how long a thread sleeps before it checks whether to stop */
#define DROP_MIN_US (2 * US_PER_SEC)
#define DROP_MAX_US (300 * US_PER_SEC)

static const struct {
    const char *outcome;
    enum log_level level;
} runner_endings[] = {
    [RUN_FINISH] = {"done", LOG_INFO},
    [RUN_AGAIN] = {"again", LOG_INFO},
    [RUN_DROP] = {"dropped", LOG_ERROR},
    [RUN_BURY] = {"dead", LOG_ERROR},
};

void runner_log_run(const struct open_run *o, const char *outcome, enum log_level level, const char *database)
{
    const struct job_run *run = &o->run;

    worker_metrics_job(run->worker->metrics, run->kind, outcome);
    log_event(level, "job", LOG_CSTR("job", uuid_text(&run->job.id).s), LOG_STR("kind", run->job.kind),
              LOG_CSTR("subject", uuid_text(&run->job.subject_id).s),
              LOG_CSTR("about", uuid_is_none(&run->about) ? NULL : uuid_text(&run->about).s),
              LOG_STR("request_id", run->job.request_id), LOG_CSTR("outcome", outcome), LOG_CSTR("note", run->note),
              LOG_CSTR("error", run->err == OK ? NULL : err_slug(run->err)), LOG_CSTR("database", database),
              LOG_INT("runs", run->job.runs), LOG_INT("tries", run->job.tries), LOG_INT("failures", run->job.failures),
              LOG_INT("duration_us", clock_mono_us() - o->began_us), LOG_END);
}

/* That a paused kind still cannot go on was told when it paused, and its end will be; meanwhile some runs every ten seconds say nothing
 * new. */
static enum log_level runner_level(const struct open_run *o)
{
    bool is_known = o->run.probe && o->run.fault && o->ending == RUN_AGAIN;

    return is_known ? LOG_DEBUG : runner_endings[o->ending].level;
}

void runner_alarm_of_run(const struct job_run *run, enum alarm_kind which)
{
    alarm_raise(run->worker->metrics->set, which, LOG_CSTR("job", uuid_text(&run->job.id).s),
                LOG_STR("kind", run->job.kind), LOG_CSTR("subject", uuid_text(&run->job.subject_id).s),
                LOG_CSTR("about", uuid_is_none(&run->about) ? NULL : uuid_text(&run->about).s),
                LOG_CSTR("note", run->note), LOG_CSTR("detail", run->result == NULL ? NULL : run->result->detail),
                LOG_END);
}

struct kind_state *runner_state_of(struct runner *r, const struct job_kind *kind)
{
    size_t i = 0;

    while (r->worker->kinds[i] != kind)
        i++;
    return &r->kinds[i];
}

static void runner_open_end(struct runner *r, struct open_run *o)
{
    lock_take(&r->lock);
    if (o->before != NULL)
        o->before->after = o->after;
    else
        r->open = o->after;
    if (o->after != NULL)
        o->after->before = o->before;
    r->open_n--;
    runner_state_of(r, o->run.kind)->open--;
    if (o->parked > 0)
        kept_count(r, o, -1);
    lock_release(&r->lock);
    secret_done(&o->run.token);
    arena_done(&o->arena);
    free(o);
    worker_metrics_runs(r->worker->metrics, -1);
}

static enum err runner_bury(struct db *db, void *arg)
{
    struct job_run *run = arg;
    enum err e = OK;

    if (run->kind->standing) /* nobody would ever ask for it */
        return job_restart(db, run->kind->class, &run->job, clock_now_us() + JOB_REST_US);
    if (run->kind->dead != NULL)
        e = run->kind->dead(db, run);
    return e == OK && !run->job_ended ? job_bury(db, run->kind->class, &run->job) : e;
}

static enum err runner_write_end(struct runner_thread *t, struct open_run *o)
{
    struct job_run *run = &o->run;
    enum job_class class = run->kind->class;

    switch (o->ending) {
    case RUN_STEP:
        break;
    case RUN_FINISH:
        return run->job_ended ? OK : job_finish(t->db, class, &run->job);
    case RUN_AGAIN:
        return run->job_ended ? OK : job_again(t->db, class, &run->job, run->again_at_us);
    case RUN_DROP:
        return job_drop(t->db, class, &run->job,
                        clock_now_us() + backoff_us(run->job.failures, DROP_MIN_US, DROP_MAX_US));
    case RUN_BURY:
        run->db = t->db;
        return db_tx(t->db, runner_bury, run);
    }
    ASSERT(!"a run without an end");
    return OK;
}

static void runner_alarms(const struct open_run *o)
{
    const struct job_run *run = &o->run;

    if (o->ending == RUN_BURY)
        runner_alarm_of_run(&o->run, ALARM_JOB_DEAD);
    if (o->ending == RUN_DROP && !db_is_away(run->err) && (run->job.failures + 1) % STUCK_TRIES == 0)
        runner_alarm_of_run(&o->run, ALARM_JOB_STUCK);
}

/* What the end of a run says of its kind. Nothing, when its call was not made because it was too late for it or the worker
 * stops. A call by a socket of this machine is one about test data: whether the simulator is there says nothing of TikTok, for
 * good or ill. */
static void runner_note_kind(struct runner *r, const struct open_run *o)
{
    const struct job_run *run = &o->run;
    bool fault = o->ending == RUN_DROP || (run->fault && !run->is_old), test = run->call.unix_socket != NULL;

    if (o->ending != RUN_DROP && run->result != NULL && run->result->unasked)
        return;
    if (test && o->ending != RUN_DROP && (fault || pause_is_by_call(r, run->kind)))
        return; /* else its success shows that the database takes what this kind writes */
    if (o->ending != RUN_BURY && !db_is_away(run->err) && (fault || run->called || !run->kind->calls))
        pause_note_kind(r, run, fault);
}

/* Writes the end of a run. If somebody else has the job by now, it is their business, and no error. */
static void runner_end(struct runner_thread *t, struct open_run *o)
{
    struct job_run *run = &o->run;

    enum err e = runner_write_end(t, o);
    if (e != OK && e != ERR_CONFLICT) {
        kept_put(t, o, e);
        return;
    }
    handover_written(t->runner, o);
    if (run->result_lost)
        runner_alarm_of_run(&o->run, ALARM_RESULT_LOST);
    if (e == ERR_CONFLICT) {
        runner_log_run(o, run->result_lost ? "result_lost" : "lease_lost", LOG_WARNING, NULL);
    } else {
        runner_alarms(o);
        runner_log_run(o, runner_endings[o->ending].outcome, runner_level(o), o->database);
    }
    if (e == OK)
        runner_note_kind(t->runner, o);
    runner_open_end(t->runner, o);
}

/* Two steps of a run are no statements, calls or files: here a call, and then its result, change hands. A process that
 * dies or is told to stop there holds what nobody else knows of. */
static bool runner_hand_over(struct runner_thread *t, struct open_run *o, enum job_step s)
{
    struct net_loop *loop = t->runner->loop;
    struct fault fault;

    o->is_mail = s == JOB_SEND;
    o->called_us = clock_mono_us();
    if (fault_before(&fault, "hand over a call"))
        return false;
    bool taken = s == JOB_SEND ? net_loop_submit_mail(loop, &o->run.mail, o->run.arena, o)
                               : net_loop_submit(loop, &o->run.call, o->run.arena, o);
    (void)fault_after(&fault); /* what was taken cannot be had back */
    return taken;
}

static void runner_step(struct runner_thread *t, struct open_run *o);

/* What the run's step has answered. */
static void runner_after_step(struct runner_thread *t, struct open_run *o, enum job_step s)
{
    struct job_run *run = &o->run;

    lock_take(&t->runner->lock);
    o->also = run->also;
    lock_release(&t->runner->lock);
    switch (s) {
    case JOB_CALL:
    case JOB_SEND:
        kept_went_on(t->runner, o);
        handover_written(t->runner, o);
        run->result = NULL; /* the last one is written; the next is not there yet */
        if (runner_hand_over(t, o, s))
            return;
        /* The loop has room for every run that may be open, so this should not happen. If it does, nothing was sent:
         * without this result an init that is already written down would end as an unknown outcome. */
        o->result =
            (struct net_result){.err = ERR_NET_NOT_SENT, .detail = "not taken by the network loop", .unasked = true};
        run->result = &o->result;
        run->fault = true;
        run->is_old = false;
        runner_step(t, o);
        return;
    case JOB_RECORD:
        kept_put(t, o, run->err);
        return;
    case JOB_DONE:
        o->ending = RUN_FINISH;
        break;
    case JOB_AGAIN:
        o->ending = RUN_AGAIN;
        break;
    case JOB_ALONE:
        ASSERT(!"only step_many leaves a run alone");
        return;
    case JOB_ERROR:
        o->ending = RUN_DROP;
        if (db_errno(t->db) != 0)
            o->database = arena_strdup(&o->arena, str_from(db_error(t->db)));
        break;
    }
    runner_end(t, o);
}

static bool runner_is_over(struct runner *r)
{
    if (!atomic_load(&r->stopping))
        return false;
    lock_take(&r->lock);
    bool done = r->open_n == 0 && r->doubtful_n == 0;
    lock_release(&r->lock);
    return done || clock_patience_us() >= atomic_load(&r->stop_by_us);
}

static void runner_before_step(struct runner_thread *t, struct open_run *o)
{
    o->run.db = t->db;
    o->run.err = OK;
}

static void runner_step(struct runner_thread *t, struct open_run *o)
{
    runner_before_step(t, o);
    runner_after_step(t, o, o->run.kind->step(&o->run));
}

/* Of one kind. */
static void runner_step_group(struct runner_thread *t, struct open_run *const *group, size_t n)
{
    struct job_run *runs[JOB_MANY_MAX];
    enum job_step steps[JOB_MANY_MAX];

    for (size_t i = 0; i < n; i++) {
        runner_before_step(t, group[i]);
        runs[i] = &group[i]->run;
    }
    runs[0]->kind->step_many(runs, n, &t->arena, steps);
    arena_clear(&t->arena);
    for (size_t i = 0; i < n;
         i++) /* first what is begun: its calls leave within seconds of their commit, or not at all */
        if (steps[i] != JOB_ALONE)
            runner_after_step(t, group[i], steps[i]);
    for (size_t i = 0; i < n; i++)
        if (steps[i] == JOB_ALONE && !runner_is_over(t->runner))
            runner_step(t, group[i]);
}

/* Each once: those of a kind that can do several at once together, the others one by one. */
static void runner_step_all(struct runner_thread *t, struct open_run *const *open, size_t n)
{
    struct open_run *group[JOB_MANY_MAX], *left[JOB_MANY_MAX];
    size_t group_n, left_n = n;

    memcpy(left, open, n * sizeof *open);
    while ((n = left_n) > 0 && !runner_is_over(t->runner)) {
        const struct job_kind *kind = left[0]->run.kind;
        group_n = left_n = 0;
        for (size_t i = 0; i < n; i++)
            if (left[i]->run.kind == kind && (group_n == 0 || kind->step_many != NULL))
                group[group_n++] = left[i];
            else
                left[left_n++] = left[i];
        if (group_n == 1)
            runner_step(t, group[0]);
        else
            runner_step_group(t, group, group_n);
    }
}

static void runner_go_on(struct runner_thread *t, struct open_run *o)
{
    if (o->ending != RUN_STEP) {
        runner_end(t, o);
        return;
    }
    runner_before_step(t, o);
    if (o->left == NULL || handover_take_up(t, o))
        runner_step(t, o);
}

/* A worker that had to end, and left a result, has not died of the job. */
static bool runner_has_crashed(const struct open_run *o)
{
    return o->run.job.runs - (o->left != NULL ? o->left->runs : 0) > JOB_RUNS_MAX;
}

void runner_begin(struct runner_thread *t, struct open_run *const *opened, size_t n)
{
    struct open_run *step[CLAIM_BATCH];
    size_t step_n = 0;

    for (size_t i = 0; i < n; i++) {
        struct open_run *o = opened[i];
        if (runner_has_crashed(o))
            o->ending = RUN_BURY;
        if (o->ending == RUN_STEP && o->left == NULL)
            step[step_n++] = o;
        else
            runner_go_on(t, o);
    }
    runner_step_all(t, step, step_n);
}

void runner_take_result(struct open_run *o, const struct net_result *result)
{
    struct fault fault;

    (void)fault_before(&fault, FAULT_RESULT); /* it is there: only the process or the database can fail */
    (void)fault_after(&fault);
    o->result = *result;
    o->run.result = &o->result;
    o->run.is_old = false;
    o->run.fault = result->err == ERR_NET_NOT_SENT || result->err == ERR_NET_FORBIDDEN;
    o->run.called = o->run.called || !o->run.fault;
}

/* With the next secret, after the other side has refused the one before (base/secret_ring.h). No step hears of that, because nothing was
 * done. Also when the worker is to stop: it takes no longer than the call may, and for who revokes a grant there is no later. */
static bool runner_calls_again(struct runner_thread *t, struct open_run *o, const struct net_result *result)
{
    struct net_loop *loop = t->runner->loop;
    struct job_run *run = &o->run;

    if (o->is_mail)
        return net_mail_again(&run->mail, result, o->called_us) &&
               net_loop_submit_mail(loop, &run->mail, run->arena, o);
    return net_call_again(&run->call, run->arena, result, o->called_us) &&
           net_loop_submit(loop, &run->call, run->arena, o);
}

/* Goes on with what has a result: all that is there, as far as it is done together. */
static bool runner_take_results(struct runner_thread *t, int wait_ms)
{
    struct open_run *open[JOB_MANY_MAX];
    struct net_result result;
    size_t n = 0;
    void *tag;

    while (n < JOB_MANY_MAX && net_loop_next(t->runner->loop, n == 0 ? wait_ms : 0, &tag, &result)) {
        if (runner_calls_again(t, tag, &result))
            continue;
        open[n] = tag;
        runner_take_result(open[n++], &result);
    }
    runner_step_all(t, open, n);
    return n > 0;
}

static void *runner_thread_main(void *arg)
{
    struct runner *r = arg;
    struct runner_thread t = {.runner = r, .db = db_new(r->options)};
    struct open_run *o;
    bool busy = false;

    arena_init(&t.arena, RUN_ARENA_BYTES);
    while (!runner_is_over(r)) {
        if (claim_is_late(r) && runner_claim(&t)) {
            busy = true;
        } else if (runner_take_results(&t, busy ? 0 : WAIT_MS)) {
            busy = true;
        } else if ((o = kept_take(r)) != NULL) {
            runner_go_on(&t, o);
            kept_tried(r);
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

    *r = (struct runner){.worker = worker, .options = options, .away = worker->after_outage};
    leases_start(r);
    handover_start(r);
    while (worker->kinds[r->kinds_n] != NULL)
        r->kinds_n++;
    r->kinds = xcalloc(r->kinds_n, sizeof *r->kinds);
    lock_init(&r->lock);
    r->loop = net_loop_new(
        &(struct net_loop_options){.max = (int)worker->conf->worker_in_flight_max,
                                   .aside_max = (int)worker_class_setting(worker->class->aside, worker->conf)});
    r->threads = xcalloc(n, sizeof(*r->threads));
    for (size_t i = 0; i < n; i++)
        ASSERT(pthread_create(&r->threads[i], NULL, runner_thread_main, r) == 0);
    return r;
}

void runner_stop(struct runner *r)
{
    int64_t call_sec = worker_class_setting(r->worker->class->call_sec, r->worker->conf), now_us = clock_mono_us();

    atomic_store(&r->stop_by_us, clock_patience_us() + (call_sec + RUNNER_STOP_SEC) * US_PER_SEC);
    atomic_store(&r->stopping, true);
    net_loop_stop_aside(r->loop, now_us + call_sec * US_PER_SEC); /* the rest is for recording what has come of it */
    for (int64_t i = 0; i < r->worker->conf->worker_threads; i++)
        ASSERT(pthread_join(r->threads[i], NULL) == 0);
    handover_drain(r);
    net_loop_free(r->loop);
    if (r->open_n > 0)
        log_event(LOG_WARNING, "stopped_with_runs_open", LOG_INT("open", (int64_t)r->open_n), LOG_END);
    handover_leave(r); /* a job comes again when its lease is over; the result of what works only once would not */
    while (r->open != NULL)
        runner_open_end(r, r->open);
    lock_done(&r->lock);
    free(r->kinds);
    free(r->threads);
    free(r);
}
