#include <stdlib.h>

#include "base/log.h"
#include "jobs/private.h"
#include "model/job/heartbeat.h"

#define RENEW_US (30 * US_PER_SEC)     /* well within a lease */
#define ALSO_US (15 * US_PER_SEC)      /* by then who takes the job over has taken up what was left (handover.c) */
#define STOOD_US (5 * US_PER_SEC)      /* much longer than from one turn to the next */
#define GRACE_US (15 * US_PER_SEC)     /* longer than a worker takes to notice that the database is back */
#define JUMP_GRACE_US (3 * US_PER_SEC) /* longer than it takes to notice that the clock was set on */

/* It does not know what the database did a moment ago: it may be back from an outage in which leases of others ended. */
void leases_start(struct runner *r)
{
    r->looked_at_us = clock_now_us();
    r->looked_mono_us = clock_mono_us();
    r->grace_until_us = r->looked_at_us + GRACE_US;
    r->hurries = true;
}

/*
 * Signs of life of the class say what the database did: if it has answered others all the while, there was no outage that
 * leases could have ended in. Without this, workers that die again and again within the grace would never take anything
 * over.
 */
static enum err leases_ask_others(struct runner_thread *t, int64_t now_us)
{
    struct runner *r = t->runner;
    int64_t since_us;

    if (r->others_asked)
        return OK;
    enum err e = heartbeat_steady(t->db, r->worker->class->class, now_us, &since_us);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    r->others_asked = true;
    if (e == OK) {
        lock_take(&r->lock);
        r->grace_until_us = MIN(r->grace_until_us, since_us + GRACE_US);
        lock_release(&r->lock);
    }
    return OK;
}

bool leases_in_grace(struct runner *r)
{
    return clock_now_us() < r->grace_until_us;
}

bool leases_is_outage(const struct runner_thread *t, enum err e)
{
    return db_is_away(e) && !db_is_locked(t->db, e);
}

/*
 * A result was not taken in time. That may be its table alone, which an ALTER blocks: only statements of the turn, about the
 * jobs themselves, say that the database is away.
 */
void leases_doubt_database(struct runner *r)
{
    lock_take(&r->lock);
    if (!r->away) {
        r->doubted = true;
        r->next_look_us = 0;
    }
    lock_release(&r->lock);
}

void leases_note_database(struct runner_thread *t, enum err e)
{
    struct runner *r = t->runner;
    const char *unfit = e != OK ? db_unfit(t->db) : NULL;

    lock_take(&r->lock);
    bool was_away = r->away, news = !was_away || (unfit != NULL && unfit != r->unfit);
    r->away = e != OK;
    r->unfit = unfit;
    if (was_away && !r->away) {
        r->grace_until_us = clock_now_us() + GRACE_US;
        for (struct open_run *o = r->parked; o != NULL; o = o->next_parked)
            o->parked_until_us = 0;
    }
    lock_release(&r->lock);
    if (news && e != OK)
        alarm_raise(r->worker->metrics->set, ALARM_DATABASE_AWAY, LOG_CSTR("error", err_slug(e)),
                    LOG_CSTR("database", db_error(t->db)), LOG_END);
    if (was_away && e == OK)
        log_event(LOG_WARNING, "database_back", LOG_END);
}

/* What an open run holds. */
struct held {
    const struct worker_class *class;
    struct job job;
    struct job_lease also;
    int64_t until_us; /* as it was extended the last time */
};

/*
 * What is somebody else's by now is left to the run's own next statement. What somebody else has locked is not waited for:
 * the others' leases may be ending, and a worker that waits looks as if it stood still. ERR_AGAIN.
 */
static enum err leases_hold(struct db *db, void *arg)
{
    const struct held *h = arg;
    int64_t until_us = clock_now_us() + h->class->lease_us;
    enum err e = OK;

    if (h->also.hold != NULL)
        e = h->also.hold(db, &h->also.id, &h->also.token, until_us + ALSO_US);
    return e == OK || e == ERR_CONFLICT ? job_renew(db, h->class->class, &h->job, until_us) : e;
}

/* Then the next turn tries it again, if it is still open. */
static void leases_put_off(struct runner *r, const struct held *h)
{
    lock_take(&r->lock);
    for (struct open_run *o = r->open; o != NULL; o = o->after)
        if (uuid_eq(&o->run.job.id, &h->job.id) && uuid_eq(&o->run.job.lease_token, &h->job.lease_token)) {
            o->held_us -= RENEW_US;
            o->until_us = h->until_us;
        }
    lock_release(&r->lock);
}

