/*
 * A kind of job: a state machine that a worker steps, so no database thread ever waits for the network.
 *
 * step is called first without a result. When it answers JOB_CALL the runner makes run->call and calls step again, on
 * any thread, with run->result; so a job can make several calls, one after another. What it must remember between them
 * lives in run->data (from run->arena). What it may do next it reads from the state rows each time.
 *
 *    static enum job_step step(struct job_run *run) { ... return JOB_DONE; }
 *    const struct job_kind creator_kind = {.name = "creator", .class = JOB_PUBLISH, .step = step};
 *
 * and a row in worker/kinds.c.
 */
#pragma once

#include "base/conf.h"
#include "crypto/keyring.h"
#include "jobs/worker_metrics.h"
#include "model/job/job.h"
#include "net/call.h"
#include "store/store.h"
#include "tiktok/tiktok.h"

/* What the runs of a worker share; read only. */
struct worker {
    struct worker_metrics *metrics; /* what it counts is safe from any thread */
    const struct conf *conf;
    enum job_class class;
    const struct job_kind *const *kinds; /* of all classes; NULL-ended */
    const struct keyring *ring;          /* like tiktok, for class publish only */
    struct tiktok tiktok;
    struct store store; /* for class media only */
};

enum job_step {
    JOB_DONE,   /* finished: the job is deleted, unless step has ended it in its own transaction (job_ended) */
    JOB_AGAIN,  /* at again_at_us; likewise */
    JOB_CALL,   /* make run->call, then step again with the result */
    JOB_RECORD, /* the database did not take a result that must not be lost: step again soon with the same result,
                   until the lease is over */
    JOB_ERROR,  /* run->err says why: give this run up and begin another later (jobs/runner.c) */
};

struct job_run {
    const struct worker *worker;
    const struct job_kind *kind;
    struct job job; /* run_at_us is the end of the lease */
    struct db *db;  /* of the thread that steps */
    struct arena *arena;
    void *data;
    const struct net_result *result; /* of run->call; NULL at the first step */
    struct net_call call;
    struct secret token; /* an access token that the run uses; wiped when the run ends */
    int64_t again_at_us;
    bool job_ended; /* step has finished or postponed the job in a transaction of its own */
    enum err err;
    const char *note; /* for the log line: static, or in the arena */
};

static inline enum job_step job_run_failed(struct job_run *run, enum err e) /* for step's return */
{
    run->err = e;
    return JOB_ERROR;
}

struct job_kind {
    const char *name;
    enum job_class class;
    bool standing; /* there is always one, without a subject: the worker makes it at start */
    enum job_step (*step)(struct job_run *run);
    /* Tells the user after JOB_RUNS_MAX crashes, in the transaction that buries the job. May be NULL. */
    enum err (*dead)(struct db *db, struct job_run *run);
};
