/*
 * The end of test data (base/mode.h): posts with their receipts, accounts and rows of uploads are deleted 30 days after they were
 * made, or, of an account, last connected and used: one that a program tries itself out with every day stays. Images are gone before
 * that, as those of live data.
 *
 * What is deleted is named by the views test_posts, test_accounts and test_uploads, on which alone there is a right to
 * delete: live data has none (sql/grants.sql).
 */
#pragma once

#include "db/db.h"

#define TEST_DATA_BATCH 200 /* of each, in one call */

/* *ret_more: there may be others that are due. In transactions of its own. */
MUST_CHECK enum err test_data_purge(struct db *db, struct arena *arena, int64_t now_us, bool *ret_more);
