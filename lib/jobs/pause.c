#include "base/log.h"
#include "jobs/private.h"

#define PAUSE_MIN_US (2 * US_PER_SEC)
#define PAUSE_MAX_US (10 * US_PER_SEC)

static bool pause_has_failed(const struct kind_state *s, const struct uuid *subject)
{
    for (size_t i = 0; i < s->failed_n; i++)
        if (uuid_eq(&s->failed[i], subject))
            return true;
    return false;
}

bool pause_is_paused(struct runner *r, const struct job_kind *kind)
{
    lock_take(&r->lock);
    bool paused = runner_state_of(r, kind)->paused_until_us != 0;
    lock_release(&r->lock);
    return paused;
}

bool pause_is_by_call(struct runner *r, const struct job_kind *kind)
{
    lock_take(&r->lock);
    bool by_call = runner_state_of(r, kind)->failed_by_call;
    lock_release(&r->lock);
    return by_call;
}

void pause_note_kind(struct runner *r, const struct job_run *run, bool fault)
{
    bool pauses = false, resumes = false, stuck = false, by_call = run->fault && !run->is_old;

    lock_take(&r->lock);
    struct kind_state *s = runner_state_of(r, run->kind);
    if (!fault) {
        resumes = s->paused_until_us != 0;
        s->failed_n = 0;
        s->failed_by_call = false;
        s->unsent = 0;
        s->pause_us = s->paused_until_us = 0;
    } else if (s->paused_until_us != 0 || !pause_has_failed(s, &run->job.subject_id)) {
        pauses = s->paused_until_us == 0 && s->failed_n + 1 == KIND_FAULTS;
        if (s->failed_n < KIND_FAULTS)
            s->failed[s->failed_n++] = run->job.subject_id;
        s->failed_by_call = s->failed_by_call || by_call;
        if (s->failed_n == KIND_FAULTS) {
            s->pause_us = s->pause_us == 0 ? PAUSE_MIN_US : MIN(s->pause_us * 2, PAUSE_MAX_US);
            s->paused_until_us = clock_patience_us() + s->pause_us;
        }
    }
    if (fault && by_call)
        stuck = ++s->unsent % STUCK_TRIES == 0 && s->paused_until_us == 0;
    lock_release(&r->lock);
    if (stuck)
        runner_alarm_of_run(run, ALARM_JOB_STUCK);
    if (pauses)
        alarm_raise(r->worker->metrics->set, ALARM_KIND_PAUSED, LOG_CSTR("kind", run->kind->name),
                    LOG_CSTR("error", run->err == OK ? NULL : err_slug(run->err)), LOG_CSTR("note", run->note),
                    LOG_CSTR("detail", run->result == NULL ? NULL : run->result->detail), LOG_END);
    if (resumes)
        log_event(LOG_WARNING, "kind_resumed", LOG_CSTR("kind", run->kind->name), LOG_END);
}
