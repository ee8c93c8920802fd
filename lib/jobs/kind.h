/*
 * A kind of job: a state machine that a worker steps, so no database thread ever waits for the network.
 *
 * step is called first without a result. When it answers JOB_CALL the runner makes run->call, when JOB_SEND run->mail, and
 * calls step again, on any thread, with run->result; so a job can make several calls, one after another. What it must remember between them
 * lives in run->data (from run->arena). What it may do next it reads from the state rows each time.
 *
 *    static enum job_step step(struct job_run *run) { ... return JOB_DONE; }
 *    const struct job_kind creator_kind = {.name = "creator", .class = JOB_PUBLISH, .step = step};
 *
 * and a row in worker/kinds.c.
 */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/epoch.h"
#include "crypto/keyring.h"
#include "jobs/worker_metrics.h"
#include "model/job/job.h"
#include "net/call.h"
#include "net/mail.h"
#include "store/store.h"
#include "stripe/calls.h"
#include "tiktok/tiktok.h"

/*
 * A class of workers: a row of worker/classes.c. What a class does not use, its runs must not touch: the worker has read
 * no credentials for it and its unit does not let it there.
 */
struct worker_class {
    enum job_class class;
    int64_t
        lease_us; /* how long a job stays ours without being renewed: longer than a call and recording its result take */
    size_t call_sec; /* the SETTING that bounds a call; 0: it makes none */
    size_t aside; /* the SETTING of how many of its calls may block at a time: mails, and calls with files (net/loop.h).
                       * 0: it makes no such call */
    bool uses_tiktok;   /* tiktok and ring of struct worker */
    bool uses_store;    /* its store; it also tells of images that are late */
    bool uses_smtp;     /* its smtp_passwords; it also counts mails */
    bool keeps_journal; /* its journal_keys */
    bool uses_stripe;   /* its stripe and credential_epoch, and the plans of its conf */
};
#define SETTING(field) offsetof(struct conf, field)

static inline int64_t worker_class_setting(size_t setting, const struct conf *conf) /* 0: none */
{
    return setting == 0 ? 0 : *(const int64_t *)(const void *)((const char *)conf + setting);
}

/* What the runs of a worker share; read only. */
struct worker {
    struct worker_metrics *metrics; /* what it counts is safe from any thread */
    const struct conf *conf;
    const struct worker_class *class;
    const struct job_kind *const *kinds; /* of all classes; NULL-ended */
    const struct keyring *ring;
    struct tiktok tiktok[MODE__MAX]; /* a provider for each mode: access_provider of publish/access.h chooses */
    struct store *store; /* of a class that uses_store. Its folder is waited for, its bucket called (store/calls.h) */
    struct secret_ring *smtp_passwords;
    const struct secret_ring *journal_keys;
    struct stripe stripe; /* keys NULL: nothing is sold here */
    const struct epoch *credential_epoch;
    bool after_outage; /* the database was away at its start */
};

enum job_step {
    JOB_DONE,   /* finished: the job is deleted, unless step has ended it in its own transaction (job_ended) */
    JOB_AGAIN,  /* at again_at_us; likewise */
    JOB_CALL,   /* make run->call, then step again with the result */
    JOB_SEND,   /* the same with run->mail */
    JOB_RECORD, /* the database did not take a result that must not be lost: step again soon with the same result. What
                 * a repeated step takes from the arena is given back before the next one: data keeps nothing of it */
    JOB_ALONE,  /* of step_many: step it by itself */
    JOB_ERROR,  /* run->err says why: give this run up and begin another later. The job is never buried for it */
};

/* Something beside its job that a run holds by a lease. The runner renews it with the job's, until the run ends. */
struct job_lease {
    enum err (*hold)(struct db *db, const struct uuid *id, const struct uuid *token,
                     int64_t until_us); /* NULL: nothing */
    struct uuid id, token;
};

