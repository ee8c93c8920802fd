#include "model/tiktok/account_reseal.h"

#include "model/tiktok/account_private.h"

enum { ACCOUNT_RESEAL_EACH, ACCOUNT_RESEAL_PUT, ACCOUNT_RESEAL_OF_KEY };
static const struct sql account_reseal_sqls[];

struct account_reseal_row {
    struct uuid id;
    int mode;
    struct str access, refresh;
};

struct account_resealing {
    struct db *db;
    const struct keyring *ring;
    resealed_told *told;
    void *arg;
    struct arena arena;
    const struct account_reseal_row *row;
    struct account_sealed sealed;
    struct resealed done;
};

static enum err account_reseal_tx(struct db *db, void *arg)
{
    const struct account_resealing *x = arg;
    const struct account_reseal_row *row = x->row;

    return db_change(db, &account_reseal_sqls[ACCOUNT_RESEAL_PUT],
                     DB_ARGS(db_bytes(x->sealed.access.p, x->sealed.access.n),
                             db_bytes(x->sealed.refresh.p, x->sealed.refresh.n), db_uuid(&row->id),
                             db_bytes(row->access.p, row->access.n), db_bytes(row->refresh.p, row->refresh.n)));
}

static enum err account_reseal_seal(struct account_resealing *x, const char *column, struct str sealed, struct str *ret)
{
    *ret = sealed;
    return sealed.p == NULL
               ? OK
               : keyring_seal_again(x->ring, sealed, account_tokens_place(&x->arena, column, x->row->mode, &x->row->id),
                                    &x->arena, ret);
}

/* One that has other tokens by now, or none, was sealed under the current key, or needs it no more. */
static enum err account_reseal_row(struct account_resealing *x)
{
    enum err e = account_reseal_seal(x, "access_token", x->row->access, &x->sealed.access);

    if (e == OK)
        e = account_reseal_seal(x, "refresh_token", x->row->refresh, &x->sealed.refresh);
    if (e == ERR_SEALED) {
        x->done.unopened++;
        return OK;
    }
    if (e != OK || (x->sealed.access.p == x->row->access.p && x->sealed.refresh.p == x->row->refresh.p))
        return e;
    e = db_tx(x->db, account_reseal_tx, x);
    x->done.sealed += e == OK;
    return e == ERR_CONFLICT ? OK : e;
}

static enum err account_reseal_each(const void *row, void *arg)
{
    struct account_resealing *x = arg;

    arena_clear(&x->arena);
    x->row = row;
    x->done.looked++;
    enum err e = account_reseal_row(x);
    if (e == OK)
        x->told(&x->done, x->arg);
    return e;
}

enum err accounts_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                         struct resealed *ret)
{
    struct account_resealing x = {.db = db, .ring = ring, .told = told, .arg = arg};

    arena_init(&x.arena, 1u << 20);
    enum err e =
        db_each(db, &account_reseal_sqls[ACCOUNT_RESEAL_EACH], DB_NO_ARGS, sizeof *x.row, account_reseal_each, &x);
    arena_done(&x.arena);
    *ret = x.done;
    return e;
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
