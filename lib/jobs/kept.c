#include "base/rand.h"
#include "jobs/private.h"

#define RECORD_MIN_US (100 * US_PER_MS)
#define RECORD_MAX_US (5 * US_PER_SEC)

void kept_count(struct runner *r, const struct open_run *o, int n)
{
    r->kept_n += (size_t)n;
    runner_state_of(r, o->run.kind)->kept += (size_t)n;
}

/* Keeps a run until the database takes what it has to write. A refusal that is not an outage is a fault of ours, and
 * told once. */
void kept_put(struct runner_thread *t, struct open_run *o, enum err e)
{
    struct runner *r = t->runner;

    if (db_is_away(e)) {
        leases_note_database(t, e);
    } else if (o->parked == 0) {
        runner_log_run(o, "not_recorded", LOG_ERROR, db_error(t->db));
        pause_note_kind(r, &o->run, true);
    }
    if (!db_is_away(e) && o->parked == STUCK_TRIES)
        runner_alarm_of_run(o, ALARM_JOB_STUCK);
    int64_t wait_us = MIN(RECORD_MIN_US << MIN(o->parked, 10u), RECORD_MAX_US);

    bool first = o->parked++ == 0;
    o->parked_until_us = clock_mono_us() + wait_us / 2 + (int64_t)rand_below((uint64_t)wait_us);
    lock_take(&r->lock);
    o->next_parked = r->parked;
    r->parked = o;
    if (first)
        kept_count(r, o, 1);
    lock_release(&r->lock);
}

struct open_run *kept_take(struct runner *r)
{
    int64_t now_us = clock_mono_us();
    struct open_run *o = NULL;

    lock_take(&r->lock); /* while the database is away, the thread whose turn it is asks for all */
    for (struct open_run **p = &r->parked; *p != NULL && !r->away; p = &(*p)->next_parked)
        if ((*p)->parked_until_us <= now_us) {
            o = *p;
            *p = o->next_parked;
            break;
        }
    lock_release(&r->lock);
    return o;
}
