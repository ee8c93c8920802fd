/*
 * Signs of life of the workers, one row per class. Whoever claims jobs writes them; whoever says whether the service is
 * ready reads them. A class works as long as one of its workers, on any machine, was seen within HEARTBEAT_LATE_US.
 */
#pragma once

#include "base/clock.h"
#include "model/job/job.h"

#define HEARTBEAT_EVERY_US (5 * US_PER_SEC) /* at most: a row that every claim writes would be a hot one */
#define HEARTBEAT_LATE_US (60 * US_PER_SEC) /* longer than a restart, a deadlock or a slow database takes */

MUST_CHECK enum err heartbeat_write(struct db *db, enum job_class c, int64_t now_us);

/* Which classes have not been seen in time. */
MUST_CHECK enum err heartbeat_late(struct db *db, struct arena *arena, int64_t now_us, bool ret_late[JOB_CLASS__MAX]);
