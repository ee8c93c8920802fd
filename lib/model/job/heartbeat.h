/*
 * Signs of life of the workers, one row per class. Whoever claims jobs writes them; whoever says whether the service is
 * ready reads them. A class works as long as one of its workers, on any machine, was seen within HEARTBEAT_LATE_US.
 */
#pragma once

#include "base/clock.h"
#include "model/job/job.h"

#define HEARTBEAT_EVERY_US (5 * US_PER_SEC) /* at most: a row that every claim writes would be a hot one */
#define HEARTBEAT_LATE_US (60 * US_PER_SEC) /* longer than a restart, a deadlock or a slow database takes */

/* Longer than a worker that dies and starts again leaves between two signs, and much shorter than a lease lives without
 * being renewed: when the database is away for less, nobody's leases end. */
#define HEARTBEAT_GAP_US (20 * US_PER_SEC)

MUST_CHECK enum err heartbeat_write(struct db *db, enum job_class c, int64_t now_us);

/* Since when the class has shown signs of life without such a gap: so long the database has answered its workers, whoever
 * they were. ERR_NOT_FOUND: it does not now. */
MUST_CHECK enum err heartbeat_steady(struct db *db, enum job_class c, int64_t now_us, int64_t *ret_since_us);

/* Which classes have not been seen in time. */
MUST_CHECK enum err heartbeat_late(struct db *db, struct arena *arena, int64_t now_us, bool ret_late[JOB_CLASS__MAX]);
