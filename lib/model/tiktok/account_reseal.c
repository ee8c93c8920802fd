#include "model/tiktok/account_reseal.h"

#include "model/tiktok/account_private.h"

enum { ACCOUNT_RESEAL_EACH, ACCOUNT_RESEAL_PUT };
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
    return sealed.p == NULL ? OK
                            : keyring_seal_again(ring, sealed, account_tokens_place(arena, column, row->mode, &row->id),
                                                 arena, ret);
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

static const struct db_col account_reseal_cols[] = {
    DB_COL(struct account_reseal_row, id, UUID), DB_COL_ENUM(struct account_reseal_row, mode, mode_names),
    DB_COL(struct account_reseal_row, access, BYTES), DB_COL(struct account_reseal_row, refresh, BYTES), DB_END};

static const struct sql account_reseal_sqls[] = {
    [ACCOUNT_RESEAL_EACH] = {.text = "SELECT id, mode, access_token, refresh_token FROM accounts"
                                     " WHERE id > ? ORDER BY id LIMIT ?",
                             .in = "ui",
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
