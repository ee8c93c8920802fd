/*
 * The loop of a worker: claims jobs, steps them, makes their calls, records, tries again.
 *
 *    runner = runner_new(&worker, &db_options);    // threads start
 *    ... until SIGTERM ...
 *    runner_stop(runner);    // claims no more; what is in flight ends, within the time that a call takes
 *
 * Database threads (conf.worker_threads), each with a connection of its own, claim and record; the network loop
 * (net/loop.h) makes the calls and hands over the mails. At most conf.worker_in_flight_max runs are open, and of a kind no more than its share:
 * no more are claimed than there is room for, so a frozen database or network builds up no backlog here.
 *
 * Fairness: the kinds take turns, each with its own backlog, so that none stands behind another's. Within a kind that
 * says so, users take turns (struct job_round).
 *
 * What a run has to write is kept until the database takes it or says that somebody else has the job. While the database
 * is away nothing is begun. The leases of the open runs are renewed all the time, and first of all after an outage or a
 * jump of the clock; then nobody takes over what other workers have open for a short time (leases.c). A result that the
 * database refuses for good, while it takes others, ends as the step decides (unwritable). What is known and not written
 * when the time of a stop is over is left to the next worker (handover.c).
 *
 * Faults that are not a job's own: when the runs of several subjects of a kind fail one after another (a key that is
 * missing, a schema that does not fit, a certificate that has expired), the kind is paused, with an alarm, and a few runs
 * now and then show whether it can go on. Nothing is failed or buried for such a reason.
 */
#pragma once

#include "jobs/kind.h"

#define RUN_ARENA_BYTES (8u << 20) /* an answer from TikTok takes a few KiB */

/* After SIGTERM: for recording results, on top of the time a call takes. A statement that hangs then takes its own time,
 * too. With the longest call_sec of the class and database.timeout_sec this is less than the units' TimeoutStopSec. */
#define RUNNER_STOP_SEC 15

struct runner;

/* What another worker has left may not be read here, or nothing can be left: it must not run. A folder that is missing is no
 * reason. */
bool runner_is_barred(const struct worker *worker);

struct runner *runner_new(const struct worker *worker, const struct db_options *options);
void runner_stop(struct runner *runner);
