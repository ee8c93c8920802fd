/*
 * How long what is held of a user stays: one table (retention.def).
 *
 *    TIDY("mail_outbox", "ended_at_us", RETENTION_US(MAIL))
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"

enum retention_unit { RETENTION_NONE, RETENTION_HOURS, RETENTION_DAYS, RETENTION_MONTHS };

enum retention_id {
#define RETENTION(id, name, n, unit, words) RETENTION_##id,
#include "base/retention.def"
#undef RETENTION
    RETENTION__MAX
};

struct retention {
    const char *name;
    int n;
    enum retention_unit unit;
    const char *words; /* "after the mail was sent or given up" */
};

extern const struct retention retentions[RETENTION__MAX];
extern const char *const retention_unit_names[]; /* "hours"; ends with NULL */

/* The numbers by themselves, for constants. */
enum {
#define RETENTION(id, name, n, unit, words) RETENTION_##id##_N = (n), RETENTION_##id##_UNIT = RETENTION_##unit,
#include "base/retention.def"
#undef RETENTION
};

/* Of a row whose unit is HOURS or DAYS; of another one 0. */
#define RETENTION_US(id) \
    (RETENTION_##id##_N * ((int)RETENTION_##id##_UNIT == (int)RETENTION_HOURS  ? INT64_C(3600) * US_PER_SEC \
                           : (int)RETENTION_##id##_UNIT == (int)RETENTION_DAYS ? US_PER_DAY \
                                                                               : INT64_C(0)))
