#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "jobs/private.h"
#include "model/job/heartbeat.h"
#include "model/privacy/published.h"

#define PROBE_REST_US (600 * US_PER_SEC)
#define HURRY_BATCH 500 /* the next turn goes on */

/* Makes the jobs of which there is always one. */
static enum err claim_make_standing(struct runner_thread *t)
{
    const struct worker *w = t->runner->worker;
    enum err e = OK;

    for (const struct job_kind *const *k = w->kinds; *k != NULL && e == OK; k++)
        if ((*k)->standing && (*k)->class == w->class->class)
            e = job_add(t->db, (*k)->class, (*k)->name, &UUID_NONE, clock_now_us(), (struct str){0});
    return e;
}

/*
 * A suspect waits until nothing else is open: it may take the process with it, and what that alone knows. Results that the
 * database does not take may wait for long, and nobody waits for a suspect that cannot come yet. Holding the lock.
 */
static bool claim_is_alone(const struct runner *r)
{
    return r->alone && r->open_n > 0 && r->kept_n == 0;
}

/* Is there room for more runs? Holding the lock. */
static bool claim_may_begin(struct runner *r)
{
    return !atomic_load(&r->stopping) && clock_mono_us() >= r->next_claim_us && !claim_is_alone(r) &&
           r->open_n < (size_t)r->worker->conf->worker_in_flight_max;
}

/*
 * One thread claims at a time; when nothing is due, every idle_ms at most. While it has the turn, no other thread opens
 * runs. Every LOOK_US it has the turn even if nothing may begin, for the leases of what is open.
 */
static bool claim_turn(struct runner *r, bool *ret_may_begin)
{
    lock_take(&r->lock);
    *ret_may_begin = claim_may_begin(r);
    bool mine = !r->claiming && (*ret_may_begin || clock_mono_us() >= r->next_look_us);
    if (mine)
        r->claiming = true;
    lock_release(&r->lock);
    return mine;
}

bool claim_is_late(struct runner *r)
{
    lock_take(&r->lock);
    bool late = !r->claiming && clock_mono_us() >= r->next_look_us;
    lock_release(&r->lock);
    return late;
}

/* Who may not start with this configuration any more ends as with SIGTERM, and then does not start (model/privacy/published.h). */
static bool claim_policy_fits(struct runner_thread *t)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct runner *r = t->runner;

    if (!r->is_unfit && published_fits_still(t->db, r->worker->conf, &r->policy_looked_at_us, &why))
        return true;
    if (!r->is_unfit) {
        log_event(LOG_ERROR, "cannot_go_on", LOG_CSTR("why", why.p), LOG_END);
        (void)kill(getpid(), SIGTERM);
    }
    r->is_unfit = true;
    return false;
}

/* Called by the thread whose turn it is, while the database answers: a sign of life must mean that jobs run. */
static void claim_look_around(struct runner_thread *t)
{
    struct runner *r = t->runner;
    int64_t now_us = clock_now_us();

    if (llabs(now_us - r->beat_at_us) >= HEARTBEAT_EVERY_US) {
        r->beat_at_us = now_us;
        if (heartbeat_write(t->db, r->worker->class->class, now_us) != OK)
            log_event(LOG_WARNING, "heartbeat_not_written", LOG_CSTR("database", db_error(t->db)), LOG_END);
    }
    worker_metrics_tables(r->worker->metrics, t->db, &t->arena);
    handover_tidy(t);
}

static struct open_run *claim_open(struct runner *r, const struct job_kind *kind, const struct job *job, bool probe)
{
    struct open_run *o = xcalloc(1, sizeof(*o));

    arena_init(&o->arena, RUN_ARENA_BYTES);
    o->began_us = clock_mono_us();
    o->held_us = clock_patience_us();
    o->until_us = job->run_at_us;
    o->run = (struct job_run){.worker = r->worker,
                              .kind = kind,
                              .job = *job,
                              .arena = &o->arena,
                              .probe = probe,
                              .stopping = &r->stopping,
                              .lapsed_us = &r->lapsed_us};
    o->run.job.kind = arena_str(&o->arena, job->kind);
    o->run.job.request_id = arena_str(&o->arena, job->request_id);
    handover_open(r, o);
    lock_take(&r->lock);
    o->after = r->open;
    if (r->open != NULL)
        r->open->before = o;
    r->open = o;
    r->open_n++;
    runner_state_of(r, kind)->open++;
    if (job->runs > JOB_CRASHES_MAX)
        r->alone = true;
    lock_release(&r->lock);
    worker_metrics_runs(r->worker->metrics, 1);
    return o;
}

