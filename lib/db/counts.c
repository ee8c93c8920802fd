#include "db/counts.h"

enum { DB_COUNT_UNAVAILABLE, DB_COUNT_RERUN, DB_COUNT_FAILED };

const char *const db_count_errors[] = {
    [DB_COUNT_UNAVAILABLE] = "unavailable", [DB_COUNT_RERUN] = "rerun", [DB_COUNT_FAILED] = "failed", NULL};

void db_counts_show(const struct db_counts *c, struct metrics *m)
{
    metric_set(m, METRIC_DB_CONNECTIONS, 0, atomic_load(&c->open));
    metric_set(m, METRIC_DB_CONNECTS, 0, atomic_load(&c->connects));
    metric_set(m, METRIC_DB_ERRORS, DB_COUNT_UNAVAILABLE, atomic_load(&c->unavailable));
    metric_set(m, METRIC_DB_ERRORS, DB_COUNT_RERUN, atomic_load(&c->reruns));
    metric_set(m, METRIC_DB_ERRORS, DB_COUNT_FAILED, atomic_load(&c->failed));
}
