#include "base/log.h"
#include "jobs/private.h"

#define GRACE_US (15 * US_PER_SEC) /* longer than a worker takes to notice that the database is back */

void leases_note_database(struct runner_thread *t, enum err e)
{
    struct runner *r = t->runner;

    lock_take(&r->lock);
    bool was_away = r->away;
    r->away = e != OK;
    if (was_away && !r->away) {
        r->grace_until_us = clock_mono_us() + GRACE_US;
        for (struct open_run *o = r->parked; o != NULL; o = o->next_parked)
            o->parked_until_us = 0;
    }
    lock_release(&r->lock);
    if (!was_away && e != OK)
        alarm_raise(r->worker->metrics->set, ALARM_DATABASE_AWAY, LOG_CSTR("error", err_slug(e)),
                    LOG_CSTR("database", db_error(t->db)), LOG_END);
    if (was_away && e == OK)
        log_event(LOG_WARNING, "database_back", LOG_END);
}

/*
 * After an outage the leases of our open runs may be over: renews them before anybody claims, so that their results are
 * written and not made unknown. Likewise while the database refuses a result and answers otherwise. A run whose job
 * somebody else has by now is left to its own next statement.
 */
enum err leases_renew(struct runner_thread *t)
{
    struct runner *r = t->runner;
    enum job_class class = r->worker->class->class;
    size_t n = 0;
    enum err e = OK;

    lock_take(&r->lock);
    struct job *jobs = arena_array(&t->arena, r->open_n + 1, sizeof *jobs);
    for (const struct open_run *o = r->open; o != NULL; o = o->after)
        jobs[n++] = (struct job){.id = o->run.job.id, .lease_token = o->run.job.lease_token};
    lock_release(&r->lock);
    if (n == 0) { /* then another statement must show that the database answers */
        struct job_due *due;
        return job_due(t->db, class, &t->arena, &due, &n);
    }
    for (size_t i = 0; i < n && (e == OK || e == ERR_CONFLICT); i++)
        e = job_hold(t->db, class, &jobs[i], clock_now_us() + r->worker->class->lease_us);
    return e == ERR_CONFLICT ? OK : e;
}
