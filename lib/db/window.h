/*
 * A sliding window (base/window.h) that is kept in a column of a row, so that all processes share it.
 *
 *    static const struct db_window init_calls = DB_WINDOW("accounts", "init_calls", 6, 60 * US_PER_SEC);
 *    e = db_window_take(db, arena, &init_calls, &account_id, clock_now_us(), &free_at_us);
 *
 * Compare and swap: the log is written if it is still what was read. Nothing is locked meanwhile, and a process that
 * dies in between leaves nothing behind. The column is a VARBINARY with room for 8 bytes a call, by default empty; the
 * table's key is an id.
 */
#pragma once

#include "db/db.h"

#define DB_WINDOW_CALLS_MAX 30

struct db_window {
    size_t calls; /* in a period; DB_WINDOW_CALLS_MAX at most */
    int64_t period_us;
    struct sql read, write;
};

extern const struct db_col db_window_cols[];

#define DB_WINDOW(table, column, calls_, period_us_) \
    { \
        .calls = (calls_), .period_us = (period_us_), \
        .read = {.text = "SELECT " column " FROM " table " WHERE id = ?", .in = "u", .cols = db_window_cols}, \
        .write = { \
            .text = "UPDATE " table " FORCE INDEX (PRIMARY) SET " column " = ? WHERE id = ? AND " column " = ?", \
            .in = "bub" \
        } \
    }

/*
 * Takes a place in the window of the row. ERR_AGAIN, with the time at which the next place is free; ERR_NOT_FOUND
 * without the row. Not inside a transaction: there it would read the same old log again and again.
 */
MUST_CHECK enum err db_window_take(struct db *db, struct arena *arena, const struct db_window *w, const struct uuid *id,
                                   int64_t now_us, int64_t *ret_free_at_us);

/* Reserves the next place of the row, and says when that is: now_us or later (window_reserve). Errors as above; ERR_AGAIN
 * if that is too far ahead, with the time to ask again. */
MUST_CHECK enum err db_window_reserve(struct db *db, struct arena *arena, const struct db_window *w,
                                      const struct uuid *id, int64_t now_us, int64_t *ret_at_us);
