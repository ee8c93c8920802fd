/* What the files of the runner share: runner.c steps and ends runs, claim.c begins them, leases.c keeps what they have
 * claimed, kept.c what is not written yet, handover.c leaves that to the next worker at the end, pause.c stops a kind whose runs fail
 * for a reason that is not theirs. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "base/log.h"
#include "jobs/runner.h"
#include "jobs/spool.h"
#include "net/loop.h"

#define CLAIM_BATCH JOB_MANY_MAX /* small, so that all threads get some of what is due */
#define LOOK_US US_PER_SEC       /* how often the leases are looked at, also while nothing may be claimed */

/* What a run has left to write. It is kept until the database takes it, or says that somebody else has the job. */
enum run_ending {
    RUN_STEP, /* nothing: it has a result, and is to be stepped with it */
    RUN_FINISH,
    RUN_AGAIN,
    RUN_DROP,
    RUN_BURY,
};

/* A run that is under way. It belongs to one thread at a time, to the network loop, or to the list of parked runs. */
struct open_run {
    struct job_run run;
    struct job_lease also; /* of run, as its last step left it; guarded by the runner's lock */
    struct arena arena;
    struct net_result result;
    bool is_mail;         /* what is at the network is run.mail, else run.call; */
    int64_t called_us;    /* since then, by clock_mono_us */
    struct spooled *left; /* by a run before this one, and not taken up yet; in the arena */
    bool has_file;        /* that, or what this run had from it and has not written */
    int handover;         /* enum handover, at the end of the worker */
    enum run_ending ending;
    const char *database; /* what MariaDB said about an error; may be NULL */
    int64_t began_us;
    int64_t parked_until_us; /* by clock_patience_us */
    int64_t held_us;         /* when its lease was last extended, by clock_patience_us; */
    int64_t until_us;        /* to this time at least. Both are of the turn, and guarded by the runner's lock */
    unsigned parked;         /* how many times, since it last went on */
    unsigned refusals;       /* how many of these were no outage, the first at refused_at_us */
    unsigned locked;         /* or found that somebody else held the rows */
    int64_t refused_at_us;
    struct {
        struct arena_mark arena;
        const struct net_result *result; /* the mark is for tries to write this, */
        enum run_ending ending;          /* or this */
        const char *note;
    } mark;
    struct open_run *next_parked;
    struct open_run *before, *after; /* in the list of open runs */
};

/* What stands in the way of a kind, when the runs of several subjects fail one after another. */
#define KIND_FAULTS 3 /* subjects: one alone may be at fault itself */
struct kind_state {
    size_t open, kept;               /* kept: as in struct runner */
    struct uuid failed[KIND_FAULTS]; /* their subjects, since the last run that did not fail */
    size_t failed_n;
    bool failed_by_call; /* one of them because its call did not get through */
    unsigned
        unsent; /* runs whose call did not get through, in a row: fewer subjects than pause it tell somebody, too */
    int64_t pause_us, paused_until_us; /* by clock_patience_us; 0: it is not paused */
    struct job_round round;            /* of the thread whose turn it is to claim */
};

struct runner {
    const struct worker *worker;
    const struct db_options *options;
    struct net_loop *loop;
    struct spool spool;
    pthread_t *threads;
    atomic_bool stopping;
    atomic_llong stop_by_us; /* by clock_patience_us */
    atomic_llong lapsed_us;  /* leases of others that were over then may be taken */

