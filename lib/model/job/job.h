/*
 * Jobs: rows that say what is left to do, written in the same transaction as the change that causes them. A job
 * carries ids only; the worker derives what may be done from the state rows.
 *
 * A job's life. The arrows are the statements of job.c and job_claim.c; tests/lint/pictures checks that
 * they agree:
 *
 *                   +-ask-+                       +-hold, about, stay-+
 *                   |     |                       |                   |
 *                   |     |                       |   +---------------+
 *                   |     v                       |   v
 *    [new] --add--> [ready] --------take--------> [running] --finish--> (gone)
 *                    ^   ^                         |     |
 *                    |   +--again, drop, restart---+     |
 *                    |                                   |
 *                    +------add------- [dead] <---bury---+
 *
 *    ask = add, hurry
 *    stay = take, hurry, leave, return
 *
 * ready: due at run_at_us. running: it has a lease_token, and run_at_us is the end of the lease; when the worker dies,
 * the job becomes due again by itself, and somebody else takes it. Every hold, postponement and end is conditional on
 * the token, so a worker that was frozen beyond its lease changes nothing. Whoever asks for a job that runs leaves
 * wanted_at_us, and the run that ends starts it again (restart). dead: see JOB_RUNS_MAX; an alarm tells the admin, and
 * whoever asks for the job again revives it. return takes a claim back that nobody heard the end of: the job is as it was, ready, or
 * running in a worker that is gone. leave is a part of the claim that must not take such a job: it is as it was, for a moment longer.
 *
 * Sooner, a job is moved by whoever asks for it again; later, by its own run, which reads from the state rows when it is
 * time. So whoever puts a post off writes its row and nothing here: a run that comes too early costs a statement or two.
 */
#pragma once

#include "base/str.h"
#include "db/db.h"

enum job_class { JOB_PUBLISH, JOB_MEDIA, JOB_MAIL, JOB_BILLING, JOB_PRIVACY, JOB_CLASS__MAX };

extern const char *const job_class_names[]; /* "publish", "media", "mail", "billing", "privacy", NULL */

/*
 * A run that ends, whatever came of it, sets runs back. So runs counts the processes that died while they ran the job.
 * Others ran beside it and may be to blame: after JOB_CRASHES_MAX such deaths it runs alone, and when the process dies
 * then, too, it is the job's own fault, and it is buried.
 */
#define JOB_CRASHES_MAX 2
#define JOB_RUNS_MAX (JOB_CRASHES_MAX + 1)
#define JOB_CLAIM_MAX 64
/* No lease ends that far ahead, however clocks differ: one that does was given before a clock was set back. */
#define JOB_LEASE_FAR_US (INT64_C(600) * 1000000)
#define JOB_REST_US (INT64_C(3600) * 1000000) /* how long a revived job waits */

struct job {
    struct uuid id, subject_id, lease_token;
    struct str kind;
    int64_t run_at_us; /* once claimed, the end of the lease, */
    int64_t due_at_us; /* and this is what it was before */
    int64_t runs, tries;
    int64_t failures;       /* in a row */
    int64_t slot_at_us;     /* 0: none is reserved */
    struct uuid about_id;   /* of the run of a suspect that did not end: job_note_about; else none */
    struct uuid left_token; /* the lease token of the run before, when that did not end; else none */
    struct str request_id;
    int64_t created_at_us;
};

/* Must it run alone? Before it is claimed. */
static inline bool job_is_suspect(const struct job *job)
{
    return job->runs >= JOB_CRASHES_MAX;
}

/*
 * Call it in a transaction. If the job of this kind and subject exists, it is only made due sooner; while it runs, it
 * will run again, not before run_at_us. A lease too far ahead (JOB_LEASE_FAR_US) holds nobody up: a worker that lives
 * extends it from now. A dead job is revived, but rests first, however often it is asked for: its cause of death may be
 * gone by now, and if not, it harms the worker a few times an hour at most.
 */
