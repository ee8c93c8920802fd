#include "model/upload/upload_move.h"

enum { MOVE_LIST, MOVE_GET, MOVE_BEGIN, MOVE_SWITCH, MOVE_END };
static const struct sql move_sqls[];

enum err upload_kept_list(struct db *db, struct arena *arena, const struct uuid *after, size_t max,
                          struct upload_kept **ret_kept, size_t *ret_n)
{
    return db_rows(db, &move_sqls[MOVE_LIST], DB_ARGS(db_uuid(after), db_i64((int64_t)max)), arena, sizeof **ret_kept,
                   max, (void **)ret_kept, ret_n);
}

enum err upload_kept_get(struct db *db, struct arena *arena, const struct uuid *id, struct upload_kept *ret_kept)
{
    return db_row(db, &move_sqls[MOVE_GET], DB_ARGS(db_uuid(id)), arena, ret_kept);
}

/* Each is one statement: when its answer is lost, the next look at the row says what became of it. */
enum err upload_move_begin(struct db *db, const struct uuid *id, int from, int to)
{
    return db_change(db, &move_sqls[MOVE_BEGIN],
                     DB_ARGS(db_cstr(store_kind_names[to]), db_uuid(id), db_cstr(store_kind_names[from])));
}

enum err upload_move_switch(struct db *db, const struct uuid *id, int from, int to)
{
    const char *old = store_kind_names[from], *new = store_kind_names[to];

    return db_change(db, &move_sqls[MOVE_SWITCH],
                     DB_ARGS(db_cstr(new), db_cstr(old), db_uuid(id), db_cstr(old), db_cstr(new)));
}

enum err upload_move_end(struct db *db, const struct uuid *id, int from, int to)
{
    return db_change(db, &move_sqls[MOVE_END],
                     DB_ARGS(db_uuid(id), db_cstr(store_kind_names[to]), db_cstr(store_kind_names[from])));
}

static const struct db_col move_cols[] = {
    DB_COL(struct upload_kept, id, UUID),
    DB_COL_ENUM(struct upload_kept, state, upload_state_names),
    DB_COL_ENUM(struct upload_kept, store, store_kind_names),
    DB_COL_ENUM(struct upload_kept, store_other, store_kind_names),
    DB_COL_FIXED(struct upload_kept, sha256),
    DB_END,
};

#define MOVE_COLS "id, state, store, COALESCE(store_other, store), sha256"

static const struct sql move_sqls[] = {
    [MOVE_LIST] = {.text =
                       "SELECT " MOVE_COLS " FROM uploads WHERE id > ? AND deleted_at_us IS NULL ORDER BY id LIMIT ?",
                   .in = "ui",
                   .cols = move_cols},
    [MOVE_GET] = {.text = "SELECT " MOVE_COLS " FROM uploads WHERE id = ? AND deleted_at_us IS NULL",
                  .in = "u",
                  .cols = move_cols},
    [MOVE_BEGIN] = {.text = "UPDATE uploads SET store_other = ? WHERE id = ? AND store = ? AND state = 'ready'",
                    .in = "sus"},
    [MOVE_SWITCH] = {.text =
                         "UPDATE uploads SET store = ?, store_other = ? WHERE id = ? AND store = ? AND store_other = ?"
                         " AND state = 'ready'",
                     .in = "ssuss"},
    [MOVE_END] = {.text = "UPDATE uploads SET store_other = NULL WHERE id = ? AND store = ? AND store_other = ?",
                  .in = "uss"},
};
