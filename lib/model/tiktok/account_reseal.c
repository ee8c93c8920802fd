#include "model/tiktok/account_reseal.h"

#include "model/tiktok/account_private.h"

enum { ACCOUNT_RESEAL_EACH, ACCOUNT_RESEAL_PUT, ACCOUNT_RESEAL_OF_KEY };
static const struct sql account_reseal_sqls[];

struct account_reseal_row {
    struct uuid id;
    int mode;
    struct str access, refresh;
};

static enum err account_reseal_seal(const struct keyring *ring, struct arena *arena,
                                    const struct account_reseal_row *row, const char *column, struct str sealed,
                                    struct str *ret)
{
    *ret = sealed;
    return sealed.p == NULL
               ? OK
               : keyring_seal_again(ring, sealed, account_tokens_place(arena, column, row->mode, &row->id), arena, ret);
}

static enum err account_reseal_row(const struct keyring *ring, struct arena *arena, const void *of,
                                   struct db_many *many)
{
    const struct account_reseal_row *row = of;
    struct str access, refresh;

    enum err e = account_reseal_seal(ring, arena, row, "access_token", row->access, &access);
    if (e == OK)
        e = account_reseal_seal(ring, arena, row, "refresh_token", row->refresh, &refresh);
    if (e != OK || (access.p == row->access.p && refresh.p == row->refresh.p))
        return e;
    struct str access_was = arena_str(arena, row->access), refresh_was = arena_str(arena, row->refresh);
    access = access.p == row->access.p ? access_was : access;
    refresh = refresh.p == row->refresh.p ? refresh_was : refresh;
    db_many_add(many, DB_ARGS(db_bytes(access.p, access.n), db_bytes(refresh.p, refresh.n), db_uuid(&row->id),
                              db_bytes(access_was.p, access_was.n), db_bytes(refresh_was.p, refresh_was.n)));
    return OK;
}

enum err accounts_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                          struct reseal_tried *ret)
{
    const struct account_reseal_row *rows;
    struct reseal_tried tried = {0};
    size_t n;

    enum err e = db_rows(db, &account_reseal_sqls[ACCOUNT_RESEAL_OF_KEY], DB_ARGS(db_i64(id), db_i64(RESEAL_TRIED_MAX)),
                         arena, sizeof *rows, RESEAL_TRIED_MAX, (void **)(uintptr_t)&rows, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        _cleanup_(secret_done) struct secret plain = {0};
        tried.looked++;
        tried.opened +=
            keyring_open(ring, rows[i].access, account_tokens_place(arena, "access_token", rows[i].mode, &rows[i].id),
                         &plain) == OK;
    }
    *ret = tried;
    return e;
}

static const struct db_col account_reseal_cols[] = {
    DB_COL(struct account_reseal_row, id, UUID), DB_COL_ENUM(struct account_reseal_row, mode, mode_names),
    DB_COL(struct account_reseal_row, access, BYTES), DB_COL(struct account_reseal_row, refresh, BYTES), DB_END};

static const struct sql account_reseal_sqls[] = {
    [ACCOUNT_RESEAL_EACH] = {.text = "SELECT id, mode, access_token, refresh_token FROM accounts"
                                     " WHERE id > ? ORDER BY id LIMIT ?",
                             .in = "ui",
                             .cols = account_reseal_cols},
    [ACCOUNT_RESEAL_OF_KEY] = {.text = "SELECT id, mode, access_token, refresh_token FROM accounts"
                                       " WHERE ORD(access_token) = ? LIMIT ?",
                               .in = "ii",
                               .cols = account_reseal_cols},
    [ACCOUNT_RESEAL_PUT] = {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET access_token = ?, refresh_token = ?"
                                    " WHERE id = ? AND access_token <=> ? AND refresh_token <=> ?",
                            .in = "bbubb"},
};

enum err accounts_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                         struct resealed *ret)
{
    static const struct reseal accounts = {.each = &account_reseal_sqls[ACCOUNT_RESEAL_EACH],
                                           .row_bytes = sizeof(struct account_reseal_row),
                                           .put = &account_reseal_sqls[ACCOUNT_RESEAL_PUT],
                                           .row = account_reseal_row};

    return reseal_all(db, &accounts, ring, told, arg, ret);
}