/*
 * How many of a kind may be claimed now. *ret_probe: it is paused, and these show whether that may end: one more than would
 * pause it, because some may fail for reasons of their own. Those whose results wait to be written show the same with each
 * try. With so many of them a probe would only add one, and begin what cannot be recorded: there is one in a long time, in
 * case that each of them is refused for a reason of its own.
 */
static size_t claim_room(struct runner *r, size_t kind, size_t left, bool *ret_probe)
{
    const struct kind_state *s = &r->kinds[kind];
    int64_t in_flight_max = r->worker->conf->worker_in_flight_max, share = r->worker->kinds[kind]->share_percent;
    size_t max = (size_t)MAX(in_flight_max * (share == 0 ? 100 : share) / 100, 1);

    *ret_probe = s->paused_until_us != 0;
    if (*ret_probe) {
        bool enough = s->kept > KIND_FAULTS;
        int64_t at_us = s->paused_until_us + (enough ? PROBE_REST_US : 0);
        return s->open == s->kept && clock_patience_us() >= at_us ? MIN(left, enough ? 1u : KIND_FAULTS + 1u) : 0;
    }
    return s->open >= max ? 0 : MIN(left, max - s->open);
}

/* When the oldest job of each of this class's kinds is due; INT64_MAX for those of other classes. In the order of the kinds. */
static enum err claim_ask_due(struct runner_thread *t, int64_t *ret_at_us)
{
    const struct worker *w = t->runner->worker;
    const char *names[JOB_KINDS_MAX];
    struct job_due due;
    size_t n = 0;

    for (size_t i = 0; w->kinds[i] != NULL; i++)
        if (w->kinds[i]->class == w->class->class) {
            ASSERT(n < JOB_KINDS_MAX);
            names[n++] = w->kinds[i]->name;
        }
    enum err e = job_due(t->db, w->class->class, &t->arena, names, n, &due);
    n = 0;
    for (size_t i = 0; w->kinds[i] != NULL && e == OK; i++)
        ret_at_us[i] = w->kinds[i]->class == w->class->class ? due.at_us[n++] : INT64_MAX;
    return e;
}

struct claims {
    struct open_run *opened[CLAIM_BATCH];
    size_t n;
    bool asked; /* for jobs, and not only for the leases of what is open */
};

/*
 * The answer to the COMMIT of a claim was lost. If it happened, the jobs are leased to nobody who runs them, and each
 * counts a run: after three of these it would look as if it had killed as many workers.
 */
static void claim_doubt(struct runner *r, const struct job *jobs, size_t n)
{
    lock_take(&r->lock);
    for (size_t i = 0; i < n; i++)
        r->doubtful[r->doubtful_n++] = jobs[i];
    lock_release(&r->lock);
}

static enum err claim_settle_doubt(struct runner_thread *t)
{
    struct runner *r = t->runner;

    if (r->doubtful_n == 0)
        return OK;
    enum err e = job_unclaim(t->db, r->worker->class->class, r->doubtful, r->doubtful_n);
    if (e != OK)
        return e;
    lock_take(&r->lock);
    r->doubtful_n = 0;
    lock_release(&r->lock);
    return OK;
}

static enum err claim_kind(struct runner_thread *t, size_t i, struct claims *c)
{
    struct runner *r = t->runner;
    const struct job_kind *kind = r->worker->kinds[i];
    struct job *jobs = NULL;
    size_t n = 0;
    bool probe, suspect;

    lock_take(&r->lock);
    bool alone = r->open_n == 0, kept = r->kept_n > 0;
    size_t left = MIN(CLAIM_BATCH - c->n, (size_t)r->worker->conf->worker_in_flight_max - r->open_n);
    size_t room = claim_room(r, i, left, &probe);
    lock_release(&r->lock);
    if (room == 0)
        return OK;
    struct job_claim claim = {.class = kind->class,
                              .kind = kind->name,
                              .now_us = clock_now_us(),
                              .lease_us = r->worker->class->lease_us,
                              .max = room,
                              .lapsed_us = atomic_load(&r->lapsed_us),
                              .alone = alone,
                              .pass_suspects = kept,
                              .round = kind->users_take_turns ? &r->kinds[i].round : NULL,
                              .may_take = handover_may_take,
                              .may_take_arg = r};
    enum err e = job_claim(t->db, &claim, &t->arena, &jobs, &n, &suspect);
    if (e == ERR_OUTCOME_UNKNOWN)
        claim_doubt(r, jobs, n);
    for (size_t j = 0; j < n && e == OK; j++)
        c->opened[c->n++] = claim_open(r, kind, &jobs[j], probe);
    if (e == OK && suspect) {
        lock_take(&r->lock);
        r->alone = true;
        if (n == 0)
            r->next_kind = i; /* it comes first when all others have ended */
        lock_release(&r->lock);
    }
    return e;
}

