/*
 * Jobs: rows that say what is left to do, written in the same transaction as the change that causes them. A job
 * carries ids only; the worker derives what may be done from the state rows.
 *
 * A job's life. The arrows are the statements of job.c; tests/lint/pictures checks that they agree:
 *
 *                   +-add-+                       +-hold, take-+
 *                   |     |                       |            |
 *                   |     |                       |   +--------+
 *                   |     v                       |   v
 *    [new] --add--> [ready] --------take--------> [running] --finish--> (gone)
 *                    ^   ^                         |     |
 *                    |   +-------again, drop-------+     |
 *                    |                                   |
 *                    +------add------- [dead] <---bury---+
 *
 * ready: due at run_at_us. running: it has a lease_token, and run_at_us is the end of the lease; when the worker dies,
 * the job becomes due again by itself, and somebody else takes it. Every hold, postponement and end is conditional on
 * the token, so a worker that was frozen beyond its lease changes nothing. dead: it crashed JOB_RUNS_MAX times; an
 * alarm tells the admin, and whoever asks for the job again revives it.
 */
#pragma once

#include "base/str.h"
#include "db/db.h"

enum job_class { JOB_PUBLISH, JOB_MEDIA, JOB_CLASS__MAX };

extern const char *const job_class_names[]; /* "publish", "media", NULL */

#define JOB_RUNS_MAX 5 /* crashes; then it is dead, and shown */
#define JOB_CLAIM_MAX 64
#define JOB_REST_US (INT64_C(3600) * 1000000) /* how long a revived job waits */

struct job {
    struct uuid id, subject_id, lease_token;
    struct str kind;
    int64_t run_at_us; /* once claimed, the end of the lease */
    int64_t runs, tries;
    struct str request_id;
    int64_t created_at_us;
};

/*
 * Call it in a transaction. If the job of this kind and subject exists, it is only made due sooner; not while it runs,
 * because run_at_us is then the lease that protects the run. A dead job is revived, but rests first: its cause of
 * death may be gone by now, and if not, it harms the worker a few times an hour at most.
 */
MUST_CHECK enum err job_add(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id,
                            int64_t run_at_us, struct str request_id);

/* Takes up to max due jobs (max <= JOB_CLAIM_MAX), the oldest first. Jobs with more than JOB_RUNS_MAX runs come, too:
 * the worker buries them. */
MUST_CHECK enum err job_claim(struct db *db, enum job_class c, int64_t now_us, int64_t lease_us, size_t max,
                              struct arena *arena, struct job **ret_jobs, size_t *ret_n);

/* All of them need the lease: ERR_CONFLICT if somebody else has it by now. They may be called in a transaction. */
MUST_CHECK enum err job_finish(struct db *db, enum job_class c, const struct job *job); /* deletes it */
MUST_CHECK enum err job_again(struct db *db, enum job_class c, const struct job *job,
                              int64_t run_at_us);                                     /* runs = 0, tries + 1 */
MUST_CHECK enum err job_bury(struct db *db, enum job_class c, const struct job *job); /* dead */

/*
 * The last statement of a transaction of a run that writes and does not end the job. It makes sure that the lease is
 * still ours, keeps others from taking it before the commit, and extends it to until_us at least (0: leaves its end as
 * it is).
 */
MUST_CHECK enum err job_hold(struct db *db, enum job_class c, const struct job *job, int64_t until_us);

/* What is in the table, for monitoring. Counted up to JOB_COUNT_MAX, so that no statement walks a long queue. */
#define JOB_COUNT_MAX 10000
struct job_counts {
    int64_t due, later, dead; /* later: not due yet, or running (then run_at_us is its lease) */
    int64_t oldest_at_us;     /* when the oldest due job became due; 0: none is due */
};
MUST_CHECK enum err job_count(struct db *db, enum job_class c, struct arena *arena, int64_t now_us,
                              struct job_counts *ret_counts);

/* Gives up a run without a result. counted: it counts as a crash; false if it was the database that was away. */
MUST_CHECK enum err job_drop(struct db *db, enum job_class c, const struct job *job, int64_t run_at_us, bool counted);
