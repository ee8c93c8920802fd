#include "model/upload/upload_folder.h"

#include "store/folder.h"

enum { FOLDER_GET, FOLDER_TAKE, FOLDER_ADOPT, FOLDER_RELEASE };
static const struct sql folder_sqls[];

#define WHAT_TO_DO \
    "; marketingcli-admin store adopt makes this folder of this machine the one (operations.md, \"The folder of " \
    "images\")"
static const char folder_elsewhere[] =
    "the images of this database are in a folder of another machine, and only that one may work on them" WHAT_TO_DO;
static const char folder_other[] =
    "the folder store.dir is not the one with the images of this database: is its disk mounted?" WHAT_TO_DO;

struct folder_row {
    struct uuid id; /* none: it is nobody's yet */
    int64_t machine;
};

static enum err folder_get(struct db *db, struct arena *arena, struct folder_row *ret_row)
{
    enum err e = db_row(db, &folder_sqls[FOLDER_GET], DB_NO_ARGS, arena, ret_row);

    if (e == ERR_NOT_FOUND)
        *ret_row = (struct folder_row){.id = UUID_NONE};
    return e == ERR_NOT_FOUND ? OK : e;
}

/* A machine without an id may be any. */
static const char *folder_fault(const struct folder_row *row, const struct uuid *marked)
{
    int64_t here = folder_machine();

    if (row->machine != 0 && here != 0 && row->machine != here)
        return folder_elsewhere;
    return uuid_eq(&row->id, marked) ? NULL : folder_other;
}

/* The mark comes first: a row says that there is one. Of several that take it at once the first one's row stays. */
static enum err folder_take(struct db *db, struct arena *arena, const char *dir, struct folder_row *ret_row)
{
    struct uuid id;

    enum err e = folder_mark(dir, &id);
    if (e == OK)
        e = db_exec(db, &folder_sqls[FOLDER_TAKE], DB_ARGS(db_uuid(&id), db_i64(folder_machine())), NULL);
    return e == OK ? folder_get(db, arena, ret_row) : e;
}

/* A disk that was unmounted meanwhile has taken the mark with it: what is not there then was not deleted. */
static enum err folder_look_again(const struct store *store, const char **ret_why)
{
    struct uuid marked;

    if (folder_marked(store->dir, &marked) == OK)
        return OK;
    *ret_why = folder_other;
    return ERR_CONFLICT;
}

static enum err folder_look(struct db *db, struct arena *arena, struct store *store, bool take, const char **ret_why)
{
    struct uuid marked = UUID_NONE;
    struct folder_row row;

    if (atomic_load(&store->folder_is_ours))
        return folder_look_again(store, ret_why);
    enum err e = folder_get(db, arena, &row);
    if (e == OK && uuid_is_none(&row.id)) {
        if (!take)
            return OK;
        e = folder_take(db, arena, store->dir, &row);
    }
    if (e != OK)
        return e;
    e = folder_marked(store->dir, &marked); /* one that is missing or cannot be read is not the row's */
    *ret_why = folder_fault(&row, e == OK ? &marked : &UUID_NONE);
    if (*ret_why != NULL)
        return ERR_CONFLICT;
    atomic_store(&store->folder_is_ours, true);
    return OK;
}

enum err upload_folder_check(struct db *db, struct arena *arena, struct store *store, const char **ret_why)
{
    return folder_look(db, arena, store, true, ret_why);
}

enum err upload_folder_start(struct db *db, struct arena *arena, struct store *store, const char **ret_why)
{
    return folder_look(db, arena, store, store->kind == STORE_DIRECTORY, ret_why);
}

/* A new mark: a folder that is a copy of this one is another one from now on. */
enum err upload_folder_adopt(struct db *db, struct arena *arena, struct store *store)
{
    struct folder_row row;
    struct uuid id;

    enum err e = folder_get(db, arena, &row);
    if (e == OK)
        e = folder_unmark(store->dir);
    if (e == OK)
        e = folder_mark(store->dir, &id);
    return e == OK ? db_exec(db, &folder_sqls[FOLDER_ADOPT], DB_ARGS(db_uuid(&id), db_i64(folder_machine())), NULL) : e;
}

enum err upload_folder_release(struct db *db)
{
    return db_exec(db, &folder_sqls[FOLDER_RELEASE], DB_NO_ARGS, NULL);
}

static const struct db_col folder_cols[] = {DB_COL(struct folder_row, id, UUID),
                                            DB_COL(struct folder_row, machine, I64), DB_END};

static const struct sql folder_sqls[] = {
    [FOLDER_GET] = {.text = "SELECT folder_id, machine FROM stores WHERE store = 'directory'",
                    .in = "",
                    .cols = folder_cols},
    [FOLDER_TAKE] = {.text = "INSERT INTO stores (store, folder_id, machine) VALUES ('directory', ?, ?)"
                             " ON DUPLICATE KEY UPDATE machine = IF(folder_id IS NULL, VALUES(machine), machine),"
                             " folder_id = COALESCE(folder_id, VALUES(folder_id))",
                     .in = "ui"},
    [FOLDER_ADOPT] = {.text = "INSERT INTO stores (store, folder_id, machine) VALUES ('directory', ?, ?)"
                              " ON DUPLICATE KEY UPDATE folder_id = VALUES(folder_id), machine = VALUES(machine)",
                      .in = "ui"},
    [FOLDER_RELEASE] = {.text = "UPDATE stores SET folder_id = NULL, machine = NULL WHERE store = 'directory'"
                                " AND NOT EXISTS (SELECT 1 FROM uploads WHERE deleted_at_us IS NULL"
                                " AND (store = 'directory' OR store_other = 'directory'))",
                        .in = ""},
};
