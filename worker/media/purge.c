/*
 * Deletes images when their time is over. Each has a job of its own, so that one goes at once when its user deletes it;
 * and a standing sweep looks for all that is due, so that the promise depends on no single job.
 */
#include "media/kinds.h"

#include "base/point.h"
#include "model/upload/upload.h"
#include "store/store.h"

#define SWEEP_EVERY_US (60 * US_PER_SEC)
#define SWEEP_AFTER_US (60 * US_PER_SEC) /* until then it is left to its own job */
#define SWEEP_BATCH 100
#define SWEEP_RUN_US (30 * US_PER_SEC) /* of one run, which then comes again at once */

/* What a bucket says of a failure is for the log. */
static enum err purge_place(struct job_run *run, const struct uuid *id, int store)
{
    struct store_said said = {.error = ""};
    enum err e = store_delete(run->worker->store, (enum store_kind)store, id, &said);

    if (e != OK && said.error[0] != '\0')
        run->note = arena_printf(run->arena, "%s %s", said.error, said.request_id).p;
    return e;
}

/* Deletes the file of a row that is marked. A worker that dies in between repeats it. */
static enum err purge_file(struct job_run *run, const struct upload_place *place)
{
    enum err e = purge_place(run, &place->id, place->store);

    if (e == OK && place->store_other != place->store)
        e = purge_place(run, &place->id, place->store_other);
    point("purge.file_deleted");
    return e == OK ? upload_purged(run->db, &place->id) : e;
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
    struct purge p = {.run = run};
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
    e = purge_file(run, &p.place);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

const struct job_kind purge_kind = {.name = "purge", .class = JOB_MEDIA, .step = purge_step};

/* The sweep */

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

static enum err purge_sweep_one(struct job_run *run, const struct uuid *id)
{
    struct sweep_one s = {.run = run, .id = id};
    enum err e = db_tx(run->db, purge_sweep_begin, &s);

    return e == OK && s.what == PURGE_FILE ? purge_file(run, &s.place) : e;
}

struct sweep {
    struct upload_due after;
    int64_t by_us, until_us;
    enum err first;
    bool more;
};

static bool purge_sweep_may_go_on(const struct job_run *run, const struct sweep *s)
{
    return s->more && clock_mono_us() < s->until_us && !job_run_is_stopping(run);
}

/* One that cannot be deleted keeps no other: the first error is told when all have been tried. */
static enum err purge_sweep_batch(struct job_run *run, struct sweep *s)
{
    struct upload_due *due;
    size_t n, i;

    enum err e = upload_due(run->db, run->arena, s->by_us, &s->after, SWEEP_BATCH, &due, &n);
    if (e != OK)
        return e;
    for (i = 0; i < n && purge_sweep_may_go_on(run, s); i++) {
        s->after = due[i];
        e = purge_sweep_one(run, &due[i].id);
        if (db_is_away(e))
            return e;
        s->first = s->first == OK ? e : s->first;
    }
    s->more = i < n || n == SWEEP_BATCH;
    return OK;
}

static enum job_step purge_sweep_step(struct job_run *run)
{
    struct sweep s = {.after.id = UUID_NONE,
                      .by_us = clock_now_us() - SWEEP_AFTER_US,
                      .until_us = clock_mono_us() + SWEEP_RUN_US,
                      .more = true};
    struct arena_mark mark = arena_mark(run->arena);

    while (purge_sweep_may_go_on(run, &s)) {
        enum err e = purge_sweep_batch(run, &s);
        if (e != OK)
            return job_run_failed(run, e);
        arena_back(run->arena, &mark);
    }
    run->again_at_us = clock_now_us() + (s.more && s.first == OK ? 0 : SWEEP_EVERY_US);
    return s.first == OK ? JOB_AGAIN : job_run_failed(run, s.first);
}

const struct job_kind sweep_kind = {.name = "sweep", .class = JOB_MEDIA, .standing = true, .step = purge_sweep_step};
