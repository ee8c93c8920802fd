/*
 * Where the reading of a list of Stripe's goes on. A list may be longer than one run of a job may last, and a run may break off; so the
 * place is noted after each page, and whoever comes next begins there.
 *
 *    e = provider_read_get(db, arena, PROVIDER_READ_EVENTS, clock_now_us(), &place);    // ERR_NOT_FOUND: at the beginning
 *    ... a page of place.types_from, older than place.older_than
 *    e = provider_read_put(db, PROVIDER_READ_EVENTS, &place);                           // or provider_read_end after the last
 *
 * Whoever notes a place that is too early reads something twice. That must do no harm, because nobody holds a lock here.
 */
#pragma once

#include "base/clock.h"
#include "db/db.h"

#define PROVIDER_READ_EVENTS "events"

/* One that is older is not gone on from: what came up since is at the beginning of the list. */
#define PROVIDER_READ_KEEP_US US_PER_DAY

struct provider_read {
    struct str types_from; /* the first of the types that are asked for */
    struct str older_than; /* absent: the newest page of these types */
};

MUST_CHECK enum err provider_read_get(struct db *db, struct arena *arena, const char *what, int64_t now_us,
                                      struct provider_read *ret_place);
MUST_CHECK enum err provider_read_put(struct db *db, const char *what, const struct provider_read *place);
MUST_CHECK enum err provider_read_end(struct db *db, const char *what);
