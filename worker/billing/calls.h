/* What the kinds of worker@billing share about their calls to Stripe. */
#pragma once

#include "jobs/kind.h"
#include "stripe/error.h"

/*
 * May the run begin a call? Not while the worker stops, nor without a key: *ret_step is the kind's answer then. That something waits
 * for a key is told, once a day: with one that was taken out nobody is deleted at Stripe, and no plan follows what is paid there.
 */
MUST_CHECK bool calls_may_begin(struct job_run *run, enum job_step *ret_step);

/*
 * No usable answer came, or a refusal that says nothing of this subject: again later, less and less often and without an end. A
 * refusal that is about our key is no subject's fault, so the kind pauses with an alarm.
 */
enum job_step calls_later(struct job_run *run, const struct stripe_error *error);

/* The alarm billing_attention of a job: what is for the log, and error, which may be NULL, says what Stripe said. */
void calls_alarm(const struct job_run *run, const char *what, const struct stripe_error *error);

/* A job that nothing but a person can help comes again after an hour. is_told: the alarm was raised before, and does not tell again. */
enum job_step calls_attend(struct job_run *run, const char *what, const struct stripe_error *error, bool is_told);

/* Again at run->again_at_us, with the tries counted anew: what was before says nothing of the next time. */
enum job_step calls_anew(struct job_run *run);

/* Somebody else asks about this customer, which says nothing of Stripe. */
enum job_step calls_taken(struct job_run *run);

/* What programs keep of a user's plan for a second ends. After a commit, or one of which nobody knows. */
void calls_end_credentials(const struct job_run *run);

/* After a transaction that has ended the job, or that has failed. */
enum job_step calls_ended(struct job_run *run, enum err e);
