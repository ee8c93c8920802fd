/* The kinds of worker@media. */
#pragma once

#include "jobs/kind.h"

extern const struct job_kind purge_kind; /* an upload whose time may be over: the file goes */
