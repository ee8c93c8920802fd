/* Images that should be gone. */
#include "model/upload/upload.h"

enum { UPLOAD_COUNT_LATE, UPLOAD_LATE_UNTOLD, UPLOAD_TELL_LATE };
static const struct sql upload_late_sqls[];

enum err upload_count_late(struct db *db, int store, int64_t due_before_us, int64_t *ret_n)
{
    return db_number(db, &upload_late_sqls[UPLOAD_COUNT_LATE],
                     DB_ARGS(db_i64(due_before_us), db_cstr(store_kind_names[store]), db_i64(UPLOAD_COUNT_MAX)), ret_n);
}

enum err upload_late_untold(struct db *db, struct arena *arena, int64_t due_before_us, int64_t told_before_us,
                            size_t max, struct upload_due **ret_late, size_t *ret_n)
{
    return db_rows(db, &upload_late_sqls[UPLOAD_LATE_UNTOLD],
                   DB_ARGS(db_i64(due_before_us), db_i64(told_before_us), db_i64((int64_t)max)), arena,
                   sizeof **ret_late, max, (void **)ret_late, ret_n);
}

enum err upload_tell_late(struct db *db, const struct uuid *id, int64_t now_us, int64_t told_before_us)
{
    return db_change(db, &upload_late_sqls[UPLOAD_TELL_LATE],
                     DB_ARGS(db_i64(now_us), db_uuid(id), db_i64(told_before_us)));
}

#define UPLOAD_LATE_FREE \
    " AND NOT EXISTS (SELECT 1 FROM post_images i JOIN posts p ON p.id = i.post_id" \
    " WHERE i.upload_id = u.id AND p.ended_at_us IS NULL)"

static const struct sql upload_late_sqls[] = {
    [UPLOAD_COUNT_LATE] = {.text = "SELECT COUNT(*) FROM (SELECT 1 FROM uploads u WHERE u.deleted_at_us IS NULL"
                                   " AND u.delete_due_at_us < ? AND u.store = ?" UPLOAD_LATE_FREE " LIMIT ?) late",
                           .in = "isi",
                           .cols = db_number_cols},
    /* Two ranges of the index by_told. */
    [UPLOAD_LATE_UNTOLD] = {.text = "SELECT u.id, u.delete_due_at_us FROM uploads u WHERE u.deleted_at_us IS NULL"
                                    " AND u.delete_due_at_us < ?"
                                    " AND (u.late_told_at_us IS NULL OR u.late_told_at_us <= ?)" UPLOAD_LATE_FREE
                                    " LIMIT ?",
                            .in = "iii",
                            .cols = upload_due_cols},
    [UPLOAD_TELL_LATE] = {.text = "UPDATE uploads SET late_told_at_us = ? WHERE id = ?"
                                  " AND (late_told_at_us IS NULL OR late_told_at_us <= ?)",
                          .in = "iui"},
};
