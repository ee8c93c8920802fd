/*
 * What a run of a worker that had to end leaves to the next one, which may be of another process (spool.h):
 *
 *    a worker that stops     handover_drain, handover_leave: results that nobody has written become files
 *    a claim                 handover_may_take before its COMMIT, handover_open after it: a run has what was left for it
 *    the run                 handover_take_up in place of its first step; handover_written once the database has it
 *    every hour              handover_tidy: files that nobody asks for
 *
 * An open run has a file from when it was claimed until what the file says is written, and longer than that only if the process
 * dies. What a file says is told once, when it is left, and when it is taken up or dropped.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "jobs/private.h"

#define TIDY_EVERY_US (3600 * US_PER_SEC)
#define TIDY_MAX 1000                 /* files; the rest waits for the next hour */
#define PASSING_US (600 * US_PER_SEC) /* no claim is on its way to its COMMIT for that long */

static struct spool handover_spool(const struct worker *w)
{
    struct spool s = {.ring = w->ring};

    (void)snprintf(s.dir, sizeof s.dir, "%.*s/%s", STR_FMT(w->conf->worker_kept_dir), job_class_names[w->class->class]);
    return s;
}

void handover_start(struct runner *r)
{
    r->spool = handover_spool(r->worker);
}

bool runner_is_barred(const struct worker *worker)
{
    const struct spool s = handover_spool(worker);

    return spool_is_barred(&s);
}

/* Claims */

/* Somebody must make room on the disk, say. */
static void handover_not_passed(struct runner *r, const struct job *job, enum err e)
{
    const struct uuid_text id = uuid_text(&job->id), subject = uuid_text(&job->subject_id);

    log_event(LOG_ERROR, "kept_result_waits", LOG_CSTR("job", id.s), LOG_STR("kind", job->kind),
              LOG_CSTR("subject", subject.s), LOG_CSTR("error", err_slug(e)), LOG_CSTR("folder", r->spool.dir),
              LOG_END);
    if (++r->not_passed % STUCK_TRIES == 0)
        alarm_raise(r->worker->metrics->set, ALARM_JOB_STUCK, LOG_CSTR("job", id.s), LOG_STR("kind", job->kind),
                    LOG_CSTR("subject", subject.s), LOG_CSTR("note", "kept_result_waits"), LOG_END);
}

/* A run without what was left for it would not know of a call that works only once: where that cannot be handed on, the job
 * waits. */
bool handover_may_take(void *arg, const struct job *job)
{
    struct runner *r = arg;

    if (uuid_is_none(&job->left_token))
        return true;
    enum err e = spool_pass(&r->spool, &job->id, &job->left_token, &job->lease_token);
    if (e == OK)
        r->not_passed = 0;
    if (e == OK || e == ERR_NOT_FOUND)
        return true;
    handover_not_passed(r, job, e);
    return false;
}

static void handover_drop(struct runner *r, const struct spool_name *name, const struct spooled *s, const char *why)
{
    log_event(LOG_WARNING, "kept_result_dropped", LOG_CSTR("job", uuid_text(&name->job).s),
              LOG_STR("kind", s == NULL ? (struct str){0} : s->kind),
              LOG_CSTR("about", s == NULL || uuid_is_none(&s->about) ? NULL : uuid_text(&s->about).s),
              LOG_STR("note", s == NULL ? (struct str){0} : s->note), LOG_CSTR("why", why), LOG_END);
    spool_delete(&r->spool, &name->job, &name->fence);
}

static void handover_lose(struct runner *r, const struct open_run *o, const struct spooled *s)
{
    handover_drop(r, &(struct spool_name){.job = o->run.job.id, .fence = o->run.job.lease_token}, s, "damaged");
    runner_alarm_of_run(&o->run, ALARM_RESULT_LOST);
}

void handover_open(struct runner *r, struct open_run *o)
{
    const struct job *job = &o->run.job;

    if (uuid_is_none(&job->left_token) || !spool_passed(&r->spool, &job->id, &job->left_token, &job->lease_token))
        return;
    struct spooled *s = arena_alloc(&o->arena, sizeof *s);
    enum err e = spool_read(&r->spool, &o->arena, &job->id, &job->lease_token, s);
    if (e == OK && str_eqc(s->kind, o->run.kind->name) && o->run.kind->take_up != NULL) {
        o->left = s;
        o->has_file = true;
        o->run.about = s->about;
        if (s->request_id.n > 0)
            o->run.job.request_id = s->request_id;
    } else if (e != ERR_NOT_FOUND) {
        handover_lose(r, o, NULL);
    }
}

/* The run */

bool handover_take_up(struct runner_thread *t, struct open_run *o)
{
    struct runner *r = t->runner;
    struct spooled *s = o->left;
    const struct spool_name name = {.job = o->run.job.id, .fence = o->run.job.lease_token};

    enum err e = o->run.kind->take_up(&o->run, s->memo);
    if (e != OK && e != ERR_CONFLICT && e != ERR_VALIDATION) {
        kept_put(t, o, e);
        return false;
    }
    o->left = NULL;
    if (e != OK) {
        o->run.data = NULL;
        o->has_file = false;
        if (e == ERR_CONFLICT)
            handover_drop(r, &name, s, "nobody waits for it");
        else
            handover_lose(r, o, s);
        return true;
    }
    runner_take_result(o, &s->result);
    o->run.is_old = true;
    o->run.called = false; /* it shows nothing of whether the kind works now */
    lock_take(&r->lock);
    o->also = o->run.also;
    lock_release(&r->lock);
    log_event(LOG_INFO, "kept_result_taken_up", LOG_CSTR("job", uuid_text(&name.job).s), LOG_STR("kind", s->kind),
              LOG_CSTR("subject", uuid_text(&o->run.job.subject_id).s),
              LOG_CSTR("about", uuid_is_none(&s->about) ? NULL : uuid_text(&s->about).s), LOG_STR("note", s->note),
              LOG_END);
    return true;
}

