/*
 * What a process counts about its connections to MariaDB (struct db_counts), among its metrics.
 *
 *    m = metrics_new(&(struct metrics_options){... .values = {[LABEL_ERROR] = db_count_errors}});
 *    db_counts_show(&counts, m);      each time before they are shown
 */
#pragma once

#include "db/db.h"
#include "metrics/metrics.h"

extern const char *const db_count_errors[]; /* the values of LABEL_ERROR, NULL-ended */

void db_counts_show(const struct db_counts *c, struct metrics *m);