struct job_run {
    const struct worker *worker;
    const struct job_kind *kind;
    struct job job; /* run_at_us is the end of the lease */
    struct db *db;  /* of the thread that steps */
    struct arena *arena;
    void *data;
    const struct net_result *result; /* of the last call or mail; NULL at the first step */
    struct net_call call;
    struct net_mail mail; /* what it points to lives until step has returned */
    struct uuid about;    /* what this run is about, beside the job's subject; for the log. None: nothing else */
    struct job_lease also;
    struct secret token; /* an access token that the run uses; wiped when the run ends */
    int64_t again_at_us;
    bool job_ended;   /* step has finished or postponed the job in a transaction of its own */
    bool result_lost; /* what a call had done could not be recorded, or not as it was: an alarm says so */
    bool unwritable; /* the database has refused what step has to write for long, and takes what others write: after one
                       * more try, step must find another end */
    bool fault; /* the last call did not leave, or, as step may set it, was refused because of what all jobs share: what
                      * stands in the way is hardly the job's own */
    bool is_old; /* result is of a run before this one: what it says of whether calls get through may be over */
    bool
        called; /* one of its calls has left; of a kind that calls, step sets it when something else has done a call's work */
    bool probe; /* the kind is paused, and this run shows whether it can go on: it must fail nothing */
    const atomic_bool *stopping;
    const atomic_llong *lapsed_us;
    enum err err;
    const char *note; /* for the log line: static, or in the arena */
};

static inline enum job_step job_run_failed(struct job_run *run, enum err e) /* for step's return */
{
    run->err = e;
    return JOB_ERROR;
}

/* For step_many: none of them can be done while the database does not answer; other errors may be of one of them. */
static inline void job_runs_failed(struct job_run *const *runs, size_t n, enum err e, enum job_step *ret_steps)
{
    for (size_t i = 0; i < n && db_is_away(e); i++)
        ret_steps[i] = job_run_failed(runs[i], e);
}

static inline enum job_step job_run_record(struct job_run *run, enum err e) /* likewise */
{
    run->err = e;
    return JOB_RECORD;
}

/* The worker has been told to stop: begin no call that cannot be repeated. For step's return: job_run_release. */
static inline bool job_run_is_stopping(const struct job_run *run)
{
    return atomic_load(run->stopping);
}

/* Leases of others that were over at this time may be taken. Not those that are over now: they may only look so, after an
 * outage or a jump of the clock. */
static inline int64_t job_run_lapsed_us(const struct job_run *run)
{
    return atomic_load(run->lapsed_us);
}

static inline enum job_step job_run_release(struct job_run *run) /* to the next worker, at once */
{
    run->note = "stopping";
    run->again_at_us = clock_now_us();
    return JOB_AGAIN;
}

#define JOB_MANY_MAX DB_MANY_MAX

struct buf;

struct job_kind {
    const char *name;
    enum job_class class;
    int share_percent;     /* of conf.worker_in_flight_max, at most; 0: all */
    bool users_take_turns; /* struct job_round */
    bool calls;            /* its work is a call: a run that made none shows nothing of whether the kind works */
    bool
        standing; /* there is always one, without a subject: the worker makes it at start. Instead of being buried it rests */
    enum job_step (*step)(struct job_run *run);
    /*
     * May be NULL: steps several runs, 2 to JOB_MANY_MAX, that are due for a step at the same moment, in fewer statements
     * than each would take; all of them for the first time, or all with a result. ret_steps: of each. One that does not go
     * together with the others it leaves as it was (JOB_ALONE), and step does it. scratch is cleared afterwards.
     */
    void (*step_many)(struct job_run *const *runs, size_t n, struct arena *scratch, enum job_step *ret_steps);
    /*
     * Both or none: a result that the database has not taken when the worker must end is left to the next run of the job
     * (jobs/spool.h). keep writes to memo what that must know besides; false: nothing is lost without it, because it says nothing or
     * can be had again. take_up makes run->data of the memo, as it was when the call was made, so that step goes on with run->result.
     * ERR_CONFLICT: by now nobody waits for it; ERR_VALIDATION: this is no such memo. Then the run begins like any other. After any other
     * error it is asked again. run->about and the request id are as they were.
     */
    bool (*keep)(const struct job_run *run, struct buf *memo);
    enum err (*take_up)(struct job_run *run, struct str memo);
    /* Tells the user, in the transaction that buries the job (JOB_RUNS_MAX), or goes on without what was at fault and
     * sets job_ended. May be NULL. */
    enum err (*dead)(struct db *db, struct job_run *run);
};
