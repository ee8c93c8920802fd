/*
 * What mail and accounts leave behind, and how long it is kept: the rows of a table of statements. Small batches, each a
 * statement of its own, which a repetition cannot harm.
 */
#pragma once

#include "db/db.h"

#define TIDY_BATCH 500 /* rows of one statement: some milliseconds */

/* One batch of each. ret_more: some may be left. */
MUST_CHECK enum err mail_tidy(struct db *db, int64_t now_us, bool *ret_more);
