/* The table of job kinds: one row each, of every class. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind *const kinds[]; /* NULL-ended */