static enum err claim_hurry(struct runner_thread *t)
{
    struct runner *r = t->runner;
    uint64_t n;

    if (!r->hurries)
        return OK;
    enum err e = job_hurry(t->db, r->worker->class->class, clock_now_us(), HURRY_BATCH, &n);
    r->hurries = e != OK || n == HURRY_BATCH;
    return e;
}

/* The kinds take turns to be first. */
static enum err claim_kinds(struct runner_thread *t, struct claims *c)
{
    struct runner *r = t->runner;
    int64_t *due_us = arena_array(&t->arena, r->kinds_n, sizeof *due_us);
    size_t first = r->next_kind;

    enum err e = claim_ask_due(t, due_us);
    lock_take(&r->lock);
    r->next_kind = (first + 1) % r->kinds_n;
    if (!claim_is_alone(r))
        r->alone = false;
    lock_release(&r->lock);
    for (size_t j = 0; j < r->kinds_n && e == OK && c->n < CLAIM_BATCH && !r->alone; j++) {
        size_t i = (first + j) % r->kinds_n;
        if (due_us[i] <= clock_now_us())
            e = claim_kind(t, i, c);
    }
    return e;
}

/* After an outage what is known comes first: what is begun must find it written. */
static bool claim_is_settling(struct runner *r)
{
    lock_take(&r->lock);
    bool settling = r->kept_n > 0 && leases_in_grace(r);
    lock_release(&r->lock);
    return settling;
}

static enum err claim_try(struct runner_thread *t, bool may_begin, struct claims *c)
{
    struct runner *r = t->runner;

    enum err e = leases_keep(t);
    if (e == OK)
        e = claim_settle_doubt(t);
    if (e == OK)
        e = claim_hurry(t);
    if (e != OK)
        return e;
    if (!atomic_load(&r->stopping) && !claim_policy_fits(t))
        return OK;
    if (!r->refused && !atomic_load(&r->stopping))
        claim_look_around(t);
    if (!may_begin || claim_is_settling(r))
        return OK;
    c->asked = true;
    if (!r->standing_made)
        e = claim_make_standing(t);
    if (e != OK)
        return e;
    r->standing_made = true;
    return claim_kinds(t, c);
}

/* A database that answers, and refuses the claim itself: the schema or the grants do not fit. */
static void claim_note_refusal(struct runner_thread *t, enum err e, bool asked)
{
    struct runner *r = t->runner;
    bool refused = e != OK && !db_is_away(e), was = r->refused;

    if (e == OK && !asked)
        return;

    r->refused = refused;
    if (refused && !was)
        alarm_raise(r->worker->metrics->set, ALARM_KIND_PAUSED, LOG_CSTR("kind", "all"), LOG_CSTR("error", err_slug(e)),
                    LOG_CSTR("detail", db_error(t->db)), LOG_END);
    if (was && e == OK)
        log_event(LOG_WARNING, "kind_resumed", LOG_CSTR("kind", "all"), LOG_END);
}

bool runner_claim(struct runner_thread *t)
{
    struct runner *r = t->runner;
    struct claims c = {.n = 0};
    bool may_begin;

    if (!claim_turn(r, &may_begin))
        return false;
    enum err e = claim_try(t, may_begin, &c);
    if (leases_is_outage(t, e))
        leases_note_database(t, e);
    claim_note_refusal(t, e, c.asked);
    arena_clear(&t->arena);
    lock_take(&r->lock);
    r->claiming = false;
    r->next_look_us = clock_mono_us() + LOOK_US;
    if (e != OK)
        r->next_claim_us = r->next_look_us;
    else if (may_begin && c.n == 0)
        r->next_claim_us = clock_mono_us() + r->worker->conf->worker_idle_ms * US_PER_MS;
    lock_release(&r->lock);
    runner_begin(t, c.opened, c.n);
    return c.n > 0;
}
