/* The journal kind: the lines of a user reach the disk, and then their rows go. While the disk takes none, they wait. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "jobs/backoff.h"
#include "metrics/metrics.h"
#include "model/privacy/erasure.h"
#include "model/privacy/journal.h"
#include "privacy/kinds.h"

struct journal_batch {
    struct job_run *run;
    const struct journal_entry *entries;
    size_t n;
};

static enum err journal_written_tx(struct db *db, void *arg)
{
    const struct journal_batch *b = arg;

    return journal_written(db, b->entries, b->n);
}

/* The disk is somebody's to look at, and no fault of the job: it comes again, however often. */
static enum job_step journal_not_written(struct job_run *run)
{
    const char *why = strerror(errno);

    alarm_raise(run->worker->metrics->set, ALARM_JOURNAL_NOT_WRITTEN, LOG_CSTR("why", why),
                LOG_CSTR("dir", run->worker->conf->privacy_journal_dir.p), LOG_END);
    run->note = "the journal cannot be written";
    run->again_at_us = clock_now_us() + backoff_us(run->job.tries, US_PER_SEC, 60 * US_PER_SEC);
    return JOB_AGAIN;
}

static enum job_step journal_step(struct job_run *run)
{
    const struct worker *w = run->worker;
    struct journal_batch b = {.run = run};
    struct journal_entry *entries;

    enum err e = journal_due(run->db, run->arena, &run->job.subject_id, &entries, &b.n);
    if (e != OK)
        return job_run_failed(run, e);
    if (b.n == 0)
        return JOB_DONE;
    b.entries = entries;
    if (journal_append(w->conf->privacy_journal_dir.p, w->journal_keys, entries, b.n) != OK)
        return journal_not_written(run);
    e = db_tx(run->db, journal_written_tx, &b);
    if (e != OK)
        return job_run_failed(run, e); /* they are written once more, which does no harm */
    run->again_at_us = clock_now_us();
    return b.n == JOURNAL_MAX ? JOB_AGAIN : JOB_DONE;
}

const struct job_kind journal_kind = {.name = JOURNAL_JOB, .class = JOB_PRIVACY, .step = journal_step};
