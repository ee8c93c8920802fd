#include "model/user/second_factor_reseal.h"

#include "model/user/second_factor_private.h"

enum { SECOND_FACTOR_RESEAL_EACH, SECOND_FACTOR_RESEAL_PUT, SECOND_FACTOR_RESEAL_OF_KEY };
static const struct sql second_factor_reseal_sqls[];

struct second_factor_reseal_row {
    struct uuid user_id;
    struct str secret;
};

struct second_factor_resealing {
    struct db *db;
    const struct keyring *ring;
    resealed_told *told;
    void *arg;
    struct arena arena;
    const struct second_factor_reseal_row *row;
    struct str sealed;
    struct resealed done;
};

static enum err second_factor_reseal_tx(struct db *db, void *arg)
{
    const struct second_factor_resealing *x = arg;

    return db_change(db, &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_PUT],
                     DB_ARGS(db_bytes(x->sealed.p, x->sealed.n), db_uuid(&x->row->user_id),
                             db_bytes(x->row->secret.p, x->row->secret.n)));
}

static enum err second_factor_reseal_row(struct second_factor_resealing *x)
{
    struct str place = second_factor_place(&x->arena, &x->row->user_id);
    enum err e = keyring_seal_again(x->ring, x->row->secret, place, &x->arena, &x->sealed);

    if (e == ERR_SEALED) {
        x->done.unopened++;
        return OK;
    }
    if (e != OK || x->sealed.p == x->row->secret.p)
        return e;
    e = db_tx(x->db, second_factor_reseal_tx, x);
    x->done.sealed += e == OK;
    return e == ERR_CONFLICT ? OK : e; /* it is another secret by now, or none */
}

static enum err second_factor_reseal_each(const void *row, void *arg)
{
    struct second_factor_resealing *x = arg;

    arena_clear(&x->arena);
    x->row = row;
    x->done.looked++;
    enum err e = second_factor_reseal_row(x);
    if (e == OK)
        x->told(&x->done, x->arg);
    return e;
}

enum err second_factors_reseal(struct db *db, const struct keyring *ring, resealed_told *told, void *arg,
                               struct resealed *ret)
{
    struct second_factor_resealing x = {.db = db, .ring = ring, .told = told, .arg = arg};

    arena_init(&x.arena, 1u << 20);
    enum err e = db_each(db, &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_EACH], DB_NO_ARGS, sizeof *x.row,
                         second_factor_reseal_each, &x);
    arena_done(&x.arena);
    *ret = x.done;
    return e;
}

enum err second_factors_try_key(struct db *db, struct arena *arena, const struct keyring *ring, int id,
                                struct reseal_tried *ret)
{
    const struct second_factor_reseal_row *rows;
    struct reseal_tried tried = {0};
    size_t n;

    enum err e = db_rows(db, &second_factor_reseal_sqls[SECOND_FACTOR_RESEAL_OF_KEY],
                         DB_ARGS(db_i64(id), db_i64(RESEAL_TRIED_MAX)), arena, sizeof *rows, RESEAL_TRIED_MAX,
                         (void **)(uintptr_t)&rows, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        _cleanup_(secret_done) struct secret plain = {0};
        tried.looked++;
        tried.opened += keyring_open(ring, rows[i].secret, second_factor_place(arena, &rows[i].user_id), &plain) == OK;
    }
    *ret = tried;
    return e;
}

static const struct db_col second_factor_reseal_cols[] = {DB_COL(struct second_factor_reseal_row, user_id, UUID),
                                                          DB_COL(struct second_factor_reseal_row, secret, BYTES),
                                                          DB_END};

static const struct sql second_factor_reseal_sqls[] = {
    [SECOND_FACTOR_RESEAL_EACH] = {.text = "SELECT user_id, secret FROM user_totp WHERE user_id > ?"
                                           " ORDER BY user_id LIMIT ?",
                                   .in = "ui",
                                   .cols = second_factor_reseal_cols},
    [SECOND_FACTOR_RESEAL_OF_KEY] = {.text = "SELECT user_id, secret FROM user_totp WHERE ORD(secret) = ? LIMIT ?",
                                     .in = "ii",
                                     .cols = second_factor_reseal_cols},
    [SECOND_FACTOR_RESEAL_PUT] = {.text = "UPDATE user_totp SET secret = ? WHERE user_id = ? AND secret = ?",
                                  .in = "bub"},
};
