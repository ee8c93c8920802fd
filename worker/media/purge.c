/*
 * Deletes images when their time is over. Each has a job of its own, so that one goes at once when its user deletes it;
 * and a standing sweep looks for all that is due, so that the promise depends on no single job.
 */
#include "media/kinds.h"

#include <stdio.h>

#include "base/point.h"
#include "media/places.h"
#include "model/upload/upload.h"

#define SWEEP_EVERY_US (60 * US_PER_SEC)
#define SWEEP_AFTER_US (60 * US_PER_SEC) /* until then it is left to its own job */
#define SWEEP_BATCH 100
#define SWEEP_RUN_US (30 * US_PER_SEC) /* of one run, which then comes again at once */

/* The row is marked. A worker that dies in between repeats it. */
static enum job_step purge_places(struct job_run *run, struct places *places)
{
    enum job_step step = places_delete(run, places);

    if (step != JOB_DONE)
        return step;
    point("purge.file_deleted");
    enum err e = upload_purged(run->db, &places->id);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

struct purge {
    struct job_run *run;
    enum upload_purge what;
    struct upload_place place;
};

/*
 * Locks the row first and the job last, as upload_delete does: a deletion that comes meanwhile waits, and then finds a
 * job that it can make due sooner.
 */
static enum err purge_begin(struct db *db, void *arg)
{
    struct purge *p = arg;
    struct job_run *run = p->run;
    enum err e = upload_purge_begin(db, run->arena, &run->job.subject_id, &p->what, &p->place, &run->again_at_us);

    if (e == OK && p->what == PURGE_LATER)
        e = job_again(db, JOB_MEDIA, &run->job, run->again_at_us);
    return e;
}

static enum job_step purge_step(struct job_run *run)
{
    struct places *places = run->data;
    struct purge p = {.run = run};

    if (run->result != NULL)
        return purge_places(run, places);
    enum err e = db_tx(run->db, purge_begin, &p);

    if (e != OK)
        return job_run_failed(run, e);
    switch (p.what) {
    case PURGE_LATER:
        run->job_ended = true;
        return JOB_AGAIN;
    case PURGE_DONE:
        return JOB_DONE;
    case PURGE_FILE:
        break;
    }
    places = run->data = arena_alloc(run->arena, sizeof *places);
    places_begin(places, &p.place);
    return purge_places(run, places);
}

const struct job_kind purge_kind = {.name = "purge", .class = JOB_MEDIA, .step = purge_step};

/* The sweep */

struct sweep {
    struct upload_due after, *due;
    size_t n, at;
    int64_t by_us, until_us;
    enum err first;
    char note[200]; /* of the first error; the arena is given back */
    bool more;
    bool deleting; /* due[at] */
    struct places places;
    struct arena_mark mark; /* a batch is given back when it is done with */
};

struct sweep_one {
    struct job_run *run;
    const struct uuid *id;
    enum upload_purge what;
    struct upload_place place;
};

static enum err purge_sweep_begin(struct db *db, void *arg)
{
    struct sweep_one *s = arg;
    int64_t again_at_us;

    return upload_purge_begin(db, s->run->arena, s->id, &s->what, &s->place, &again_at_us);
}

/* JOB_DONE: that one is done with. */
static enum job_step purge_sweep_one(struct job_run *run, struct sweep *s)
{
    struct sweep_one one = {.run = run, .id = &s->due[s->at].id};

    if (!s->deleting) {
        enum err e = db_tx(run->db, purge_sweep_begin, &one);
        if (e != OK)
            return job_run_failed(run, e);
        if (one.what != PURGE_FILE)
            return JOB_DONE;
        places_begin(&s->places, &one.place);
        s->deleting = true;
    }
    return purge_places(run, &s->places);
}

static bool purge_sweep_may_go_on(const struct job_run *run, const struct sweep *s)
{
    return s->more && clock_mono_us() < s->until_us && !job_run_is_stopping(run);
}

/* One that cannot be deleted keeps no other: the first error is told when all have been tried. */
static enum job_step purge_sweep_batch(struct job_run *run, struct sweep *s)
{
    while (s->at < s->n && (s->deleting || purge_sweep_may_go_on(run, s))) {
        s->after = s->due[s->at];
        enum job_step step = purge_sweep_one(run, s);
        if (step == JOB_CALL || (step == JOB_ERROR && db_is_away(run->err)))
            return step;
        if (step == JOB_ERROR && s->first == OK) {
            s->first = run->err;
            (void)snprintf(s->note, sizeof s->note, "%s", run->note == NULL ? "" : run->note);
        }
        s->deleting = false;
        s->at++;
    }
    s->more = s->at < s->n || s->n == SWEEP_BATCH;
    return JOB_DONE;
}

static enum job_step purge_sweep_step(struct job_run *run)
{
    struct sweep *s = run->data;

    if (run->result == NULL) {
        s = run->data = arena_alloc(run->arena, sizeof *s);
        *s = (struct sweep){.after.id = UUID_NONE,
                            .by_us = clock_now_us() - SWEEP_AFTER_US,
                            .until_us = clock_mono_us() + SWEEP_RUN_US,
                            .more = true,
                            .mark = arena_mark(run->arena)};
    }
    while (s->deleting || purge_sweep_may_go_on(run, s)) {
        if (!s->deleting) {
            s->at = 0;
            enum err e = upload_due(run->db, run->arena, s->by_us, &s->after, SWEEP_BATCH, &s->due, &s->n);
            if (e != OK)
                return job_run_failed(run, e);
        }
        enum job_step step = purge_sweep_batch(run, s);
        if (step != JOB_DONE)
            return step;
        run->note = s->note[0] == '\0' ? NULL : s->note;
        arena_back(run->arena, &s->mark);
    }
    run->again_at_us = clock_now_us() + (s->more && s->first == OK ? 0 : SWEEP_EVERY_US);
    return s->first == OK ? JOB_AGAIN : job_run_failed(run, s->first);
}

const struct job_kind sweep_kind = {.name = "sweep", .class = JOB_MEDIA, .standing = true, .step = purge_sweep_step};
