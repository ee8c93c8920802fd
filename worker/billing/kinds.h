/* The kinds of worker@billing. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind customer_kind; /* subject user: fetches and stores what Stripe has of them, and mails */
extern const struct job_kind charge_kind;   /* subject event: whose charge it is about */
extern const struct job_kind customer_email_kind;  /* subject user: a changed address reaches Stripe */
extern const struct job_kind customer_delete_kind; /* subject user: deleted at Stripe, then forgotten */
extern const struct job_kind reconcile_kind;       /* standing: finds events that were never delivered */
extern const struct job_kind lapsed_kind;          /* standing: asks for those whose period is over */
extern const struct job_kind events_tidy_kind;     /* standing: deletes events when their time is over */
