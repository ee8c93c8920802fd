#include "base/retention.h"

#include <stddef.h>

const struct retention retentions[RETENTION__MAX] = {
#define RETENTION(id, name_, n_, unit_, words_) \
    [RETENTION_##id] = {.name = (name_), .n = (n_), .unit = RETENTION_##unit_, .words = (words_)},
#include "base/retention.def"
#undef RETENTION
};

const char *const retention_unit_names[] = {"none", "hours", "days", "months", NULL};
