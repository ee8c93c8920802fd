/* The table of worker classes: a row each. Who may run what is the unit's business (lib/service/service.def). */
#pragma once

#include "jobs/kind.h"

extern const struct worker_class worker_classes[JOB_CLASS__MAX];