    pthread_mutex_t lock;     /* guards the fields below */
    struct kind_state *kinds; /* as worker->kinds */
    size_t kinds_n, next_kind;
    struct open_run *open, *parked;
    size_t open_n, kept_n; /* kept: they wait, or have waited, for the database */
    size_t trying_n;       /* threads that try to write one of these */
    bool claiming; /* a thread has the turn: it looks at the leases and claims. What says "of the turn" is its own */
    bool standing_made; /* of the turn */
    bool others_asked;  /* of the turn: what the class's signs of life say was read */
    bool hurries;       /* of the turn: the clock may have been set back, and what is put off by that is looked for */
    bool refused;       /* of the turn: the database answered, but not to a claim */
    bool away;          /* the database did not answer the thread whose turn it was */
    bool doubted;       /* nor another one: the next turn asks it at once */
    const char *unfit;  /* what db_unfit said last */
    bool alone; /* nothing is begun before all runs have ended: a suspect waits for that, or runs (claim_is_alone) */
    bool renew_all; /* of the turn: a renewal has failed */
    struct job doubtful[CLAIM_BATCH];
    size_t doubtful_n; /* jobs whose claim may have been committed: they are given back first */
    int64_t looked_at_us,
        looked_mono_us;     /* of the turn: when it began to look at the leases, the last time that this went well */
    int64_t grace_until_us; /* until then, runs of other workers whose lease is over may still be recorded */
    int64_t next_claim_us, next_look_us, beat_at_us;
    int64_t tidied_at_us, policy_looked_at_us; /* of the turn */
    bool is_unfit;                             /* of the turn: it must end (claim_policy_fits) */
    unsigned not_passed; /* likewise: jobs in a row that waited because of what was left for them */
};

struct runner_thread {
    struct runner *runner;
    struct db *db;
    struct arena arena;
};

/* claim.c: begins what is due, if it is this thread's turn. True when there was something to do. */
bool runner_claim(struct runner_thread *t);
bool claim_is_late(struct runner *r); /* it comes before all else: the leases must be looked at */

/*
 * leases.c: what this worker has open stays its own as long as it lives, and it takes from others only what they no longer
 * renew. Each turn begins with leases_keep, at least every LOOK_US.
 */
void leases_start(struct runner *r);
MUST_CHECK enum err leases_keep(struct runner_thread *t);
void leases_note_database(struct runner_thread *t, enum err e);
bool leases_is_outage(const struct runner_thread *t, enum err e); /* and not one row that somebody holds for long */
void leases_doubt_database(struct runner *r);
bool leases_in_grace(struct runner *r); /* holding the lock */

/* pause.c. How a run ended: fault says that what stood in its way is not its own. */
bool pause_is_by_call(struct runner *r, const struct job_kind *kind);
bool pause_is_paused(struct runner *r, const struct job_kind *kind);
void pause_note_kind(struct runner *r, const struct job_run *run, bool fault);

/*
 * kept.c: what the database has not taken yet. kept_put parks the run for a while, and tells an outage from a refusal and
 * from a lock. A
 * run that kept_take gives back counts as kept until it ends or goes on.
 */
void kept_put(struct runner_thread *t, struct open_run *o, enum err e);
struct open_run *kept_take(struct runner *r); /* one whose time has come, or NULL. Each is followed by kept_tried */
void kept_tried(struct runner *r);
void kept_went_on(struct runner *r, struct open_run *o);            /* it has written what it had: it is kept no more */
void kept_count(struct runner *r, const struct open_run *o, int n); /* holding the lock */

/* handover.c */
void handover_start(struct runner *r);
bool handover_may_take(void *runner, const struct job *job); /* job_claim.may_take */
void handover_open(struct runner *r, struct open_run *o);
bool handover_take_up(struct runner_thread *t, struct open_run *o); /* false: it was put off, and is kept */
void handover_written(struct runner *r,
                      struct open_run *o); /* what was left for this run has its end, or is not wanted */
void handover_drain(struct runner *r);     /* once the threads have ended */
void handover_leave(struct runner *r);
void handover_tidy(struct runner_thread *t); /* if it is time, by the thread whose turn it is */

/* runner.c */
void runner_take_result(struct open_run *o, const struct net_result *result);
#define STUCK_TRIES 10 /* failures in a row that somebody should know of; about a quarter of an hour */
void runner_log_run(const struct open_run *o, const char *outcome, enum log_level level, const char *database);
void runner_alarm_of_run(const struct job_run *run, enum alarm_kind which);
void runner_begin(struct runner_thread *t, struct open_run *const *opened, size_t n);
struct kind_state *runner_state_of(struct runner *r, const struct job_kind *kind);
