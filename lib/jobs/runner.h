/*
 * The loop of a worker: claims jobs, steps them, makes their calls, records, tries again.
 *
 *    runner = runner_new(&worker, &db_options);    // threads start
 *    ... until SIGTERM ...
 *    runner_stop(runner);    // claims no more; what is in flight ends, within the time that a call takes
 *
 * Database threads (conf.worker_threads), each with a connection of its own, claim and record; one network thread
 * (net/loop.h) makes the calls. At most conf.worker_in_flight_max runs are open: no more are claimed than there is
 * room for, so a frozen database or network builds up no backlog here.
 */
#pragma once

#include "jobs/kind.h"

/* How long a claimed job is ours. An init starts within 5 s and takes 30 s at most; the rest is for recording it. */
#define JOB_LEASE_US (120 * US_PER_SEC)

struct runner;

struct runner *runner_new(const struct worker *worker, const struct db_options *options);
void runner_stop(struct runner *runner);
