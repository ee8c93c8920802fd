/* The table of job kinds, of all classes: a row each. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind *const kinds[]; /* NULL-ended */
