/*
 * How often API keys are used: for each key, day (UTC) and status how many requests were answered, and when the last one
 * was. Each machine counts in rows of its own (conf.usage_node), so that they do not wait for each other. Days are kept for
 * USAGE_MONTHS; what is older is kept by months (usage_roll_up), until USAGE_KEPT_MONTHS (usage_purge).
 *
 * Programs count in memory and add that every second (fcgi/usage.h).
 */
#pragma once

#include "base/retention.h"
#include "db/db.h"

#define USAGE_MONTHS 13                     /* this month last year, and all since */
#define USAGE_KEPT_MONTHS RETENTION_USAGE_N /* the same of the year before that */

struct usage_count {
    struct uuid key_id;
    int64_t day_us; /* its begin */
    int64_t status; /* of the answers: 200 */
    int64_t requests, last_at_us;
    bool is_left; /* by usage_add_free: it was not added */
};

int64_t usage_day_of(int64_t at_us); /* when its day began */

/* When the month began that is so many months after that of at_us, or before it. */
int64_t usage_month_of(int64_t at_us, int months_later);

/*
 * Adds all of them, in one transaction, and raises last_used_at_us of their keys, unless that is later than now. Counts of keys that are gone are dropped.
 * Sorts counts. After ERR_OUTCOME_UNKNOWN they may have been added: adding them again could count them twice. After any
 * other error they were not; ERR_AGAIN is that of db_tx.
 */
MUST_CHECK enum err usage_add(struct db *db, int64_t node, struct usage_count *counts, size_t n);

/* The same, but waits for nobody who has locked a user, or a key: of such a user nothing is added, and .is_left says so; the key's
 * last use is noted another time. */
MUST_CHECK enum err usage_add_free(struct db *db, int64_t node, struct usage_count *counts, size_t n);

enum usage_group { USAGE_BY_DAY, USAGE_BY_KEY, USAGE_BY_STATUS };
extern const char *const usage_group_names[];

extern const char *const usage_span_names[]; /* "day", "month" */

/* What is not grouped by is 0, none or absent. */
struct usage_row {
    int64_t starts_at_us; /* by day: when it, or the month, began */
    int span;             /* its place in usage_span_names */
    struct uuid key_id;
    struct str key_name, key_prefix;
    int64_t status;
    int64_t requests, errors, last_at_us; /* errors: status 400 and more */
};

struct usage_asked {
    struct uuid user_id;
    struct uuid key_id;     /* of has_key */
    bool has_key;           /* else it is about all of the user's keys */
    int64_t from_us, to_us; /* both at the beginning of a day */
    int group;              /* enum usage_group */
};

/*
 * Calls fn with the sums of a user's keys, or of one of them, by ascending group; as db_each. A month counts in whose first day is in
 * between. A key of somebody else has none.
 */
MUST_CHECK enum err usage_each(struct db *db, const struct usage_asked *asked,
                               enum err (*fn)(const void *row, void *arg), void *arg);

/*
 * Puts days that began before that time together to months: those of at most max users and months, the oldest first.
 * ret_n: of how many; max: there may be more. Call it in a transaction that nobody else may run at the same time.
 */
MUST_CHECK enum err usage_roll_up(struct db *db, struct arena *arena, int64_t before_us, size_t max, size_t *ret_n);

/* Deletes at most max months that began before that time. ret_n: how many; max: there may be more. */
MUST_CHECK enum err usage_purge(struct db *db, int64_t before_us, size_t max, size_t *ret_n);
