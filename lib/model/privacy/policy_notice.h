/*
 * Telling every user of a material change of the policy by mail, once. The job POLICY_NOTICE_JOB, which is made with the version, goes
 * through the users in the order of their ids, a batch in each transaction, which also notes how far it has come: whatever dies,
 * nobody is passed over or told twice. It comes again every hour, so that whoever has registered since is told, too, and ends when nobody can
 * become a user any more by a registration from before the version was in force.
 *
 *    e = policy_notice_step(db, arena, &run->job, &again_at_us);    // 0: all are told, and the job has ended
 */
#pragma once

#include "base/arena.h"
#include "db/db.h"
#include "model/job/job.h"

#define POLICY_NOTICE_JOB "policy_notice" /* the kind of job; its subject is the notice */

/* A part of the transaction that publishes. */
MUST_CHECK enum err policy_notice_add(struct db *db, const struct uuid *id, struct str version, int64_t at_us);

/* A batch, in a transaction with the job's end or its next time. url: of the service, for the mail's link. */
MUST_CHECK enum err policy_notice_step(struct db *db, struct arena *arena, const struct job *job, struct str url,
                                       int64_t *ret_again_at_us);

/* How many users would be told now: those that there are. */
MUST_CHECK enum err policy_notice_count(struct db *db, int64_t *ret_n);

struct policy_notice_state {
    int64_t told, ended_at_us;
};
MUST_CHECK enum err policy_notice_of(struct db *db, struct arena *arena, struct str version,
                                     struct policy_notice_state *ret); /* ERR_NOT_FOUND */
