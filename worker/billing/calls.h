/* What the kinds of worker@billing share about their calls to Stripe. */
#pragma once

#include "jobs/kind.h"
#include "stripe/error.h"

/*
 * May the run begin a call? Not while the worker stops, nor without a key: *ret_step is the kind's answer then.
 */
MUST_CHECK bool calls_may_begin(struct job_run *run, enum job_step *ret_step);

/*
 * No usable answer came, or a refusal that says nothing of this subject: again later, less and less often and without an end. A
 * refusal that is about our key is no subject's fault, so the kind pauses with an alarm.
 */
enum job_step calls_later(struct job_run *run, const struct stripe_error *error);

/* A job that nothing but a person can help: the alarm tells, and it comes again after an hour. what: for the log. */
enum job_step calls_attend(struct job_run *run, const char *what, const struct stripe_error *error);

/* What programs keep of a user's plan for a second ends. After a commit, or one of which nobody knows. */
void calls_end_credentials(const struct job_run *run);

/* After a transaction that has ended the job, or that has failed. */
enum job_step calls_ended(struct job_run *run, enum err e);
