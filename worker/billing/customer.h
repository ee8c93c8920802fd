/*
 * What the files of the kind customer share: customer.c asks Stripe and stores what it says, customer_told.c decides what of the
 * events is told to whom.
 */
#pragma once

#include "jobs/kind.h"
#include "model/billing/fetch.h"
#include "model/billing/provider_event.h"
#include "model/billing/sync.h"

#define CUSTOMER_EVENTS_MAX 200 /* of one run; a subscription's first minute has some ten */

struct customer {
    struct provider_event *events; /* that waited before Stripe was asked */
    size_t events_n;
    struct sync sync; /* token none: the user has no customer */
    struct fetch fetch;
    enum fetch_step fetched; /* FETCH_CALL: not yet */
    struct str candidate;    /* a customer that may become the user's */
};

/* What is to become of an event, now that the state is known. */
enum provider_event_why customer_why_ignored(const struct customer *c, const struct provider_event *event);

/* For the log and the metrics, before anything is stored: rather twice than never. */
void customer_raise_alarms(const struct job_run *run, const struct customer *c);

/* In the transaction that stores the state. */
MUST_CHECK enum err customer_tell(struct db *db, const struct job_run *run, const struct customer *c);
