/* The kinds of worker@mail. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind send_kind; /* subject mail: hands it to the relay, or writes it as a file */
extern const struct job_kind tidy_kind; /* standing: deletes what is kept for a time only */
