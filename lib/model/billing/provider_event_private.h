/* What the provider_event*.c files share. */
#pragma once

#include "model/billing/provider_event.h"
#include "model/job/job.h"

/* NULL in the row of one that is not ignored. */
struct db_arg provider_event_why_arg(int why);

/* The job that looks after an event that waits, from now on. */
struct job_new provider_event_job(const struct event_seen *seen, bool by_charge, struct str request_id);
