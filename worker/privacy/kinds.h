/* The kinds of worker@privacy. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind
    erase_kind; /* subject receipt: erases an account, step by step (model/privacy/erasure.h) */
extern const struct job_kind
    journal_kind; /* subject user: what they have ended goes into the journal (model/privacy/journal.h) */
extern const struct job_kind erasures_tidy_kind; /* standing: old receipts go, and late erasures are told */