MUST_CHECK enum err job_add(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id,
                            int64_t run_at_us, struct str request_id);

/* The same for a job of a kind for which users take turns (struct job_round): it is this user's. */
MUST_CHECK enum err job_add_of(struct db *db, enum job_class c, const char *kind, const struct uuid *subject_id,
                               const struct uuid *user_id, int64_t run_at_us, struct str request_id);

/*
 * The same for several at once, in a transaction: DB_MANY_MAX at most. Likewise job_hold_many, job_finish_many and
 * job_restart_many; of these ERR_CONFLICT says that one of the jobs is somebody else's by now, or, of job_finish_many, that one
 * was wanted meanwhile. Nobody knows which, so the transaction must be taken back.
 */
struct job_new {
    const char *kind;
    struct uuid subject_id, user_id; /* user_id: none for a kind of which users take no turns */
    int64_t run_at_us;
    struct str request_id;
};
MUST_CHECK enum err job_add_many(struct db *db, enum job_class c, const struct job_new *jobs, size_t n);

/* For any number of them: whoever locks several jobs does so in the order of their ids. */
MUST_CHECK enum err job_add_all(struct db *db, enum job_class c, struct arena *arena, const struct job_new *jobs,
                                size_t n);

/* When the oldest job of each of these kinds is due, so that a claim need not ask in vain: one statement for all of them. */
#define JOB_KINDS_MAX 8
struct job_due {
    int64_t at_us[JOB_KINDS_MAX]; /* in the order of the kinds; INT64_MAX: there is none */
};
MUST_CHECK enum err job_due(struct db *db, enum job_class c, struct arena *arena, const char *const *kinds, size_t n,
                            struct job_due *ret_due);

/*
 * Users take turns while more is due than a claim takes. Claims then go through the users in rounds. A round goes over
 * what is due at until_us in the order of time, takes the oldest due job of each user and no other, and the next claim
 * goes on at from_us. So whoever has one job waits until each of the others has had a turn, or two when a round is under
 * way, and not until the others have no more.
 *
 * Why so: the order comes from what the rows say anyway, whose a job is and when it is due. Nothing else is written, so a
 * crash leaves nothing wrong, older programs run beside (a row without a user is that of a user of its own), and workers
 * need not agree. A number per user, as in start-time fair queueing, would have to be given to a job at the moment at
 * which it becomes due, and then nobody writes. What a claim reads and passes over is what the users that it takes have
 * due besides; tiktok.accounts_max caps that.
 */
struct job_round {
    int64_t from_us, until_us; /* 0, 0: no round is under way, jobs come by their time alone */
};

#define JOB_LEFT_US (30 * US_PER_SEC)

/*
 * Takes due jobs of one kind, the oldest first, in a transaction of its own. Those that another worker is taking right
 * now are passed over, so workers neither wait for each other nor fight. A suspect comes by itself (alone), or not at
 * all; then *ret_suspect is true, and what is behind it waits, unless suspects are passed over. Jobs with JOB_RUNS_MAX runs or more come, too: the
 * worker buries them.
 */
struct job_claim {
    enum job_class class;
    const char *kind;
    int64_t now_us, lease_us;
    int64_t lapsed_us;  /* jobs of others come if their lease was over at this time; now_us, or less after an outage */
    size_t max;         /* at most JOB_CLAIM_MAX */
    bool alone;         /* nothing else runs: a suspect may come */
    bool pass_suspects; /* none may come for long: others do */
    struct job_round *round; /* of the worker and the kind, begun as {0}; NULL: users do not take turns */
    /* May be NULL: called before the COMMIT with each that is taken; again, with another lease token, when the transaction
     * is. False: it is not taken. It stays as it was, and comes again after JOB_LEFT_US, so that it is not in the way of what
     * is due after it. */
    bool (*may_take)(void *arg, const struct job *job);
    void *may_take_arg;
};
MUST_CHECK enum err job_claim(struct db *db, const struct job_claim *claim, struct arena *arena, struct job **ret_jobs,
                              size_t *ret_n, bool *ret_suspect);

