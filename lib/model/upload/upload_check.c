#include "model/upload/upload_check.h"

enum { CHECK_GET, CHECK_PUT, CHECK_LIST, CHECK_KNOWN };
static const struct sql check_sqls[];

static const char *const check_part_names[] = {"rows", "objects", NULL};

struct check_row {
    int64_t under_way, strays_before;
    struct upload_check check;
};

enum err upload_check_get(struct db *db, struct arena *arena, int store, struct upload_check *ret_check)
{
    struct check_row row;

    enum err e = db_row(db, &check_sqls[CHECK_GET], DB_ARGS(db_cstr(store_kind_names[store])), arena, &row);
    if (e == ERR_NOT_FOUND) {
        *ret_check = (struct upload_check){.strays_before = -1};
        return OK;
    }
    if (e != OK)
        return e;
    *ret_check = row.check;
    ret_check->under_way = row.under_way != 0;
    ret_check->strays_before = row.strays_before - 1;
    return OK;
}

enum err upload_check_put(struct db *db, int store, const struct upload_check *c)
{
    struct db_arg before = db_i64(c->strays_before);

    before.null = c->strays_before < 0;
    return db_exec(db, &check_sqls[CHECK_PUT],
                   DB_ARGS(db_cstr(store_kind_names[store]), db_cstr(c->under_way ? check_part_names[c->part] : NULL),
                           db_bytes(c->place.p, c->place.n), db_i64(c->missing), db_i64(c->strays), before,
                           db_i64(c->looked_at_us)),
                   NULL);
}

enum err upload_check_rows(struct db *db, struct arena *arena, int store, const struct upload_due *after, size_t max,
                           struct upload_due **ret_rows, size_t *ret_n)
{
    return db_rows(db, &check_sqls[CHECK_LIST],
                   DB_ARGS(db_cstr(store_kind_names[store]), db_i64(after->due_at_us), db_i64(after->due_at_us),
                           db_uuid(&after->id), db_i64((int64_t)max)),
                   arena, sizeof **ret_rows, max, (void **)ret_rows, ret_n);
}

struct str upload_check_place(struct arena *arena, const struct upload_due *row)
{
    return arena_printf(arena, "%s %lld", uuid_text(&row->id).s, (long long)row->due_at_us);
}

struct upload_due upload_check_placed(struct str place)
{
    struct upload_due row;
    struct str head;

    return str_cut(&place, ' ', &head) && uuid_parse(head, &row.id) && str_to_i64(place, &row.due_at_us)
               ? row
               : (struct upload_due){.id = UUID_NONE};
}

enum err upload_check_known(struct db *db, const struct uuid *id)
{
    int64_t one;

    return db_number(db, &check_sqls[CHECK_KNOWN], DB_ARGS(db_uuid(id)), &one);
}

static const struct db_col check_cols[] = {
    DB_COL(struct check_row, under_way, I64),          DB_COL_ENUM(struct check_row, check.part, check_part_names),
    DB_COL(struct check_row, check.place, BYTES),      DB_COL(struct check_row, check.missing, I64),
    DB_COL(struct check_row, check.strays, I64),       DB_COL(struct check_row, strays_before, I64),
    DB_COL(struct check_row, check.looked_at_us, I64), DB_END,
};

static const struct sql check_sqls[] = {
    [CHECK_GET] = {.text = "SELECT part IS NOT NULL, COALESCE(part, 'rows'), place, missing, strays,"
                           " COALESCE(strays_before + 1, 0), looked_at_us FROM stores WHERE store = ?",
                   .in = "s",
                   .cols = check_cols},
    [CHECK_PUT] = {.text = "INSERT INTO stores (store, part, place, missing, strays, strays_before, looked_at_us)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE part = VALUES(part),"
                           " place = VALUES(place), missing = VALUES(missing), strays = VALUES(strays),"
                           " strays_before = VALUES(strays_before), looked_at_us = VALUES(looked_at_us)",
                   .in = "ssbiiii"},
    /* Along by_late: only what is there, not all that ever was. */
    [CHECK_LIST] = {.text = "SELECT id, delete_due_at_us FROM uploads WHERE deleted_at_us IS NULL AND store = ?"
                            " AND state = 'ready' AND (delete_due_at_us > ? OR (delete_due_at_us = ? AND id > ?))"
                            " ORDER BY delete_due_at_us, id LIMIT ?",
                    .in = "siiui",
                    .cols = upload_due_cols},
    [CHECK_KNOWN] = {.text = "SELECT 1 FROM uploads WHERE id = ?", .in = "u", .cols = db_number_cols},
};