/* A row that somebody else holds keeps no other from being extended. *ret_left_us: when the lease of the first of them
 * ends. */
static enum err leases_hold_all(struct runner_thread *t, struct held *held, size_t n, int64_t *ret_left_us)
{
    enum err first = OK;

    for (size_t i = 0; i < n && !db_is_away(first); i++) {
        enum err e = db_tx(t->db, leases_hold, &held[i]);
        if (e == OK || e == ERR_CONFLICT)
            continue;
        if (e == ERR_AGAIN || db_is_locked(t->db, e)) {
            leases_put_off(t->runner, &held[i]);
            *ret_left_us = MIN(*ret_left_us, held[i].until_us);
        } else if (first == OK || db_is_away(e)) {
            first = e;
        }
    }
    return first;
}

/* Extends the leases of the open runs, all of them or those whose time has come. ask: the database must show that it answers. */
static enum err leases_renew(struct runner_thread *t, bool all, bool ask, int64_t *ret_left_us)
{
    struct runner *r = t->runner;
    const struct worker_class *class = r->worker->class;
    int64_t patience_us = clock_patience_us(), until_us = clock_now_us() + class->lease_us;
    size_t n = 0;
    enum err e;

    *ret_left_us = INT64_MAX;
    lock_take(&r->lock);
    struct held *held = arena_array(&t->arena, r->open_n + 1, sizeof *held);
    for (struct open_run *o = r->open; o != NULL; o = o->after)
        if (all || patience_us - o->held_us >= RENEW_US) {
            held[n++] = (struct held){
                class, {.id = o->run.job.id, .lease_token = o->run.job.lease_token}, o->also, o->until_us};
            o->held_us = patience_us;
            o->until_us = until_us;
        }
    lock_release(&r->lock);
    if (n == 0 && ask) {
        struct job_due due;
        e = job_due(t->db, class->class, &t->arena, NULL, 0, &due);
    } else {
        e = leases_hold_all(t, held, n, ret_left_us);
    }
    r->renew_all = e != OK;
    return e;
}

/*
 * The wall clock says that much more time has passed than from one turn to the next, or less than none. Either it was set,
 * or the machine slept, which looks the same; or this worker stood still, or one of its statements did. Leases of others
 * may look over though their workers live: they need a moment to see the same and to renew them. A grace that was given
 * by the clock before means nothing now.
 */
static void leases_give_grace(struct runner *r, int64_t now_us, int64_t mono_us)
{
    int64_t wall_us = now_us - r->looked_at_us, passed_us = mono_us - r->looked_mono_us;
    bool stood = passed_us > STOOD_US;

    if (now_us < r->looked_at_us) {
        r->standing_made = false; /* they are due at once, and look for what is put off now */
        r->hurries = true;
    }

    lock_take(&r->lock);
    r->grace_until_us = clock_now_us() + (stood ? GRACE_US : JUMP_GRACE_US);
    lock_release(&r->lock);
    log_event(LOG_WARNING, stood ? "stood_still" : "clock_jumped",
              LOG_INT("seconds", (stood ? passed_us : wall_us - passed_us) / US_PER_SEC), LOG_END);
}

enum err leases_keep(struct runner_thread *t)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_now_us(), mono_us = clock_mono_us(), left_us;
    bool jumped = llabs(now_us - r->looked_at_us) > STOOD_US;

    lock_take(&r->lock);
    bool away = r->away, all = away || jumped || r->renew_all, doubted = r->doubted;
    r->doubted = false;
    lock_release(&r->lock);
    enum err e = leases_renew(t, all, all || doubted, &left_us);
    if (e == OK)
        e = leases_ask_others(t, now_us);
    if (e != OK)
        return e;
    if (jumped)
        leases_give_grace(r, now_us, mono_us);
    if (away)
        leases_note_database(t, OK);
    r->looked_at_us = now_us;
    r->looked_mono_us = mono_us;
    lock_take(&r->lock);
    /* What this worker has open was not over then, so it never takes that itself. */
    atomic_store(&r->lapsed_us, leases_in_grace(r) ? 0 : MIN(now_us, left_us - 1));
    lock_release(&r->lock);
    return OK;
}