/*
 * With ERR_OUTCOME_UNKNOWN job_claim says, too, which jobs: they may be leased to whoever asked, and counted. This takes that
 * back, as if they had not been claimed, in a transaction of its own; where it was not so, or is no more, it does nothing.
 */
MUST_CHECK enum err job_unclaim(struct db *db, enum job_class c, const struct job *jobs, size_t n);

/* Is the lease token the job's last one, whether or not the lease is over? ERR_NOT_FOUND: the job is gone, its run has ended, or
 * somebody else took it over. */
MUST_CHECK enum err job_is_left(struct db *db, enum job_class c, const struct uuid *id, const struct uuid *token);

/* All of them need the lease: ERR_CONFLICT if somebody else has it by now. They may be called in a transaction. */
MUST_CHECK enum err job_finish(struct db *db, enum job_class c, const struct job *job); /* deletes it, or restarts it */
MUST_CHECK enum err job_again(struct db *db, enum job_class c, const struct job *job,
                              int64_t run_at_us); /* or sooner, if it was wanted; tries + 1, keeps the slot */
MUST_CHECK enum err job_restart(struct db *db, enum job_class c, const struct job *job,
                                int64_t run_at_us); /* like a new one, at run_at_us or sooner, if it was wanted */
MUST_CHECK enum err job_bury(struct db *db, enum job_class c, const struct job *job); /* dead */
MUST_CHECK enum err job_drop(struct db *db, enum job_class c, const struct job *job,
                             int64_t run_at_us); /* the same, but the run has failed: failures + 1 */

/*
 * The last statement of a transaction of a run that writes and does not end the job. It makes sure that the lease is
 * still ours, keeps others from taking it before the commit, and extends it to until_us at least (0: leaves its end as
 * it is). An end that is too far ahead of that comes back to it.
 */
MUST_CHECK enum err job_hold(struct db *db, enum job_class c, const struct job *job, int64_t until_us);

/* The same for whoever only extends it. Nobody is waited for: ERR_AGAIN while somebody else has locked the row. */
MUST_CHECK enum err job_renew(struct db *db, enum job_class c, const struct job *job, int64_t until_us);

/*
 * A suspect is about to do what may be its end: what is it about, beside its subject? When it is buried, the rows may say
 * something else. In a transaction of its own; forgotten when a run ends in any other way.
 */
MUST_CHECK enum err job_note_about(struct db *db, enum job_class c, const struct job *job, const struct uuid *about_id);
MUST_CHECK enum err job_hold_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n,
                                  int64_t until_us);
MUST_CHECK enum err job_finish_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n);
MUST_CHECK enum err job_restart_many(struct db *db, enum job_class c, const struct job *const *jobs, size_t n,
                                     const int64_t *run_at_us);

/*
 * The clock was set back. What somebody asked for before, and what has not run since, comes now: its row was made at a time
 * that has not come yet. And leases that are too far ahead end: a worker that lives extends its own. At most
 * max jobs; *ret_n says how many it were. It reads what is due within a day, so it is for such a moment, and for a start.
 */
MUST_CHECK enum err job_hurry(struct db *db, enum job_class c, int64_t now_us, size_t max, uint64_t *ret_n);

/* What is in the table, for monitoring. Counted up to JOB_COUNT_MAX, so that no statement walks a long queue. */
#define JOB_COUNT_MAX 10000
struct job_counts {
    int64_t due, later, dead; /* later: not due yet, or running (then run_at_us is its lease) */
    int64_t oldest_at_us;     /* when the oldest due job became due; 0: none is due */
};
MUST_CHECK enum err job_count(struct db *db, enum job_class c, struct arena *arena, int64_t now_us,
                              struct job_counts *ret_counts);
