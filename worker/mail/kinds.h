/* The kinds of worker@mail. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind send_kind;          /* subject mail: hands it to the relay, or writes it as a file */
extern const struct job_kind tidy_kind;          /* standing: deletes what is kept for a time only */
extern const struct job_kind notices_kind;       /* subject user: gathers what the user is to be told into mails */
extern const struct job_kind expiring_kind;      /* standing: finds keys that are about to expire */
extern const struct job_kind policy_notice_kind; /* subject notice: tells all users of a change of the policy */