void handover_written(struct runner *r, struct open_run *o)
{
    if (o->has_file)
        spool_delete(&r->spool, &o->run.job.id, &o->run.job.lease_token);
    o->has_file = false;
    o->left = NULL;
}

/* The end of a worker */

/* What came in the last moment, and no thread has taken. */
void handover_drain(struct runner *r)
{
    struct net_result result;
    void *tag;

    while (net_loop_next(r->loop, 0, &tag, &result))
        runner_take_result(tag, &result);
}

/* Is there something to keep? It works only once, and it is known; or it was on its way, and is lost. */
enum handover {
    HANDOVER_NOTHING,
    HANDOVER_KEPT, /* there is a file */
    HANDOVER_LOST,
};

static enum handover handover_write(struct runner *r, struct open_run *o)
{
    _cleanup_(buf_done) struct buf memo = BUF_MAX(SPOOL_MEMO_MAX_BYTES);
    const struct job_run *run = &o->run;

    if (o->ending != RUN_STEP)
        return HANDOVER_NOTHING;
    if (o->left != NULL)
        return HANDOVER_KEPT;
    if (run->result == NULL || run->kind->keep == NULL)
        return o->parked > 0 || run->call.fresh ? HANDOVER_LOST : HANDOVER_NOTHING;
    if (!run->kind->keep(run, &memo))
        return HANDOVER_NOTHING;
    const struct spooled s = {.kind = run->job.kind,
                              .about = run->about,
                              .request_id = run->job.request_id,
                              .note = str_from(run->note),
                              .memo = buf_str(&memo),
                              .runs = run->job.runs,
                              .result = *run->result};
    enum err e =
        memo.overflow ? ERR_INTERNAL : spool_write(&r->spool, &o->arena, &run->job.id, &run->job.lease_token, &s);
    if (e == OK)
        return HANDOVER_KEPT;
    log_event(LOG_ERROR, "not_kept", LOG_CSTR("error", err_slug(e)), LOG_CSTR("folder", r->spool.dir), LOG_END);
    return HANDOVER_LOST;
}

static void handover_tell(const struct open_run *o, enum handover what)
{
    if (what == HANDOVER_KEPT)
        runner_log_run(o, "result_kept", LOG_WARNING, NULL);
    if (what != HANDOVER_LOST)
        return;
    runner_log_run(o, "result_lost", LOG_ERROR, NULL);
    runner_alarm_of_run(&o->run, ALARM_RESULT_LOST);
}

/* All are written before any is said to be kept: one fsync of the folder is enough for all of them. */
void handover_leave(struct runner *r)
{
    bool any = false;

    for (struct open_run *o = r->open; o != NULL; o = o->after) {
        o->handover = handover_write(r, o);
        any = any || o->handover == HANDOVER_KEPT;
    }
    bool synced = !any || spool_sync(&r->spool) == OK;
    for (struct open_run *o = r->open; o != NULL; o = o->after)
        handover_tell(o, o->handover == HANDOVER_KEPT && !synced ? HANDOVER_LOST : o->handover);
}

/* What nobody asks for */

static bool handover_is_old(const struct spool_name *name, int64_t now_us)
{
    return now_us - name->touched_at_us >= SPOOL_KEPT_US;
}

/* Whether somebody may still ask for it: OK, or ERR_NOT_FOUND. By a clock that was set back since, it is of a time to come. */
static enum err handover_is_wanted(struct runner_thread *t, const struct spool_name *name, int64_t now_us)
{
    if (llabs(now_us - name->touched_at_us) < PASSING_US)
        return OK;
    return job_is_left(t->db, t->runner->worker->class->class, &name->job, &name->fence);
}

/* False: the database is away. */
static bool handover_tidy_one(struct runner_thread *t, const struct spool_name *name)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_now_us();
    struct spooled s;

    bool old = handover_is_old(name, now_us);
    enum err e = old ? ERR_NOT_FOUND : handover_is_wanted(t, name, now_us);
    if (e != ERR_NOT_FOUND)
        return !db_is_away(e);
    if (name->has_other) { /* of a claim that came to nothing */
        spool_delete(&r->spool, &name->job, &name->fence);
        return true;
    }
    e = spool_read(&r->spool, &t->arena, &name->job, &name->fence, &s);
    handover_drop(r, name, e == OK ? &s : NULL, old ? "nobody has asked for it" : "written, or taken over");
    return true;
}

void handover_tidy(struct runner_thread *t)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_mono_us();

    if (r->tidied_at_us != 0 && now_us - r->tidied_at_us < TIDY_EVERY_US)
        return;
    r->tidied_at_us = now_us;
    struct spool_name *names = arena_array(&t->arena, TIDY_MAX, sizeof *names);
    size_t n = spool_list(&r->spool, TIDY_MAX, names);
    for (size_t i = 0; i < n && handover_tidy_one(t, &names[i]); i++)
        ;
}
