#include "base/rand.h"
#include "jobs/private.h"

#define RECORD_MIN_US (100 * US_PER_MS)
#define RECORD_MAX_US (5 * US_PER_SEC)
#define REFUSED_TRIES 5
#define LOCKED_TRIES 5                /* about a minute: nobody of ours holds a row for that long */
#define REFUSED_US (600 * US_PER_SEC) /* for somebody who was told to mend what stands in the way */

void kept_count(struct runner *r, const struct open_run *o, int n)
{
    r->kept_n += (size_t)n;
    runner_state_of(r, o->run.kind)->kept += (size_t)n;
}

/*
 * A refusal that is not an outage is a fault of ours, and told. If it lasts, and the kind is not paused, which says that
 * others' results are taken, then this one will never be: the step must find another end, or the job is tried again.
 */
static void kept_note_refusal(struct runner_thread *t, struct open_run *o)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_now_us();

    if (o->refusals == 0 || now_us < o->refused_at_us) /* or the clock was set back */
        o->refused_at_us = now_us;
    if (o->refusals++ == 0) {
        runner_log_run(o, "not_recorded", LOG_ERROR, db_error(t->db));
        pause_note_kind(r, &o->run, true);
    }
    if (o->refusals == STUCK_TRIES)
        runner_alarm_of_run(&o->run, ALARM_JOB_STUCK);
    if (o->refusals < REFUSED_TRIES || now_us - o->refused_at_us < REFUSED_US || pause_is_paused(r, o->run.kind))
        return;
    o->run.unwritable = true;
    if (o->ending == RUN_FINISH || o->ending == RUN_AGAIN)
        o->ending = RUN_DROP;
}

/* It is tried on, and nothing is lost; but whoever holds these rows holds up others, too. */
static void kept_note_lock(struct runner_thread *t, struct open_run *o)
{
    if (++o->locked % LOCKED_TRIES != 0)
        return;
    runner_log_run(o, "not_recorded", LOG_ERROR, db_error(t->db));
    runner_alarm_of_run(&o->run, ALARM_JOB_STUCK);
}

/* A try that is repeated takes the same memory again: what was there when it was first put off stays. */
static void kept_mark(struct open_run *o)
{
    if (o->parked > 0 && o->mark.result == o->run.result && o->mark.ending == o->ending)
        return;
    o->mark.arena = arena_mark(&o->arena);
    o->mark.result = o->run.result;
    o->mark.ending = o->ending;
    o->mark.note = o->run.note;
}

void kept_put(struct runner_thread *t, struct open_run *o, enum err e)
{
    struct runner *r = t->runner;
    int64_t wait_us = MIN(RECORD_MIN_US << MIN(o->parked, 10u), RECORD_MAX_US);

    if (leases_is_outage(t, e))
        leases_doubt_database(r);
    else if (db_is_away(e))
        kept_note_lock(t, o);
    else
        kept_note_refusal(t, o);
    kept_mark(o);
    bool first = o->parked++ == 0;
    o->parked_until_us = clock_patience_us() + wait_us / 2 + (int64_t)rand_below((uint64_t)wait_us);
    lock_take(&r->lock);
    o->next_parked = r->parked;
    r->parked = o;
    if (first)
        kept_count(r, o, 1);
    lock_release(&r->lock);
}

void kept_went_on(struct runner *r, struct open_run *o)
{
    if (o->parked == 0)
        return;
    lock_take(&r->lock);
    kept_count(r, o, -1);
    lock_release(&r->lock);
    o->parked = o->refusals = o->locked = 0;
    o->run.unwritable = false;
}

/* A try may last for as long as a statement may, when somebody holds its rows. One thread is left to all else. */
static bool kept_may_try(const struct runner *r)
{
    return r->trying_n < (size_t)MAX(r->worker->conf->worker_threads - 1, 1);
}

struct open_run *kept_take(struct runner *r)
{
    int64_t now_us = clock_patience_us();
    struct open_run *o = NULL;

    lock_take(&r->lock); /* while the database is away, the thread whose turn it is asks for all */
    for (struct open_run **p = &r->parked; *p != NULL && !r->away && kept_may_try(r); p = &(*p)->next_parked)
        if ((*p)->parked_until_us <= now_us) {
            o = *p;
            *p = o->next_parked;
            r->trying_n++;
            break;
        }
    lock_release(&r->lock);
    if (o != NULL) {
        arena_back(&o->arena, &o->mark.arena);
        o->run.note = o->mark.note;
    }
    return o;
}

void kept_tried(struct runner *r)
{
    lock_take(&r->lock);
    r->trying_n--;
    lock_release(&r->lock);
}
