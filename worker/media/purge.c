#include "media/kinds.h"

#include "base/point.h"
#include "model/upload/upload.h"
#include "store/store.h"

struct purge {
    struct job_run *run;
    enum upload_purge what;
};

/*
 * Locks the row first and the job last, as upload_delete does: a deletion that comes meanwhile waits, and then finds a
 * job that it can make due sooner.
 */
static enum err purge_begin(struct db *db, void *arg)
{
    struct purge *p = arg;
    struct job_run *run = p->run;
    enum err e = upload_purge_begin(db, run->arena, &run->job.subject_id, &p->what, &run->again_at_us);

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
    e = store_delete(&run->worker->store, &run->job.subject_id);
    point("purge.file_deleted");
    if (e == OK)
        e = upload_purged(run->db, &run->job.subject_id);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

const struct job_kind purge_kind = {.name = "purge", .class = JOB_MEDIA, .step = purge_step};
