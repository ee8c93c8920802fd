/*
 * How far the daily look at a store has come (worker/media/check.c): first all rows whose images are there, then all objects. It may
 * take longer than a run of its job, so the place is noted after each part, together with what was found until then.
 *
 *    e = upload_check_get(db, arena, STORE_S3, &check);         // what was never looked at has a row's defaults
 *    ... some rows or objects after check.place ...
 *    e = upload_check_put(db, STORE_S3, &check);
 *
 * Whoever notes a place that is too early looks at something twice. That does no harm but to the counts, because nobody holds a lock here.
 */
#pragma once

#include "model/upload/upload.h"

enum check_part { CHECK_ROWS, CHECK_OBJECTS };
#define CHECK_PLACE_MAX_BYTES 1024 /* the longest name in a bucket */

struct upload_check {
    bool under_way;
    int part;         /* enum check_part */
    struct str place; /* of rows: upload_check_place; of objects: the name or folder. Absent: from the beginning */
    int64_t missing, strays;
    int64_t strays_before; /* of the look before; -1: there was none */
    int64_t looked_at_us;  /* when the last whole one ended; 0: never */
};

MUST_CHECK enum err upload_check_get(struct db *db, struct arena *arena, int store, struct upload_check *ret_check);
MUST_CHECK enum err upload_check_put(struct db *db, int store, const struct upload_check *check);

/* Ready images whose rows say that store, after that one, by their time. */
MUST_CHECK enum err upload_check_rows(struct db *db, struct arena *arena, int store, const struct upload_due *after,
                                      size_t max, struct upload_due **ret_rows, size_t *ret_n);
struct str upload_check_place(struct arena *arena, const struct upload_due *row);
struct upload_due upload_check_placed(struct str place); /* what is no place is the beginning */

/* ERR_NOT_FOUND: no row ever knew it, or the row is long gone. OK: one does, which may say that it is deleted. */
MUST_CHECK enum err upload_check_known(struct db *db, const struct uuid *id);
