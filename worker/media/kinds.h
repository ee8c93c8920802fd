/* The kinds of worker@media. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind purge_kind; /* subject upload: deletes the file when its time is over */
extern const struct job_kind sweep_kind; /* standing: deletes all files that are due */
extern const struct job_kind
    usage_kind; /* standing: puts old days of usage together to months, deletes old months and keys */
extern const struct job_kind check_kind; /* standing: compares the stores with the rows, once a day */
